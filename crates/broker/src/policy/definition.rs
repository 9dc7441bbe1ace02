//! Policies, and how they are written down.
//!
//! ```text
//! policy  pattern, applied to u8 (0 all; 1 queues; 2 classic queues; 3 quorum queues; 4 streams;
//!         5 exchanges), priority i64, definition, rules, types that it is not for
//! rules   ttl option<varint>, expires option<varint>, max messages option<varint>, max bytes
//!         option<varint>, overflow option<u8 (0 drop head; 1 reject; 2 reject and dead-letter)>, dead
//!         letter exchange option<bytes>, dead letter routing key option<bytes>, delivery limit
//!         option<option<u32>>, alternate exchange option<bytes>, maximum age option<varint>, segment
//!         option<varint>
//! types   u8, the sum of 1 (classic), 2 (quorum) and 4 (streams)
//! ```
//!
//! Of those that were written down before they were for streams the rules end with the alternate exchange, and there
//! are no types: they are for no streams.

use bytes::Bytes;
use forebay_storage::codec::{DecodeError, Decoder, Encoder};

use crate::access::{Pattern, change};
use crate::queue::Overflow;

/// Who put a policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PolicyKind {
    /// A user.
    User,
    /// An operator, to bound what users may have.
    Operator,
}

/// What holds for the queues and exchanges with a pattern in their names.
#[derive(Clone, Debug, PartialEq)]
pub struct Policy {
    /// In whose names.
    pub pattern: Pattern,
    /// Of which kind they are.
    pub apply_to: ApplyTo,
    /// Of several policies that one applies whose priority is highest.
    pub priority: i64,
    /// As it was put, a JSON text.
    pub definition: String,
    /// What it means.
    pub rules: PolicyRules,
    /// Types of queues that do not have something of what it says. It counts for none of them, whatever else it
    /// says (`rabbit_queue_type:is_policy_applicable`).
    pub not_for: QueueTypes,
}

/// Types of queues.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct QueueTypes {
    /// Classic queues.
    pub classic: bool,
    /// Quorum queues.
    pub quorum: bool,
    /// Streams.
    pub streams: bool,
}

/// What a policy is for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ApplyTo {
    /// Everything.
    #[default]
    All,
    /// Queues of every type.
    Queues,
    /// Classic queues.
    ClassicQueues,
    /// Quorum queues.
    QuorumQueues,
    /// Streams.
    Streams,
    /// Exchanges.
    Exchanges,
}

/// What a policy says. None says nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PolicyRules {
    /// Messages live as long at most.
    pub ttl_ms: Option<u64>,
    /// A queue is unused as long at most.
    pub expires_ms: Option<u64>,
    /// As many are ready at most.
    pub max_messages: Option<u64>,
    /// Of so many bytes at most.
    pub max_bytes: Option<u64>,
    /// What happens to more.
    pub overflow: Option<Overflow>,
    /// Where the dead go.
    pub dead_letter_exchange: Option<Bytes>,
    /// And under which key.
    pub dead_letter_routing_key: Option<Bytes>,
    /// A message fails as often at most; `Some(None)` has no limit.
    pub delivery_limit: Option<Option<u32>>,
    /// Where messages go that an exchange has no binding for.
    pub alternate_exchange: Option<Bytes>,
    /// A stream keeps messages as long at most.
    pub max_age_ms: Option<u64>,
    /// Of so many bytes are the segments of a stream.
    pub segment_bytes: Option<u64>,
}

/// The most and the least of a number where both sides may say one.
pub(super) fn least<T: Ord>(one: Option<T>, other: Option<T>) -> Option<T> {
    match (one, other) {
        (Some(one), Some(other)) => Some(one.min(other)),
        (one, other) => one.or(other),
    }
}

