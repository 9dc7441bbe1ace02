//! Policies: what holds for many queues and exchanges by their names, beside what each was declared with.
//!
//! | module | what it is |
//! |---|---|
//! | `definition` | policies, and how they are written down |
//! | `effective` | what holds for one queue, stream or exchange, all things considered |

mod definition;
mod effective;

pub use definition::{ApplyTo, Policy, PolicyKind, PolicyRules, QueueTypes};
pub(crate) use effective::{EffectiveQueue, alternate_of};
