//! The states of a group as everyone outside sees them.

use std::fmt;

/// Where a group stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum GroupState {
    /// No members. Its offsets are kept for their retention.
    Empty,
    /// Members are being asked to join the next generation.
    PreparingRebalance,
    /// The members of the generation are fixed and wait for the leader's assignment.
    CompletingRebalance,
    /// Every member can have its assignment.
    Stable,
    /// There is no such group. No group is ever kept in this state: it exists for protocols that
    /// describe an unknown group this way.
    Dead,
}

impl GroupState {
    /// Every state, for metrics and for matching names.
    pub const ALL: [Self; 5] = [
        Self::Empty,
        Self::PreparingRebalance,
        Self::CompletingRebalance,
        Self::Stable,
        Self::Dead,
    ];

    /// The name that tools of this field know.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Empty => "Empty",
            Self::PreparingRebalance => "PreparingRebalance",
            Self::CompletingRebalance => "CompletingRebalance",
            Self::Stable => "Stable",
            Self::Dead => "Dead",
        }
    }

    /// The state of that name, in any case of letters (KIP-518 filters).
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|state| state.as_str().eq_ignore_ascii_case(name))
    }
}

impl fmt::Display for GroupState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// How a group is coordinated (KIP-1043). This coordinator keeps classic groups only; the others
/// are named so that a filter for them finds nothing instead of everything.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum GroupType {
    /// Members elect a leader, which assigns.
    Classic,
    /// The broker assigns (KIP-848).
    Consumer,
    /// Members share partitions message by message (KIP-932).
    Share,
}

impl GroupType {
    /// The name that tools of this field know.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Classic => "Classic",
            Self::Consumer => "Consumer",
            Self::Share => "Share",
        }
    }

    /// The type of that name, in any case of letters.
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Classic, Self::Consumer, Self::Share]
            .into_iter()
            .find(|kind| kind.as_str().eq_ignore_ascii_case(name))
    }
}
