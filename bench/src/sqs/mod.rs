//! Load on a server that speaks SQS in AWS JSON 1.0, from a client that costs next to nothing: requests are
//! bytes that were written once, and of answers no more is looked at than the next request needs.
//!
//! Everything runs on one thread, so that the server has the other processors.

mod answer;
mod connection;
mod cycle;
mod drain;
mod fields;
mod load;
mod polls;
mod queue;
mod send;
mod steady;
mod take;

pub use load::Load;
pub use polls::Polls;
pub use queue::Endpoint;
pub use steady::Steady;
