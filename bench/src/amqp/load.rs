//! Publishers and consumers at once, and consumers alone.

use std::io;
use std::net::SocketAddr;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::connection::Connection;
use super::consume::{self, Taking};
use super::publish;
use super::ring::{Content, Ring};
use super::steady::{self, Pace};
use super::topology::Topology;
use crate::latency::Latencies;

/// What is sent, and how.
#[derive(Clone, Debug)]
pub struct Load {
    /// The broker.
    pub address: SocketAddr,
    /// Where it is sent; the queues are emptied before.
    pub topology: Topology,
    /// What is sent.
    pub content: Content,
    /// Messages of each publisher.
    pub messages: u64,
    /// How many publishers.
    pub publishers: usize,
    /// How they go about it.
    pub publishing: Publishing,
    /// How many consumers; they share the queues, or the only queue.
    pub consumers: usize,
    /// How they take what they are given.
    pub taking: Taking,
}

/// What holds a publisher back.
#[derive(Clone, Copy, Debug)]
pub enum Publishing {
    /// Nothing, and nothing is confirmed.
    Unconfirmed,
    /// No more messages than this may wait for their confirmations.
    Window(u64),
    /// The clock.
    Steady(Pace),
}

impl Load {
    /// Runs it. Returns what it found.
    pub fn run(&self) -> io::Result<Value> {
        let mut control = Connection::open(self.address)?;
        self.topology.declare(&mut control)?;
        let ring = Ring::new(&self.topology.addresses(), self.content);
        // All are connected before the clock runs.
        let open = || Connection::open(self.address);
        let publishers = (0..self.publishers).map(|_| open());
        let publishers = publishers.collect::<io::Result<Vec<_>>>()?;
        let consumers = self.consumers();
        let consumers = consumers.map(|(queues, share)| Ok((open()?, queues, share)));
        let consumers = consumers.collect::<io::Result<Vec<_>>>()?;

        let began = Instant::now();
        let taking = self.taking;
        let consumers: Vec<JoinHandle<io::Result<()>>> = consumers
            .into_iter()
            .map(|(connection, queues, share)| {
                thread::spawn(move || consume::run(connection, &queues, taking, share))
            })
            .collect();
        let publishers: Vec<_> = publishers
            .into_iter()
            .map(|connection| {
                let (load, ring) = (self.clone(), ring.clone());
                thread::spawn(move || load.publish(connection, ring))
            })
            .collect();
        let (mut latencies, mut late) = (Latencies::default(), Latencies::default());
        for publisher in publishers {
            let found = publisher.join().expect("publishers do not panic")?;
            latencies.extend(found.0);
            late.extend(found.1);
        }
        let published = began.elapsed();
        for consumer in consumers {
            consumer.join().expect("consumers do not panic")?;
        }
        let delivered = began.elapsed();

        let messages = self.messages * self.publishers as u64;
        let deliveries = messages * self.topology.copies();
        let [p50, p99, p999] = latencies.quantiles_ms([0.5, 0.99, 0.999]);
        let [late] = late.quantiles_ms([0.99]);
        Ok(json!({
            "published_per_second": rate(messages, published),
            "delivered_per_second": (self.consumers > 0).then(|| rate(deliveries, delivered)),
            "confirm_p50_ms": p50,
            "confirm_p99_ms": p99,
            "confirm_p999_ms": p999,
            "late_p99_ms": late,
        }))
    }

    fn publish(&self, connection: Connection, ring: Ring) -> io::Result<(Latencies, Latencies)> {
        match self.publishing {
            Publishing::Unconfirmed => publish::unconfirmed(connection, ring, self.messages)
                .map(|()| (Latencies::default(), Latencies::default())),
            Publishing::Window(window) => {
                publish::confirmed(connection, ring, self.messages, window)
                    .map(|latencies| (latencies, Latencies::default()))
            }
            Publishing::Steady(pace) => steady::run(connection, ring, self.messages, pace),
        }
    }

    /// The queues of each consumer, and how many messages it is to take.
    fn consumers(&self) -> impl Iterator<Item = (Vec<String>, u64)> {
        let (all, publishers) = (self.consumers, self.publishers as u64);
        let queues = self.topology.queues();
        (0..all).map(move |index| {
            if let [queue] = &queues[..] {
                let total = self.topology.share(0, self.messages) * publishers;
                let more = u64::from((index as u64) < total % all as u64);
                return (vec![queue.clone()], total / all as u64 + more);
            }
            let own = || (index..queues.len()).step_by(all);
            let share = own().map(|queue| self.topology.share(queue, self.messages) * publishers);
            (
                own().map(|queue| queues[queue].clone()).collect(),
                share.sum(),
            )
        })
    }
}

/// One consumer that takes what is there.
#[derive(Clone, Debug)]
pub struct Drain {
    /// The broker.
    pub address: SocketAddr,
    /// The queue.
    pub queue: String,
    /// It was declared as a quorum queue.
    pub quorum: bool,
    /// How many messages are taken; if 0 they are only counted.
    pub messages: u64,
    /// How they are taken.
    pub taking: Taking,
}

impl Drain {
    /// Runs it. Returns what it found.
    pub fn run(&self) -> io::Result<Value> {
        let mut connection = Connection::open(self.address)?;
        let found = connection.declare_queue(&self.queue, self.quorum)?;
        let began = Instant::now();
        if self.messages > 0 {
            let queues = [self.queue.clone()];
            consume::run(connection, &queues, self.taking, self.messages)?;
        }
        Ok(json!({
            "found": found,
            "delivered_per_second": (self.messages > 0).then(|| rate(self.messages, began.elapsed())),
        }))
    }
}

fn rate(messages: u64, time: Duration) -> f64 {
    (messages as f64 / time.as_secs_f64()).round()
}
