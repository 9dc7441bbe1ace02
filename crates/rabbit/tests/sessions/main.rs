//! Whole connections against a whole broker.

#![allow(
    clippy::unwrap_used,
    reason = "what the cases share is part of the cases"
)]

mod access;
mod confirms;
mod consumers;
mod errors;
mod handshake;
mod hostile;
mod replies;
#[path = "../support/mod.rs"]
mod support;
mod topology;
mod transactions;
