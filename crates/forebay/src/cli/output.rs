//! Data on standard output. Everything here returns its errors: a closed pipe ends the command.

use std::fmt::Display;
use std::io::{self, Write};

use serde_json::Value;

use super::failure::Failure;

/// Prints something for people, as it is.
pub(crate) fn print_data(data: &impl Display) -> Result<(), Failure> {
    write_data(data.to_string().as_bytes())
}

/// Prints one JSON value, indented.
pub(crate) fn print_json(value: &Value) -> Result<(), Failure> {
    write_data(format!("{value:#}\n").as_bytes())
}

/// Writes bytes and makes sure that they have gone out.
pub(crate) fn write_data(bytes: &[u8]) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    out.write_all(bytes)?;
    out.flush()?;
    Ok(())
}
