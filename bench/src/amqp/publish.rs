//! Publishing as fast as the broker takes it, with confirmations if they are asked for.

use std::io;
use std::time::Instant;

use super::confirms::Confirms;
use super::connection::Connection;
use super::ring::Ring;
use crate::latency::Latencies;

/// Sends so many messages, and waits until they were dealt with.
pub(super) fn unconfirmed(
    mut connection: Connection,
    mut ring: Ring,
    messages: u64,
) -> io::Result<()> {
    let mut left = messages;
    while left > 0 {
        let (bytes, count) = ring.take(left);
        connection.write(bytes)?;
        left -= count;
    }
    connection.flush()
}

/// Sends so many messages, of which no more than `window` wait for their confirmations. Returns how long
/// each confirmation took.
pub(super) fn confirmed(
    mut connection: Connection,
    mut ring: Ring,
    messages: u64,
    window: u64,
) -> io::Result<Latencies> {
    connection.select_confirms()?;
    let mut confirms = Confirms::of(messages);
    let mut sent_at = Vec::with_capacity(messages as usize);
    let mut latencies = Latencies::with_capacity(messages);
    while confirms.count() < messages {
        loop {
            let sent = sent_at.len() as u64;
            let room = window - (sent - confirms.count());
            let room = room.min(messages - sent);
            if room == 0 {
                break;
            }
            let now = Instant::now();
            let (bytes, count) = ring.take(room);
            connection.write(bytes)?;
            sent_at.extend((0..count).map(|_| now));
        }
        let mut next = Some(connection.next()?);
        let now = Instant::now();
        while let Some(at) = next {
            let method = connection.bytes(at);
            confirms.take(method, |number| latencies.add(now - sent_at[number]))?;
            next = connection.buffered();
        }
    }
    Ok(latencies)
}
