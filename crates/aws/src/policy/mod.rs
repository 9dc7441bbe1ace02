//! Access policies of queues and topics: who, beside the owner, may do what, and what nobody may.
//!
//! | module | what it is |
//! |---|---|
//! | `document` | a policy as it is written, checked |
//! | `principal` | who is meant |
//! | `condition`, `operator` | what else has to be so |
//! | `pattern` | `*` and `?` |
//! | `request` | what is asked, and what is known of who asks |
//!
//! Nothing of a policy that is not understood allows anything, and what it denies is denied.
//!
//! Source: <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements.html>

mod condition;
mod document;
mod operator;
mod pattern;
mod principal;
mod request;

#[cfg(test)]
mod tests;

use document::Decision;
pub(crate) use document::Policy;
pub(crate) use request::{Asker, Request};

/// Whether something is so, as far as can be known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Truth {
    No,
    Yes,
    /// It depends on something that nothing here knows.
    Unknown,
}

impl Truth {
    /// Whether all are so. The first that is not decides.
    fn all(truths: impl Iterator<Item = Self>) -> Self {
        let mut all = Self::Yes;
        for truth in truths {
            match truth {
                Self::No => return Self::No,
                Self::Unknown => all = Self::Unknown,
                Self::Yes => {}
            }
        }
        all
    }
}

impl From<bool> for Truth {
    fn from(is_so: bool) -> Self {
        match is_so {
            true => Self::Yes,
            false => Self::No,
        }
    }
}
