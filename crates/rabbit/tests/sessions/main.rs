//! Whole connections against a whole broker.

#![allow(
    clippy::unwrap_used,
    reason = "what the cases share is part of the cases"
)]

mod access;
mod blocking;
mod confirms;
mod consumers;
mod errors;
mod handshake;
mod heads;
mod hostile;
mod replies;
mod streams;
mod subscriptions;
#[path = "../support/mod.rs"]
mod support;
mod topology;
mod transactions;
