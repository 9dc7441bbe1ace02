//! The two ways in which Kafka writes lengths.

/// How a message version writes lengths, and whether its structs end in tagged fields (KIP-482).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// Lengths are fixed-width signed integers, -1 is null, and there are no tagged fields.
    Classic,
    /// Lengths are varints holding the length plus one, 0 is null, and every struct ends in a
    /// list of tagged fields.
    Flexible,
}

impl Form {
    /// The form of `version` in a message that is flexible from `flexible_from` on.
    pub const fn of(version: i16, flexible_from: Option<i16>) -> Self {
        match flexible_from {
            Some(first) if version >= first => Self::Flexible,
            _ => Self::Classic,
        }
    }

    /// The fewest bytes that a string takes.
    pub const fn min_string_bytes(self) -> usize {
        match self {
            Self::Classic => 2,
            Self::Flexible => 1,
        }
    }

    /// The fewest bytes that anything else with a length takes.
    pub const fn min_length_bytes(self) -> usize {
        match self {
            Self::Classic => 4,
            Self::Flexible => 1,
        }
    }
}
