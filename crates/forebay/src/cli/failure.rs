//! How a command ends: exit codes that scripts can rely on, and one line that says what to do.

use std::fmt;
use std::io;
use std::process::ExitCode;

use crate::config::Problems;

/// Why a command did not succeed. The numbers are part of the command line's contract.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Cause {
    /// The reader of our output went away, as in `forebay topic list | head -1`: a quiet end.
    ClosedPipe = 0,
    /// It was tried and did not work.
    Failed = 1,
    /// The command line or the configuration is wrong; nothing was tried.
    Usage = 2,
    /// The topic, group or record does not exist.
    NotFound = 3,
    /// The broker does not allow it.
    Denied = 4,
    /// No broker answers at this address.
    Unreachable = 5,
    /// The broker did not answer in time.
    TimedOut = 6,
    /// Ctrl-C before everything was done, in the way of shells: 128 and the signal's number.
    Interrupted = 130,
}

/// A failed command: the cause for scripts, the message for people.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Failure {
    pub(crate) cause: Cause,
    pub(crate) message: String,
    /// What to do about it.
    pub(crate) hint: Option<String>,
}

impl Failure {
    pub(crate) fn new(cause: Cause, message: impl Into<String>) -> Self {
        Self {
            cause,
            message: message.into(),
            hint: None,
        }
    }

    /// Adds what to do about it.
    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// The failures of a command that was to do several things, as one. Scripts get the first
    /// one's code.
    pub(crate) fn all(failures: Vec<Self>) -> Result<(), Self> {
        let mut failures = failures.into_iter();
        let Some(mut first) = failures.next() else {
            return Ok(());
        };
        for failure in failures {
            first.message = format!("{first}\n{}", failure.message);
            first.hint = failure.hint;
        }
        Err(first)
    }

    /// Reports on standard error and gives the exit code.
    pub(crate) fn report(&self) -> ExitCode {
        if self.cause != Cause::ClosedPipe {
            super::terminal::complain(&self.to_string());
        }
        ExitCode::from(self.cause as u8)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        match &self.hint {
            Some(hint) => write!(f, "; {hint}"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for Failure {}

impl From<io::Error> for Failure {
    /// Errors of our own output. A closed pipe is a quiet end, not a failure.
    fn from(error: io::Error) -> Self {
        if error.kind() == io::ErrorKind::BrokenPipe {
            return Self::new(Cause::ClosedPipe, "output closed");
        }
        Self::new(Cause::Failed, error.to_string())
    }
}

impl From<Problems> for Failure {
    fn from(problems: Problems) -> Self {
        Self::new(Cause::Usage, problems.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn several_failures_are_told_one_by_one() {
        let failure = |name: &str| {
            Failure::new(Cause::NotFound, format!("topic {name} does not exist")).hint("look")
        };
        assert_eq!(Failure::all(Vec::new()), Ok(()));
        let all = Failure::all(vec![failure("a"), failure("b")]).unwrap_err();
        assert_eq!(all.cause, Cause::NotFound);
        assert_eq!(
            all.to_string(),
            "topic a does not exist; look\ntopic b does not exist; look"
        );
    }

    #[test]
    fn a_closed_pipe_is_a_quiet_success() {
        let failure = Failure::from(io::Error::from(io::ErrorKind::BrokenPipe));
        assert_eq!(failure.report(), ExitCode::SUCCESS);
        let failure = Failure::from(io::Error::other("disk full"));
        assert_eq!(
            (failure.cause, failure.message.as_str()),
            (Cause::Failed, "disk full")
        );
    }
}
