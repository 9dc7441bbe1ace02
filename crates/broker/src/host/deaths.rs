//! What a message remembers of the queues that it died in.
//!
//! Layout of the reserved header: `version u8 (1), death*`, newest first; a death is `queue, reason u8,
//! count u64, time i64, exchange, routing key*, original expiration (presence)`.

use bytes::Bytes;
use forebay_storage::codec::{DecodeError, Decoder, Encoder};

use crate::queue::DeathReason;

const VERSION: u8 = 1;

/// The deaths of one message, one entry for each queue and reason, the newest first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Deaths(pub Vec<Death>);

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
    /// The exchange that it had been published to.
    pub exchange: Bytes,
    /// The keys that it had been published with.
    pub routing_keys: Vec<Bytes>,
    /// The time to live that it had brought, and lost with its death.
    pub original_expiration_ms: Option<u64>,
}

impl Deaths {
    /// Notes a death. One in the same queue of the same reason counts on, and comes to the front.
    pub(crate) fn note(&mut self, death: Death) {
        let same = |known: &Death| known.queue == death.queue && known.reason == death.reason;
        let Some(at) = self.0.iter().position(same) else {
            self.0.insert(0, death);
            return;
        };
        let mut known = self.0.remove(at);
        known.count += death.count;
        self.0.insert(0, known);
    }

    /// Whether a message that goes to `queue` has been there before and nobody has rejected it since:
    /// it would go round for ever.
    pub(crate) fn is_cycle(&self, queue: &[u8]) -> bool {
        let at = self.0.iter().position(|death| death.queue[..] == *queue);
        at.is_some_and(|at| {
            let since = &self.0[..=at];
            since
                .iter()
                .all(|death| death.reason != DeathReason::Rejected)
        })
    }

    /// The value of the reserved header.
    pub fn encode(&self) -> Vec<u8> {
        let mut encoder = Encoder::new();
        encoder.u8(VERSION).list(&self.0, |encoder, death| {
            encoder
                .bytes(&death.queue)
                .u8(death.reason as u8)
                .u64(death.count)
                .i64(death.time_ms)
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
        if decoder.u8()? != VERSION {
            let what = "version of deaths";
            return Err(DecodeError::Invalid { what });
        }
        let deaths = decoder.list(|decoder| {
            let queue = Bytes::copy_from_slice(decoder.bytes()?);
            let reason = usize::from(decoder.u8()?);
            Ok(Death {
                queue,
                reason: *DeathReason::ALL.get(reason).ok_or(DecodeError::Invalid {
                    what: "reason of a death",
                })?,
                count: decoder.number()?,
                time_ms: decoder.i64()?,
                exchange: Bytes::copy_from_slice(decoder.bytes()?),
                routing_keys: decoder
                    .list(|decoder| Ok(Bytes::copy_from_slice(decoder.bytes()?)))?,
                original_expiration_ms: decoder.option(Decoder::u64)?,
            })
        })?;
        decoder.finish()?;
        Ok(Self(deaths))
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
            exchange: "x".into(),
            routing_keys: vec!["a".into(), "b".into()],
            original_expiration_ms: Some(100),
        }
    }

    #[test]
    fn what_is_encoded_is_decoded() {
        let mut deaths = Deaths::default();
        deaths.note(death("one", DeathReason::Expired));
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
            ..death("one", DeathReason::Rejected)
        };
        deaths.note(later);
        let [one, two] = &deaths.0[..] else {
            panic!("{deaths:?}")
        };
        assert_eq!((&one.queue[..], one.count), (&b"one"[..], 2));
        assert_eq!(one.time_ms, 1_700_000_000_000, "when it died first");
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
}
