//! Requests of AWS clients against a whole broker, without a socket and without a disk.

mod access;
mod arrival;
mod connections;
mod framing;
mod hostile;
mod messages;
mod support;
