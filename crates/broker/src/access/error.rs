//! Why something about users and virtual hosts is refused.

/// Why a change is not made.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AccessError {
    /// There is no such virtual host.
    #[error("no virtual host '{0}'")]
    NoVirtualHost(String),
    /// There is no such user.
    #[error("no user '{0}'")]
    NoUser(String),
    /// Something that is to go is not there.
    #[error("there is nothing of this name")]
    NotFound,
    /// A name that cannot be one.
    #[error("a name has 1 to {0} bytes")]
    Name(usize),
    /// A regular expression that is none.
    #[error("invalid regular expression '{pattern}': {why}")]
    Pattern {
        /// It.
        pattern: String,
        /// What is wrong with it.
        why: String,
    },
    /// There are as many as there may be.
    #[error("there are {0} already, which is as many as there may be")]
    TooMany(&'static str),
    /// A text that is longer than is kept.
    #[error("{what} has more than {limit} bytes")]
    TooLarge {
        /// Which.
        what: &'static str,
        /// What it may have.
        limit: usize,
    },
    /// The medium is full.
    #[error("the disk is full")]
    StorageFull,
    /// The broker has stopped.
    #[error("the broker has stopped")]
    Stopped,
}
