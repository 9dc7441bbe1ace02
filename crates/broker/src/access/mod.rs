//! Who may do what, and where: virtual hosts, users, permissions, policies and parameters.
//!
//! | module | what it is |
//! |---|---|
//! | `directory` | all of it as it is now, for any thread to look into |
//! | `authorize` | the one question that every operation asks |
//! | `user` | users and their passwords |
//! | `limits` | how much of something there may be |
//! | `pattern` | regular expressions over names |
//! | `change` | what can be changed, and how that is written down |
//!
//! The state machine changes it; everybody else reads a copy that is replaced as a whole.

mod authorize;
pub(crate) mod change;
mod directory;
mod error;
mod limits;
mod pattern;
mod user;

pub use authorize::{Action, Denied, Resource};
pub use change::AccessChange;
pub use directory::{Directory, Parameter, VirtualHostEntry};
pub use error::AccessError;
pub use limits::{LimitKind, Limited, Limits};
pub use pattern::Pattern;
pub use user::{HashAlgorithm, PasswordHash, Permission, TopicPermission, User};
