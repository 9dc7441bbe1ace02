//! Limits that operators set: how much there may be in a virtual host, and how much a user may have.

use std::collections::BTreeMap;

use forebay_storage::codec::DecodeError;

/// What is limited.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum LimitKind {
    /// Connections to a virtual host, or of a user.
    Connections,
    /// Queues of a virtual host.
    Queues,
    /// Channels of all connections of a user together.
    Channels,
}

impl LimitKind {
    pub(crate) fn number(self) -> u8 {
        match self {
            Self::Connections => 0,
            Self::Queues => 1,
            Self::Channels => 2,
        }
    }

    pub(crate) fn from_number(number: u8) -> Result<Self, DecodeError> {
        let all = [Self::Connections, Self::Queues, Self::Channels];
        let mut all = all.into_iter();
        let what = "kind of limit";
        all.find(|kind| kind.number() == number)
            .ok_or(DecodeError::Invalid { what })
    }
}

/// Whose a limit is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Limited {
    /// A virtual host's, by its name.
    VirtualHost(String),
    /// A user's, by its name.
    User(String),
}

/// The limits of a virtual host or a user, as they were set: a negative one bounds nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Limits(BTreeMap<LimitKind, i64>);

impl Limits {
    /// How many there may be, if that is bounded.
    pub fn most(&self, kind: LimitKind) -> Option<u64> {
        u64::try_from(*self.0.get(&kind)?).ok()
    }

    /// What was set.
    pub fn iter(&self) -> impl Iterator<Item = (LimitKind, i64)> {
        self.0.iter().map(|(kind, value)| (*kind, *value))
    }

    pub(super) fn set(&mut self, kind: LimitKind, value: Option<i64>) {
        match value {
            Some(value) => self.0.insert(kind, value),
            None => self.0.remove(&kind),
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_negative_limit_is_kept_and_bounds_nothing() {
        let mut limits = Limits::default();
        assert_eq!(limits.most(LimitKind::Queues), None);
        limits.set(LimitKind::Queues, Some(0));
        limits.set(LimitKind::Channels, Some(-1));
        assert_eq!(limits.most(LimitKind::Queues), Some(0));
        assert_eq!(limits.most(LimitKind::Channels), None);
        let set: Vec<_> = limits.iter().collect();
        assert_eq!(set, [(LimitKind::Queues, 0), (LimitKind::Channels, -1)]);
        limits.set(LimitKind::Queues, None);
        assert_eq!(limits.most(LimitKind::Queues), None);
    }

    #[test]
    fn kinds_have_numbers_of_their_own() {
        for kind in [
            LimitKind::Connections,
            LimitKind::Queues,
            LimitKind::Channels,
        ] {
            assert_eq!(LimitKind::from_number(kind.number()).unwrap(), kind);
        }
        assert!(LimitKind::from_number(3).is_err());
    }
}
