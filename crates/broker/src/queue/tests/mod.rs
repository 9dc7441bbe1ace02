//! What queues promise, by topic.

mod bounds;
mod bytes;
mod consumers;
mod delays;
mod delivery;
mod events;
mod fair;
mod groups;
pub(super) mod harness;
mod model;
mod operators;
mod properties;
mod recovery;
mod settling;
mod size;
