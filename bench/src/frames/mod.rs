//! Load whose generator costs next to nothing: produce requests that were encoded once and are sent
//! again and again, fetches of which only the heads of batches are looked at. What it measures is the
//! server. It works on any broker that speaks the versions below.

mod connection;
mod fetch;
mod produce;

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

pub use fetch::fetch;
pub use produce::{Produce, produce};

/// The newest versions that name topics by their names.
const PRODUCE_VERSION: i16 = 12;
const FETCH_VERSION: i16 = 12;

/// What was sent or read.
#[derive(Clone, Copy, Debug, Default)]
pub struct Done {
    /// Records.
    pub records: u64,
    /// Requests that carried them.
    pub requests: u64,
    /// From the first request to the last answer.
    pub time: Duration,
}

/// Where the load goes.
#[derive(Clone, Debug)]
pub struct Target {
    /// The broker.
    pub address: SocketAddr,
    /// The topic.
    pub topic: String,
    /// Its partitions.
    pub partitions: i32,
}

/// Runs one thread a connection and adds up what they did.
fn on_connections(
    count: usize,
    work: impl Fn(usize) -> io::Result<Done> + Sync,
) -> io::Result<Done> {
    let started = std::time::Instant::now();
    let outcomes: Vec<_> = std::thread::scope(|scope| {
        let work = &work;
        let threads: Vec<_> = (0..count)
            .map(|connection| scope.spawn(move || work(connection)))
            .collect();
        threads
            .into_iter()
            .map(|thread| thread.join().expect("a connection does not panic"))
            .collect()
    });
    let mut all = Done::default();
    for outcome in outcomes {
        let done = outcome?;
        all.records += done.records;
        all.requests += done.requests;
    }
    all.time = started.elapsed();
    Ok(all)
}
