//! Load on an AMQP 0-9-1 broker that costs its generator next to nothing: what is published was
//! encoded once, and what is delivered is looked at no more than it takes to acknowledge it.

mod connection;
mod consume;
mod publish;

use std::io;
use std::net::SocketAddr;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use connection::Connection;

/// What is sent, and how.
#[derive(Clone, Debug)]
pub struct Load {
    /// The broker.
    pub address: SocketAddr,
    /// The queue; it is declared, and emptied.
    pub queue: String,
    /// It is a quorum queue, where the broker has those.
    pub quorum: bool,
    /// Bytes of each body.
    pub body_bytes: usize,
    /// The messages are to survive a restart.
    pub persistent: bool,
    /// Messages of each publisher.
    pub messages: u64,
    /// How many publishers.
    pub publishers: usize,
    /// How many messages of a publisher may wait for their confirmations; none are asked for if 0.
    pub unconfirmed: u64,
    /// How many consumers.
    pub consumers: usize,
    /// Messages that a consumer may hold.
    pub prefetch: u16,
    /// How many messages are acknowledged at a time.
    pub ack_every: u64,
}

/// Runs the load. Returns what it found.
pub fn run(load: &Load) -> io::Result<Value> {
    let mut control = Connection::open(load.address)?;
    control.declare(&load.queue, load.quorum)?;
    control.purge(&load.queue)?;
    let total = load.messages * load.publishers as u64;
    let began = Instant::now();
    let consumers: Vec<_> = (0..load.consumers as u64)
        .map(|index| {
            let load = load.clone();
            let all = load.consumers as u64;
            let share = total / all + u64::from(index < total % all);
            thread::spawn(move || consume::run(&load, share))
        })
        .collect();
    let publishers: Vec<_> = (0..load.publishers)
        .map(|_| {
            let load = load.clone();
            thread::spawn(move || publish::run(&load))
        })
        .collect();
    let mut latencies = Vec::new();
    for publisher in publishers {
        latencies.extend(publisher.join().expect("publishers do not panic")?);
    }
    let published = began.elapsed();
    for consumer in consumers {
        consumer.join().expect("consumers do not panic")?;
    }
    let consumed = began.elapsed();
    let rate = |time: Duration| (total as f64 / time.as_secs_f64()).round();
    latencies.sort_unstable();
    let quantile = |q: f64| {
        let at = (latencies.len() as f64 * q) as usize;
        let found = latencies.get(at.min(latencies.len().saturating_sub(1)));
        found.map(|latency| latency.as_secs_f64() * 1e3)
    };
    Ok(json!({
        "messages": total,
        "published_per_second": rate(published),
        "end_to_end_per_second": (load.consumers > 0).then(|| rate(consumed)),
        "confirm_p50_ms": quantile(0.5),
        "confirm_p99_ms": quantile(0.99),
    }))
}
