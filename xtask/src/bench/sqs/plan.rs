//! What is done, to whom, and how much of it.

use clap::ValueEnum;

use super::contender::Contender::{self, Elasticmq, ForebayFsync, ForebayOs, Moto};

/// Connections, each with one request under way.
pub(crate) const CONNECTIONS: u32 = 64;
/// The most messages that a request takes.
pub(crate) const BATCH: u32 = 10;
pub(crate) const BODY_BYTES: u32 = 1024;
/// Messages a second where latency is measured, and the connections that receive them.
pub(crate) const STEADY_RATE: u32 = 1_000;
pub(crate) const RECEIVERS: u32 = 8;
/// Sent at that rate before anything is timed.
pub(crate) const WARM_UP_SECONDS: u32 = 2;
pub(crate) const POLLS: u32 = 10_000;
/// How long they are watched: a poll waits twenty seconds, and this begins when all of them do.
pub(crate) const POLLS_SECONDS: u64 = 10;

/// A fresh server, and what is measured on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Workload {
    /// Send, receive, delete.
    Cycle,
    /// Send.
    Send,
    /// A fixed rate.
    Steady,
    /// A million messages that wait.
    Backlog,
    /// Receivers that wait.
    Polls,
}

impl Workload {
    /// Whom it is of use to measure.
    pub(crate) fn contenders(self) -> &'static [Contender] {
        match self {
            Self::Cycle | Self::Send => &[ForebayFsync, Elasticmq, ForebayOs, Moto],
            Self::Steady => &[ForebayFsync, Elasticmq, ForebayOs],
            Self::Backlog | Self::Polls => &[ForebayFsync, Elasticmq],
        }
    }
}

/// The length of a run.
#[derive(Debug)]
pub(crate) struct Plan {
    pub(crate) rounds: usize,
    /// Messages that Forebay is sent one by one; others get a share of them.
    pub(crate) messages: u64,
    pub(crate) steady_seconds: u32,
    pub(crate) backlog: u64,
}

impl Plan {
    /// Does it work, and is it about right?
    pub(crate) fn quick() -> Self {
        Self {
            rounds: 1,
            messages: 50_000,
            steady_seconds: 4,
            backlog: 100_000,
        }
    }

    /// What is published.
    pub(crate) fn full() -> Self {
        Self {
            rounds: 3,
            messages: 300_000,
            steady_seconds: 10,
            backlog: 1_000_000,
        }
    }

    /// Such that each takes a few seconds.
    pub(crate) fn messages(&self, contender: Contender) -> u64 {
        self.messages
            / match contender {
                ForebayFsync | ForebayOs => 1,
                Elasticmq => 5,
                // 75 messages a second are a minute of it.
                Moto => 600,
            }
    }
}
