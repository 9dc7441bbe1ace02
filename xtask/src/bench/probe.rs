//! Whether a broker is ready: it is when it names itself in an answer about the cluster.
//!
//! The same question for every broker, so that none is measured by the promise of its own log line.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

/// A broker may take connections long before it answers.
const PATIENCE: Duration = Duration::from_secs(60);
/// No answer about one node is longer.
const MAX_ANSWER_BYTES: usize = 1 << 16;

/// A Metadata request, version 1, correlation id 7, without a client id, about no topics. Version 1 is
/// the oldest in which no topics can be asked about, and is not of the compact encoding.
const REQUEST: [u8; 18] = [
    0, 0, 0, 14, // length
    0, 3, 0, 1, // Metadata, version 1
    0, 0, 0, 7, // correlation id
    0xFF, 0xFF, // no client id
    0, 0, 0, 0, // no topics
];

/// Asks the broker at `address` once; waits for an answer if it takes the connection.
pub(crate) fn is_ready(address: &str) -> bool {
    brokers_named_by(address).is_ok_and(|brokers| brokers > 0)
}

fn brokers_named_by(address: &str) -> std::io::Result<u32> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_nodelay(true)?;
    stream.write_all(&REQUEST)?;
    let mut length = [0; 4];
    stream.read_exact(&mut length)?;
    let length = u32::from_be_bytes(length) as usize;
    let mut answer = vec![0; length.min(MAX_ANSWER_BYTES)];
    stream.read_exact(&mut answer)?;
    Ok(named(&answer).unwrap_or(0))
}

/// The count of brokers follows the correlation id.
fn named(answer: &[u8]) -> Option<u32> {
    let count = answer.get(4..8)?;
    Some(u32::from_be_bytes(count.try_into().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_broker_is_ready_when_it_is_named() {
        assert_eq!(named(&[0, 0, 0, 7, 0, 0, 0, 1, 0]), Some(1));
        assert_eq!(named(&[0, 0, 0, 7, 0, 0, 0, 0]), Some(0));
        assert_eq!(named(&[0, 0, 0, 7]), None);
        assert!(!is_ready("127.0.0.1:1"));
    }
}
