//! The HTTP side over a real broker: a shard on its own thread, a simulated disk, no sockets.

mod cluster;
mod connection;
mod errors;
mod groups;
mod harness;
mod health;
mod metrics;
mod openmetrics;
mod topics;