impl PolicyRules {
    /// A user's policy under an operator's: of limits the smaller counts, of the rest the operator's word.
    pub(super) fn under(self, operator: Self) -> Self {
        Self {
            ttl_ms: least(self.ttl_ms, operator.ttl_ms),
            expires_ms: least(self.expires_ms, operator.expires_ms),
            max_messages: least(self.max_messages, operator.max_messages),
            max_bytes: least(self.max_bytes, operator.max_bytes),
            overflow: operator.overflow.or(self.overflow),
            dead_letter_exchange: operator.dead_letter_exchange.or(self.dead_letter_exchange),
            dead_letter_routing_key: operator
                .dead_letter_routing_key
                .or(self.dead_letter_routing_key),
            delivery_limit: smaller_limit(self.delivery_limit, operator.delivery_limit),
            alternate_exchange: operator.alternate_exchange.or(self.alternate_exchange),
            max_age_ms: operator.max_age_ms.or(self.max_age_ms),
            segment_bytes: operator.segment_bytes.or(self.segment_bytes),
        }
    }
}

/// No limit is more than any.
pub(super) fn smaller_limit(
    one: Option<Option<u32>>,
    other: Option<Option<u32>>,
) -> Option<Option<u32>> {
    match (one, other) {
        (Some(one), Some(other)) => Some(least(one, other)),
        (one, other) => one.or(other),
    }
}

impl PolicyKind {
    pub(crate) fn number(self) -> u8 {
        match self {
            Self::User => 0,
            Self::Operator => 1,
        }
    }

    pub(crate) fn from_number(number: u8) -> Result<Self, DecodeError> {
        match number {
            0 => Ok(Self::User),
            1 => Ok(Self::Operator),
            _ => Err(invalid("kind of policy")),
        }
    }
}

impl Policy {
    pub(crate) fn encode(&self, encoder: &mut Encoder) {
        encoder
            .str(self.pattern.as_str())
            .u8(match self.apply_to {
                ApplyTo::All => 0,
                ApplyTo::Queues => 1,
                ApplyTo::ClassicQueues => 2,
                ApplyTo::QuorumQueues => 3,
                ApplyTo::Streams => 4,
                ApplyTo::Exchanges => 5,
            })
            .i64(self.priority)
            .str(&self.definition);
        self.rules.encode(encoder);
        encoder.u8(self.not_for.number());
    }

    /// One that `is_older` was written down before policies were for streams. It goes on as whoever put it was told,
    /// until it is put again.
    pub(crate) fn decode(is_older: bool, decoder: &mut Decoder<'_>) -> Result<Self, DecodeError> {
        Ok(Self {
            pattern: change::take_pattern(decoder)?,
            apply_to: match decoder.u8()? {
                0 => ApplyTo::All,
                1 => ApplyTo::Queues,
                2 => ApplyTo::ClassicQueues,
                3 => ApplyTo::QuorumQueues,
                4 => ApplyTo::Streams,
                5 => ApplyTo::Exchanges,
                _ => return Err(invalid("what a policy is for")),
            },
            priority: decoder.i64()?,
            definition: change::take_string(decoder)?,
            rules: PolicyRules::decode(is_older, decoder)?,
            not_for: match is_older {
                true => QueueTypes {
                    streams: true,
                    ..QueueTypes::default()
                },
                false => QueueTypes::from_number(decoder.u8()?)?,
            },
        })
    }
}

impl QueueTypes {
    fn number(self) -> u8 {
        u8::from(self.classic) | u8::from(self.quorum) << 1 | u8::from(self.streams) << 2
    }

    fn from_number(number: u8) -> Result<Self, DecodeError> {
        if number > 7 {
            return Err(invalid("types of queues"));
        }
        Ok(Self {
            classic: number & 1 != 0,
            quorum: number & 2 != 0,
            streams: number & 4 != 0,
        })
    }
}

