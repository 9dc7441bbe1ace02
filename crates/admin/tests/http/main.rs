//! The HTTP side over a real broker: a shard on its own thread, a simulated disk, no sockets.

#![allow(clippy::unwrap_used, reason = "in a test a surprise is a failure")]

mod cluster;
mod connection;
mod errors;
mod groups;
mod harness;
mod health;
mod metrics;
mod mounted;
mod openmetrics;
mod topics;
