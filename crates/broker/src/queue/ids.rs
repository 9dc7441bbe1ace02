//! The names that callers give to whoever takes messages, and the ones that the queue gives to locks.

/// Whoever holds messages: a consumer, or somebody who gets messages without subscribing. The caller
/// chooses it, one for each consumer, and names nobody else by it before it was released.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct HolderId(pub u64);

/// A credit that several consumers share, of one queue or of several. The caller chooses it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PoolId(pub u64);

/// Names the delivery of one message to one holder. The numbers of a holder count up from one
/// delivery to the next, and none is used twice in the life of a queue: a token of a lock that ended
/// finds nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Token {
    /// Who was given the message.
    pub holder: HolderId,
    /// Which of its deliveries it was.
    pub number: u64,
}