impl PolicyRules {
    fn encode(&self, encoder: &mut Encoder) {
        for number in [
            self.ttl_ms,
            self.expires_ms,
            self.max_messages,
            self.max_bytes,
        ] {
            put_number(encoder, number);
        }
        encoder.option(self.overflow, |encoder, overflow| {
            encoder.u8(overflow.number());
        });
        put_name(encoder, self.dead_letter_exchange.as_ref());
        put_name(encoder, self.dead_letter_routing_key.as_ref());
        encoder.option(self.delivery_limit, |encoder, limit| {
            encoder.option(limit, |encoder, limit| {
                encoder.u32(limit);
            });
        });
        put_name(encoder, self.alternate_exchange.as_ref());
        put_number(encoder, self.max_age_ms);
        put_number(encoder, self.segment_bytes);
    }

    fn decode(is_older: bool, decoder: &mut Decoder<'_>) -> Result<Self, DecodeError> {
        let mut rules = Self {
            ttl_ms: decoder.option(Decoder::varint)?,
            expires_ms: decoder.option(Decoder::varint)?,
            max_messages: decoder.option(Decoder::varint)?,
            max_bytes: decoder.option(Decoder::varint)?,
            overflow: decoder.option(|decoder| Overflow::from_number(decoder.u8()?))?,
            dead_letter_exchange: decoder.option(take_name)?,
            dead_letter_routing_key: decoder.option(take_name)?,
            delivery_limit: decoder.option(|decoder| decoder.option(Decoder::u32))?,
            alternate_exchange: decoder.option(take_name)?,
            ..Self::default()
        };
        if !is_older {
            rules.max_age_ms = decoder.option(Decoder::varint)?;
            rules.segment_bytes = decoder.option(Decoder::varint)?;
        }
        Ok(rules)
    }
}

fn put_number(encoder: &mut Encoder, number: Option<u64>) {
    encoder.option(number, |encoder, number| {
        encoder.varint(number);
    });
}

fn put_name(encoder: &mut Encoder, name: Option<&Bytes>) {
    encoder.option(name, |encoder, name| {
        encoder.bytes(name);
    });
}

fn take_name(decoder: &mut Decoder<'_>) -> Result<Bytes, DecodeError> {
    Ok(Bytes::copy_from_slice(decoder.bytes()?))
}

fn invalid(what: &'static str) -> DecodeError {
    DecodeError::Invalid { what }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn policy() -> Policy {
        Policy {
            pattern: Pattern::new("^a").unwrap(),
            apply_to: ApplyTo::Streams,
            priority: -3,
            definition: r#"{"max-age":"1h"}"#.to_owned(),
            rules: PolicyRules {
                max_bytes: Some(7),
                delivery_limit: Some(None),
                max_age_ms: Some(3_600_000),
                segment_bytes: Some(1_000),
                ..PolicyRules::default()
            },
            not_for: QueueTypes {
                quorum: true,
                ..QueueTypes::default()
            },
        }
    }

    fn written(policy: &Policy) -> Vec<u8> {
        let mut encoder = Encoder::new();
        policy.encode(&mut encoder);
        encoder.finish()
    }

    #[test]
    fn a_policy_comes_back_as_it_was_written() {
        let bytes = written(&policy());
        let mut decoder = Decoder::new(&bytes);
        assert_eq!(Policy::decode(false, &mut decoder), Ok(policy()));
        decoder.finish().unwrap();
    }

    #[test]
    fn one_from_before_policies_were_for_streams_is_read_and_is_for_none() {
        let mut before = policy();
        (before.rules.max_age_ms, before.rules.segment_bytes) = (None, None);
        let mut bytes = written(&before);
        // Two numbers that are not there, and the types.
        bytes.truncate(bytes.len() - 3);
        let mut decoder = Decoder::new(&bytes);
        before.not_for = QueueTypes {
            streams: true,
            ..QueueTypes::default()
        };
        assert_eq!(Policy::decode(true, &mut decoder), Ok(before));
        decoder.finish().unwrap();
    }
}
