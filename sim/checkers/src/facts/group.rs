//! The commits of one group for one log, and what was answered about them.

use crate::history::Outcome;

/// A commit.
#[derive(Clone, Copy, Debug)]
pub(crate) struct CommitFact {
    pub(crate) offset: u64,
    pub(crate) outcome: Outcome,
    pub(crate) invoked: u64,
    pub(crate) completed: u64,
    pub(crate) line: u64,
}

/// An answer about the committed offset.
#[derive(Clone, Copy, Debug)]
pub(crate) struct CommittedFact {
    pub(crate) offset: Option<u64>,
    pub(crate) invoked: u64,
    pub(crate) completed: u64,
    pub(crate) line: u64,
}

/// All of one group and log.
#[derive(Debug, Default)]
pub(crate) struct CommittedOffsets {
    pub(crate) commits: Vec<CommitFact>,
    pub(crate) answers: Vec<CommittedFact>,
}
