//! How far a replay is: kept with its subscription.

use serde::{Deserialize, Serialize};

/// A replay that was asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Replay {
    /// Its own: another replay of the same messages is told again.
    pub(crate) id: String,
    /// The offset of the next message; none before it began.
    pub(crate) next: Option<u64>,
    /// The offset from which on everything is told, because it was published since the replay was asked for.
    pub(crate) live_from: u64,
    pub(crate) status: ReplayStatus,
    /// The address that links begin with: that by which who asked for it came.
    pub(crate) endpoint: String,
}

/// What `ReplayStatus` says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum ReplayStatus {
    /// It has not begun.
    Pending,
    /// It has.
    InProgress,
    /// Everything was told, and what is published is told at once again.
    Completed,
    /// The archive is gone.
    Failed,
}

impl Replay {
    pub(crate) fn new(id: String, endpoint: &str) -> Self {
        Self {
            id,
            endpoint: endpoint.to_owned(),
            next: None,
            live_from: 0,
            status: ReplayStatus::Pending,
        }
    }

    /// Whether there is something to be told still.
    pub(crate) fn is_going_on(&self) -> bool {
        matches!(
            self.status,
            ReplayStatus::Pending | ReplayStatus::InProgress
        )
    }
}

impl ReplayStatus {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "Pending",
            Self::InProgress => "In progress",
            Self::Completed => "Completed",
            Self::Failed => "Failed",
        }
    }
}
