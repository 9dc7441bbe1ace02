//! What requests are called.

use std::sync::atomic::{AtomicU64, Ordering};

use uuid::Uuid;
use uuid::fmt::Hyphenated;

/// Names requests: different ones, also after a restart, without asking the system for randomness each time.
#[derive(Debug)]
pub(crate) struct RequestIds {
    base: [u8; 16],
    count: AtomicU64,
}

impl RequestIds {
    pub(crate) fn new(base: [u8; 16]) -> Self {
        Self {
            base,
            count: AtomicU64::new(0),
        }
    }

    /// Another one, in the form of a random UUID.
    pub(crate) fn next(&self) -> Hyphenated {
        let count = self.count.fetch_add(1, Ordering::Relaxed);
        let mut bytes = self.base;
        // Odd, so that every count has another product.
        let spread = count.wrapping_mul(0x9e37_79b9_7f4a_7c15).to_be_bytes();
        // The last eight bytes but for the first, which says which kind of UUID it is.
        for (byte, more) in bytes[9..].iter_mut().zip(&spread[1..]) {
            *byte ^= more;
        }
        for (byte, more) in bytes[..8].iter_mut().zip(count.to_be_bytes()) {
            *byte ^= more;
        }
        let id: Uuid = uuid::Builder::from_random_bytes(bytes).into_uuid();
        id.hyphenated()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn no_two_requests_have_the_same() {
        let ids = RequestIds::new([0xa5; 16]);
        let seen: HashSet<String> = (0..100_000).map(|_| ids.next().to_string()).collect();
        assert_eq!(seen.len(), 100_000);
        assert!(seen.iter().all(|id| &id[14..15] == "4"));
    }
}
