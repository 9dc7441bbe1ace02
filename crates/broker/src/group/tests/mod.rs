//! The coordinator's promises, by topic.

mod harness;
mod invariants;
mod joining;
mod leaving;
mod offsets;
mod operators;
mod properties;
mod recovery;
mod retention;
mod sessions;
mod static_members;
mod steps;
mod syncing;
