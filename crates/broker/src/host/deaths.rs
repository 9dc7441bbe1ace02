//! What a message remembers of the queues that it died in.
//!
//! Layout of the reserved header: `version u8 (2), since redrive varint, death*`, newest first; a death is
//! `queue, reason u8, count u64, first time i64, last time i64, exchange, routing key*, original
//! expiration (presence)`. Version 1, which is still read, has neither the number of deaths since the
//! redrive (it was never redriven) nor the last time (it is the first).

use bytes::Bytes;
use forebay_storage::codec::{DecodeError, Decoder, Encoder};

use crate::queue::DeathReason;

const VERSION: u8 = 2;
/// Before messages were redriven.
const VERSION_WITHOUT_REDRIVE: u8 = 1;

/// The deaths of one message, one entry for each queue and reason, the newest first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Deaths {
    /// The newest first.
    pub deaths: Vec<Death>,
    /// How many of them, from the newest on, were since an operator sent it on its way again.
    since_redrive: usize,
}

/// A message died in a queue of a reason.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Death {
    /// The queue.
    pub queue: Bytes,
    /// The reason.
    pub reason: DeathReason,
    /// How often.
    pub count: u64,
    /// When first, in milliseconds since the Unix epoch.
    pub time_ms: i64,
    /// When last.
    pub last_ms: i64,
    /// The exchange that it had been published to.
    pub exchange: Bytes,
    /// The keys that it had been published with.
    pub routing_keys: Vec<Bytes>,
    /// The time to live that it had brought, and lost with its death.
    pub original_expiration_ms: Option<u64>,
}

impl Deaths {
    /// Deaths, the newest first, of a message that was never redriven.
    pub fn new(deaths: Vec<Death>) -> Self {
        Self {
            since_redrive: deaths.len(),
            deaths,
        }
    }

    /// Notes a death. One in the same queue of the same reason counts on, and comes to the front.
    pub(crate) fn note(&mut self, death: Death) {
        let same = |known: &Death| known.queue == death.queue && known.reason == death.reason;
        let Some(at) = self.deaths.iter().position(same) else {
            self.deaths.insert(0, death);
            self.since_redrive += 1;
            return;
        };
        let mut known = self.deaths.remove(at);
        known.count += death.count;
        known.last_ms = known.last_ms.max(death.last_ms);
        self.deaths.insert(0, known);
        if at >= self.since_redrive {
            self.since_redrive += 1;
        }
    }

    /// Notes that an operator sends the message on its way again. Where it has been before is no cycle
    /// any more: it may come back there.
    pub(crate) fn redrive(&mut self) {
        self.since_redrive = 0;
    }

    /// The first death there was.
    pub fn first(&self) -> Option<&Death> {
        // Of two in the same millisecond the older one is further behind.
        self.deaths.iter().rev().min_by_key(|death| death.time_ms)
    }

    /// The last death there was: why it is where it is.
    pub fn last(&self) -> Option<&Death> {
        self.deaths.first()
    }

    /// Whether a message that goes to `queue` has been there before, and nobody has rejected or redriven
    /// it since: it would go round for ever.
    pub(crate) fn is_cycle(&self, queue: &[u8]) -> bool {
        let recent = &self.deaths[..self.since_redrive.min(self.deaths.len())];
        let at = recent.iter().position(|death| death.queue[..] == *queue);
        at.is_some_and(|at| {
            let since = &recent[..=at];
            since
                .iter()
                .all(|death| death.reason != DeathReason::Rejected)
        })
    }

    /// The value of the reserved header.
    pub fn encode(&self) -> Vec<u8> {
        let mut encoder = Encoder::new();
        encoder.u8(VERSION).varint(self.since_redrive as u64);
        encoder.list(&self.deaths, |encoder, death| {
            encoder
                .bytes(&death.queue)
                .u8(death.reason as u8)
                .u64(death.count)
                .i64(death.time_ms)
                .i64(death.last_ms)
                .bytes(&death.exchange)
                .list(&death.routing_keys, |encoder, key| {
                    encoder.bytes(key);
                })
                .option(death.original_expiration_ms, |encoder, time| {
                    encoder.u64(time);
                });
        });
        encoder.finish()
    }

