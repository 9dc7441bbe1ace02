//! Asking before something is lost.

use std::io::{self, BufRead, IsTerminal};

use super::failure::{Cause, Failure};
use super::terminal;

/// Asks whoever sits at the terminal to type `name`. Without a terminal there is nobody to ask,
/// and guessing would be wrong in one of the two directions.
pub(crate) fn by_name(question: &str, name: &str) -> Result<(), Failure> {
    if !io::stdin().is_terminal() || !terminal::is_watched() {
        let message =
            format!("{question} needs a confirmation, and there is no terminal to ask on");
        return Err(Failure::new(Cause::Usage, message).hint("use --yes"));
    }
    terminal::note(&format!("{question}. Type {name} to confirm:"));
    let mut answer = String::new();
    io::stdin().lock().read_line(&mut answer)?;
    if answer.trim() == name {
        return Ok(());
    }
    Err(Failure::new(
        Cause::Failed,
        "not confirmed, nothing was changed",
    ))
}
