//! What is done, to whom, and how much of it.

use clap::ValueEnum;

use super::contender::Contender::{self, Classic, ForebayFsync, ForebayOs, Old, Quorum};

/// Messages that a consumer may hold, and that it acknowledges at a time.
pub(crate) const PREFETCH: u32 = 500;
pub(crate) const ACK_EVERY: u32 = 50;
/// Messages that may wait for their confirmations.
pub(crate) const WINDOW: u32 = 256;
/// Messages a second where latency is measured.
pub(crate) const STEADY_RATE: u32 = 5_000;
/// Sent at that rate before anything is timed.
pub(crate) const WARM_UP_SECONDS: u32 = 2;
/// Queues of the fan-out, and queues that get a trickle each.
pub(crate) const FANOUT_QUEUES: u32 = 100;
pub(crate) const MANY_QUEUES: u32 = 1_000;
/// Bindings of a topic exchange, and the queues that they lead to.
pub(crate) const FEW_BINDINGS: u32 = 10;
pub(crate) const MANY_BINDINGS: u32 = 10_000;
pub(crate) const TOPIC_QUEUES: u32 = 10;
/// Bytes of messages where routing and waiting are measured.
pub(crate) const SMALL_BYTES: u32 = 100;
pub(crate) const IDLE_CONNECTIONS: u32 = 1_000;
pub(crate) const IDLE_QUEUES: u32 = 10_000;

/// A fresh broker, and what is measured on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Workload {
    /// One queue, nothing is confirmed.
    Unconfirmed,
    /// One queue, with confirmations; and their latency at a fixed rate.
    Confirmed,
    /// Fan-out, many queues, many bindings.
    Routing,
    /// Ten million messages that wait.
    Backlog,
    /// Connections and queues that nobody uses.
    Idle,
}

impl Workload {
    /// Whom it is of use to measure.
    pub(crate) fn contenders(self) -> &'static [Contender] {
        match self {
            Self::Unconfirmed | Self::Confirmed => &[ForebayFsync, Classic, ForebayOs, Quorum, Old],
            Self::Routing => &[ForebayOs, Classic],
            Self::Backlog | Self::Idle => &[ForebayFsync, Classic],
        }
    }
}

/// The length of a run.
#[derive(Debug)]
pub(crate) struct Plan {
    pub(crate) rounds: usize,
    /// Messages of each measurement of Forebay's throughput; others get a share of them.
    pub(crate) messages: u64,
    pub(crate) latency_seconds: u32,
    pub(crate) perf_test_seconds: u32,
    pub(crate) backlog: u64,
}

impl Plan {
    /// Does it work, and is it about right?
    pub(crate) fn quick() -> Self {
        Self {
            rounds: 1,
            messages: 500_000,
            latency_seconds: 4,
            perf_test_seconds: 6,
            backlog: 1_000_000,
        }
    }

    /// What is published.
    pub(crate) fn full() -> Self {
        Self {
            rounds: 3,
            messages: 2_000_000,
            latency_seconds: 10,
            perf_test_seconds: 12,
            backlog: 10_000_000,
        }
    }

    /// Such that each takes a few seconds.
    pub(crate) fn messages(&self, contender: Contender) -> u64 {
        self.messages
            / match contender {
                ForebayFsync | ForebayOs => 1,
                Classic | Old => 5,
                Quorum => 10,
            }
    }

    /// RabbitMQ gets a fifth: the fill, and a start after `kill -9`, would take it a quarter of an hour.
    pub(crate) fn backlog(&self, contender: Contender) -> u64 {
        match contender {
            ForebayFsync | ForebayOs => self.backlog,
            Classic | Quorum | Old => self.backlog / 5,
        }
    }

    /// Of those with confirmations, and those that are routed: they cost more.
    pub(crate) fn costly_messages(&self, contender: Contender) -> u64 {
        self.messages(contender) / 4
    }
}
