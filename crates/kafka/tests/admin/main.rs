//! Administration as a client sees it on the wire, at every version of every key.

mod alterations;
mod cluster;
mod configs;
mod dry_runs;
mod partitions;
mod records;
mod requests;
#[path = "../support/mod.rs"]
mod support;
mod topics;
mod unavailable;
