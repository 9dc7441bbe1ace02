//! Which messages of a channel the broker has confirmed.

use std::io;

use bytes::Buf;

/// Class and method of `basic.ack`.
const ACK: [u8; 4] = [0, 60, 0, 80];

pub(super) struct Confirms {
    /// Of each message, from the first.
    done: Vec<bool>,
    /// All before it are confirmed.
    lowest: usize,
    count: u64,
}

impl Confirms {
    /// For so many messages.
    pub(super) fn of(messages: u64) -> Self {
        Self {
            done: vec![false; messages as usize],
            lowest: 0,
            count: 0,
        }
    }

    /// How many are confirmed.
    pub(super) fn count(&self) -> u64 {
        self.count
    }

    /// Takes what the broker said; hands over the number of each message that is confirmed by it, from 0.
    pub(super) fn take(&mut self, method: &[u8], mut each: impl FnMut(usize)) -> io::Result<()> {
        let Some(mut fields) = method.strip_prefix(&ACK) else {
            return Err(io::Error::other(
                "the broker refused, or said something else",
            ));
        };
        // They are numbered from 1.
        let number = fields.get_u64() as usize - 1;
        let multiple = fields.get_u8() & 1 == 1;
        let first = if multiple { self.lowest } else { number };
        for number in first..=number {
            if !std::mem::replace(&mut self.done[number], true) {
                self.count += 1;
                each(number);
            }
        }
        while self.done.get(self.lowest) == Some(&true) {
            self.lowest += 1;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ack(number: u64, multiple: bool) -> Vec<u8> {
        [&ACK[..], &number.to_be_bytes(), &[u8::from(multiple)]].concat()
    }

    #[test]
    fn each_is_counted_once_in_whatever_order_they_come() {
        let mut confirms = Confirms::of(5);
        let mut seen = Vec::new();
        for said in [ack(2, false), ack(3, true), ack(5, false), ack(5, true)] {
            confirms.take(&said, |number| seen.push(number)).unwrap();
        }
        assert_eq!(seen, [1, 0, 2, 4, 3]);
        assert_eq!(confirms.count(), 5);
        assert!(confirms.take(b"something else", |_| {}).is_err());
    }
}
