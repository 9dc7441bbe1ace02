//! Talk on standard error: complaints, notes, colour where a person looks at it.

use std::io::{self, IsTerminal, Write};

/// Whether standard error may have colours: a terminal, and `NO_COLOR` not set (<https://no-color.org>).
pub(crate) fn colours() -> bool {
    io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}

/// Whether somebody watches standard error, so that a progress bar makes sense.
pub(crate) fn is_watched() -> bool {
    io::stderr().is_terminal()
}

/// Prints `error: ...`, each line of it.
pub(crate) fn complain(message: &str) {
    let (red, plain) = if colours() {
        ("\x1b[1;31m", "\x1b[0m")
    } else {
        ("", "")
    };
    for line in message.lines() {
        // Indented lines continue the complaint above them.
        let label = if line.starts_with(' ') {
            String::new()
        } else {
            format!("{red}error:{plain} ")
        };
        // There is nowhere left to report to when standard error is gone.
        let _ = writeln!(io::stderr(), "{label}{line}");
    }
}

/// Prints a remark that is not data.
pub(crate) fn note(message: &str) {
    let _ = writeln!(io::stderr(), "{message}");
}