    /// Reads the value of the reserved header.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut decoder = Decoder::new(bytes);
        let version = decoder.u8()?;
        if ![VERSION, VERSION_WITHOUT_REDRIVE].contains(&version) {
            let what = "version of deaths";
            return Err(DecodeError::Invalid { what });
        }
        let is_old = version == VERSION_WITHOUT_REDRIVE;
        let since_redrive = match is_old {
            true => u64::MAX,
            false => decoder.varint()?,
        };
        let deaths = decoder.list(|decoder| {
            let queue = Bytes::copy_from_slice(decoder.bytes()?);
            let reason = usize::from(decoder.u8()?);
            let reason = *DeathReason::ALL.get(reason).ok_or(DecodeError::Invalid {
                what: "reason of a death",
            })?;
            let count = decoder.number()?;
            let time_ms = decoder.i64()?;
            Ok(Death {
                queue,
                reason,
                count,
                time_ms,
                last_ms: if is_old { time_ms } else { decoder.i64()? },
                exchange: Bytes::copy_from_slice(decoder.bytes()?),
                routing_keys: decoder
                    .list(|decoder| Ok(Bytes::copy_from_slice(decoder.bytes()?)))?,
                original_expiration_ms: decoder.option(Decoder::u64)?,
            })
        })?;
        decoder.finish()?;
        let since_redrive = usize::try_from(since_redrive).unwrap_or(usize::MAX);
        Ok(Self {
            since_redrive: since_redrive.min(deaths.len()),
            deaths,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn death(queue: &'static str, reason: DeathReason) -> Death {
        Death {
            queue: queue.into(),
            reason,
            count: 1,
            time_ms: 1_700_000_000_000,
            last_ms: 1_700_000_000_000,
            exchange: "x".into(),
            routing_keys: vec!["a".into(), "b".into()],
            original_expiration_ms: Some(100),
        }
    }

    #[test]
    fn what_is_encoded_is_decoded() {
        let mut deaths = Deaths::default();
        deaths.note(death("one", DeathReason::Expired));
        deaths.redrive();
        deaths.note(death("two", DeathReason::MaxLength));
        let bytes = deaths.encode();
        assert_eq!(Deaths::decode(&bytes), Ok(deaths));
        for end in 0..bytes.len() {
            assert!(Deaths::decode(&bytes[..end]).is_err());
        }
    }

    #[test]
    fn the_same_death_counts_on_and_comes_first() {
        let mut deaths = Deaths::default();
        deaths.note(death("one", DeathReason::Rejected));
        deaths.note(death("two", DeathReason::Rejected));
        let later = Death {
            time_ms: 1_800_000_000_000,
            last_ms: 1_800_000_000_000,
            ..death("one", DeathReason::Rejected)
        };
        deaths.note(later);
        let [one, two] = &deaths.deaths[..] else {
            panic!("{deaths:?}")
        };
        assert_eq!((&one.queue[..], one.count), (&b"one"[..], 2));
        assert_eq!(one.time_ms, 1_700_000_000_000, "when it died first");
        assert_eq!(one.last_ms, 1_800_000_000_000, "when it died last");
        assert_eq!(&two.queue[..], b"two");
    }

    #[test]
    fn a_rejection_breaks_a_cycle() {
        let mut deaths = Deaths::default();
        deaths.note(death("one", DeathReason::Expired));
        assert!(deaths.is_cycle(b"one"));
        assert!(!deaths.is_cycle(b"two"));
        deaths.note(death("two", DeathReason::Rejected));
        assert!(!deaths.is_cycle(b"one"));
    }

    #[test]
    fn a_redrive_breaks_a_cycle_until_it_goes_round_again() {
        let mut deaths = Deaths::default();
        deaths.note(death("one", DeathReason::Expired));
        deaths.note(death("two", DeathReason::Expired));
        deaths.redrive();
        assert!(!deaths.is_cycle(b"one") && !deaths.is_cycle(b"two"));
        let first = deaths.first().map(|death| death.queue.clone());
        assert_eq!(first.as_deref(), Some(&b"one"[..]));
        deaths.note(death("one", DeathReason::Expired));
        assert_eq!(deaths.last().unwrap().count, 2, "what was is not forgotten");
        assert!(!deaths.is_cycle(b"two"), "it was there before the redrive");
        deaths.note(death("two", DeathReason::Expired));
        assert!(deaths.is_cycle(b"one") && deaths.is_cycle(b"two"));
    }

    #[test]
    fn deaths_from_before_there_were_redrives_are_read() {
        let mut old = Encoder::new();
        old.u8(1).list(["one"], |encoder, queue| {
            encoder
                .bytes(queue.as_bytes())
                .u8(0)
                .u64(3)
                .i64(7)
                .bytes(b"x");
            encoder.list(["a"], |encoder, key| {
                encoder.bytes(key.as_bytes());
            });
            encoder.option(Some(100), |encoder, time| {
                encoder.u64(time);
            });
        });
        let known = Death {
            count: 3,
            time_ms: 7,
            last_ms: 7,
            routing_keys: vec!["a".into()],
            ..death("one", DeathReason::Expired)
        };
        let read = Deaths::decode(&old.finish()).unwrap();
        assert!(read.is_cycle(b"one"));
        assert_eq!(read, Deaths::new(vec![known]));
    }
}
