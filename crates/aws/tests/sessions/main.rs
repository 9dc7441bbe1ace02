//! Requests of AWS clients against a whole broker, without a socket and without a disk.

mod access;
mod hostile;
mod messages;
mod support;
