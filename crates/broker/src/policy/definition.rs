//! Policies, and how they are written down.
//!
//! ```text
//! policy  pattern, applied to u8 (0 all; 1 queues; 2 classic queues; 3 quorum queues; 4 streams;
//!         5 exchanges), priority i64, definition, rules
//! rules   ttl option<varint>, expires option<varint>, max messages option<varint>, max bytes
//!         option<varint>, overflow option<u8 (0 drop head; 1 reject; 2 reject and dead-letter)>, dead
//!         letter exchange option<bytes>, dead letter routing key option<bytes>, delivery limit
//!         option<option<u32>>, alternate exchange option<bytes>
//! ```

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
    }

    pub(crate) fn decode(decoder: &mut Decoder<'_>) -> Result<Self, DecodeError> {
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
            rules: PolicyRules::decode(decoder)?,
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
            encoder.option(number, |encoder, number| {
                encoder.varint(number);
            });
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
    }

    fn decode(decoder: &mut Decoder<'_>) -> Result<Self, DecodeError> {
        Ok(Self {
            ttl_ms: decoder.option(Decoder::varint)?,
            expires_ms: decoder.option(Decoder::varint)?,
            max_messages: decoder.option(Decoder::varint)?,
            max_bytes: decoder.option(Decoder::varint)?,
            overflow: decoder.option(|decoder| Overflow::from_number(decoder.u8()?))?,
            dead_letter_exchange: decoder.option(take_name)?,
            dead_letter_routing_key: decoder.option(take_name)?,
            delivery_limit: decoder.option(|decoder| decoder.option(Decoder::u32))?,
            alternate_exchange: decoder.option(take_name)?,
        })
    }
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
