//! Writes a history, as the simulator does with one that it wants looked at.

use std::io::{self, Write};

use super::{FORMAT, Header, Operation, VERSION};

/// Writes the header, then a line an operation. What it is given is best buffered.
#[derive(Debug)]
pub struct Writer<W> {
    output: W,
}

impl<W: Write> Writer<W> {
    /// Writes the header.
    ///
    /// # Errors
    /// Those of `output`.
    pub fn new(output: W) -> io::Result<Self> {
        let mut writer = Self { output };
        writer.line(&Header {
            format: FORMAT.to_owned(),
            version: VERSION,
        })?;
        Ok(writer)
    }

    /// Writes one operation.
    ///
    /// # Errors
    /// Those of `output`.
    pub fn write(&mut self, operation: &Operation) -> io::Result<()> {
        self.line(operation)
    }

    fn line(&mut self, content: &impl serde::Serialize) -> io::Result<()> {
        serde_json::to_writer(&mut self.output, content)?;
        self.output.write_all(b"\n")
    }
}
