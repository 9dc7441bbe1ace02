//! Messages that were encoded once, one behind the other, to be sent again and again.

use bytes::BytesMut;
use forebay_rabbit::amqp091::content::write_message;
use forebay_rabbit::amqp091::method::basic;
use forebay_rabbit::amqp091::properties::{PERSISTENT, PropertyList};
use forebay_rabbit::limits::FRAME_BYTES_MAX;

use super::connection::{CHANNEL, short};

/// Bytes that are sent at once where nothing holds the publisher back.
const WRITE_BYTES: usize = 64 << 10;

/// What each message has inside.
#[derive(Clone, Copy, Debug)]
pub struct Content {
    /// Bytes of the body.
    pub body_bytes: usize,
    /// It is to survive a restart.
    pub persistent: bool,
}

#[derive(Clone)]
pub(super) struct Ring {
    bytes: BytesMut,
    /// Where each message ends.
    ends: Vec<usize>,
    /// The message that is next.
    next: usize,
}

impl Ring {
    /// One message to each of `addresses`, exchange and routing key, in turn.
    pub(super) fn new(addresses: &[(String, String)], content: Content) -> Self {
        let body = vec![b'x'; content.body_bytes];
        let properties = PropertyList {
            delivery_mode: content.persistent.then_some(PERSISTENT),
            ..PropertyList::default()
        };
        let properties = properties.encode();
        let (mut bytes, mut ends) = (BytesMut::new(), Vec::new());
        // Every address as often as every other, and enough for a large write.
        while bytes.len() < WRITE_BYTES {
            for (exchange, routing_key) in addresses {
                let publish = basic::Publish {
                    exchange: short(exchange),
                    routing_key: short(routing_key),
                    ..Default::default()
                };
                let out = &mut bytes;
                write_message(out, CHANNEL, FRAME_BYTES_MAX, &publish, &properties, &body);
                ends.push(bytes.len());
            }
        }
        Self {
            bytes,
            ends,
            next: 0,
        }
    }

    /// The next messages, at most so many and no more than are sent at once; and how many they are.
    pub(super) fn take(&mut self, most: u64) -> (&[u8], u64) {
        let start = self.next.checked_sub(1).map_or(0, |last| self.ends[last]);
        let most = usize::try_from(most).unwrap_or(usize::MAX);
        let limit = self.ends.len().min(self.next.saturating_add(most));
        let within = self.ends[self.next..limit].partition_point(|end| end - start <= WRITE_BYTES);
        let count = within.max(1).min(limit - self.next);
        let end = if count == 0 {
            start
        } else {
            self.ends[self.next + count - 1]
        };
        self.next = (self.next + count) % self.ends.len();
        (&self.bytes[start..end], count as u64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_come_whole_and_in_turn() {
        let addresses: Vec<_> = ["a", "bb", "ccc"]
            .map(|key| (String::new(), key.to_owned()))
            .into();
        let content = Content {
            body_bytes: 4,
            persistent: false,
        };
        let mut one_by_one = Ring::new(&addresses, content);
        let mut at_once = one_by_one.clone();
        let (mut single, mut sent) = (Vec::new(), 0);
        let mut many = Vec::new();
        while sent < 10_000 {
            let (bytes, count) = at_once.take(10_000 - sent);
            assert!(count > 0 && bytes.len() <= WRITE_BYTES);
            many.extend_from_slice(bytes);
            sent += count;
        }
        for _ in 0..sent {
            let (bytes, count) = one_by_one.take(1);
            assert_eq!(count, 1);
            single.extend_from_slice(bytes);
        }
        assert_eq!(single, many);
    }
}
