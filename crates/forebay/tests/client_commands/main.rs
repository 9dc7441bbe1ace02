//! Promises of the commands that talk to a broker, kept against a broker of the same build.

#![allow(clippy::unwrap_used, reason = "a test ends where something is missing")]

mod amqp;
mod broker;
mod failures;
mod groups;
mod messages;
mod queues;
mod topics;
