//! Publishing at a fixed rate, with confirmations.

use std::io::{self, Write};
use std::thread;
use std::time::{Duration, Instant};

use super::confirms::Confirms;
use super::connection::Connection;
use super::ring::Ring;
use crate::latency::Latencies;

/// When messages are due.
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    /// Messages a second.
    pub rate: u32,
    /// Messages that are sent before any is timed.
    pub warm_up: u64,
}

impl Pace {
    fn due(self, number: u64) -> Duration {
        Duration::from_secs_f64(number as f64 / f64::from(self.rate))
    }
}

/// Sends so many messages. Returns how long each confirmation took from the moment its message was due,
/// whether or not it was sent by then, and how late the messages were sent.
pub(super) fn run(
    mut connection: Connection,
    ring: Ring,
    messages: u64,
    pace: Pace,
) -> io::Result<(Latencies, Latencies)> {
    connection.select_confirms()?;
    let writer = connection.writer()?;
    let began = Instant::now();
    let sending = thread::spawn(move || send(writer, ring, messages, pace, began));
    let mut confirms = Confirms::of(messages);
    let mut latencies = Latencies::with_capacity(messages);
    while confirms.count() < messages {
        let at = connection.next()?;
        let now = began.elapsed();
        confirms.take(connection.bytes(at), |number| {
            let number = number as u64;
            if number >= pace.warm_up {
                latencies.add(now.saturating_sub(pace.due(number)));
            }
        })?;
    }
    let late = sending.join().expect("senders do not panic")?;
    Ok((latencies, late))
}

fn send(
    mut writer: impl Write,
    mut ring: Ring,
    messages: u64,
    pace: Pace,
    began: Instant,
) -> io::Result<Latencies> {
    let mut late = Latencies::with_capacity(messages);
    let mut sent = 0;
    while sent < messages {
        let now = began.elapsed();
        let due = (now.as_secs_f64() * f64::from(pace.rate)) as u64 + 1;
        if due <= sent {
            thread::sleep(pace.due(sent).saturating_sub(now));
            continue;
        }
        let (bytes, count) = ring.take((due - sent).min(messages - sent));
        writer.write_all(bytes)?;
        for number in sent.max(pace.warm_up)..sent + count {
            late.add(now.saturating_sub(pace.due(number)));
        }
        sent += count;
    }
    Ok(late)
}
