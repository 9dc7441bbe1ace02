//! What a queue is configured by: orthogonal parts, each of which works with every other.
//!
//! Layout: `lock option<varint>, delivery limit option<varint>, counted u8, backoff u8 (0 none; 1 fixed
//! varint; 2 linear varint; 3 exponential varint, varint), cap varint, jitter u8, retried u8, dead
//! letter u8 (bit 0 wanted, bit 1 dropped if expired, bit 2 of their age), order u8, max priority u8, delay varint, ttl
//! option<varint>, max messages option<varint>, max bytes option<varint>, overflow u8, deduplication
//! option<varint>, single active bool, expires option<varint>, auto-delete bool`. Times in milliseconds.

use forebay_storage::codec::{DecodeError, Decoder, Encoder};

use super::retry::{Backoff, RetryPolicy};

/// How a queue treats its messages and consumers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QueueSettings {
    /// For how long a message is locked by whom it was delivered to (SQS visibility, Pub/Sub ack
    /// deadline). None: until it is settled or its holder is gone. A lock with a duration outlives a
    /// restart, one without does not.
    pub lock_ms: Option<u64>,
    /// A message that came back and has failed more often than this is dead.
    pub delivery_limit: Option<u32>,
    /// Which ways of coming back are failures.
    pub counted: Causes,
    /// How long a message that came back waits.
    pub retry: RetryPolicy,
    /// Whether dead messages are wanted ([`Effect::DeadLettered`](super::Effect)) or dropped.
    pub dead_letter: bool,
    /// What expires is dropped, also where the dead are wanted (SQS: what is kept for too long is just gone).
    pub drops_expired: bool,
    /// What died elsewhere goes on ageing here; else its time to live begins anew.
    pub keeps_age: bool,
    /// What waits for what.
    pub order: Order,
    /// The highest priority; those of messages are clamped to it. 0: none are used.
    pub max_priority: u8,
    /// For how long messages without a time of their own are delayed.
    pub delay_ms: u64,
    /// After what time ready messages expire, looked at when they are first in line. 0: what is not
    /// delivered at once.
    pub ttl_ms: Option<u64>,
    /// How many messages may be ready, and what happens to more.
    pub bounds: Bounds,
    /// For how long a deduplication id is remembered.
    pub deduplication_ms: Option<u64>,
    /// One consumer at a time is given messages; when it leaves, the next.
    pub single_active: bool,
    /// After what time without consumers and without anybody who gets or touches it the queue is gone.
    pub expires_ms: Option<u64>,
    /// The queue is gone when the last of its consumers leaves.
    pub auto_delete: bool,
}

impl Default for QueueSettings {
    fn default() -> Self {
        Self {
            lock_ms: None,
            delivery_limit: None,
            counted: Causes::FAILURES,
            retry: RetryPolicy::default(),
            dead_letter: false,
            drops_expired: false,
            keeps_age: false,
            order: Order::None,
            max_priority: 0,
            delay_ms: 0,
            ttl_ms: None,
            bounds: Bounds::default(),
            deduplication_ms: None,
            single_active: false,
            expires_ms: None,
            auto_delete: false,
        }
    }
}

/// Ways for a locked message to come back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Causes {
    /// Its holder gave it back without blame (`basic.nack`, abandon).
    pub nacked: bool,
    /// Its holder says that it failed (`basic.reject` with requeue).
    pub failed: bool,
    /// Its holder is gone.
    pub released: bool,
    /// Its lock ended.
    pub lock_expired: bool,
}

impl Causes {
    /// Each of them.
    pub const ALL: Self = Self {
        nacked: true,
        failed: true,
        released: true,
        lock_expired: true,
    };
    /// What is not a wish of the holder: RabbitMQ 4.3 counts so.
    pub const FAILURES: Self = Self {
        nacked: false,
        ..Self::ALL
    };

    pub(super) fn includes(self, cause: Cause) -> bool {
        match cause {
            Cause::Nacked => self.nacked,
            Cause::Failed => self.failed,
            Cause::Released => self.released,
            Cause::LockExpired => self.lock_expired,
        }
    }

    fn bits(self) -> u8 {
        let all = [self.nacked, self.failed, self.released, self.lock_expired];
        let bits = all.iter().enumerate();
        bits.map(|(bit, set)| u8::from(*set) << bit).sum()
    }

    fn from_bits(bits: u8) -> Result<Self, DecodeError> {
        if bits > 0b1111 {
            return Err(DecodeError::Invalid { what: "causes" });
        }
        let set = |bit: u8| bits >> bit & 1 == 1;
        Ok(Self {
            nacked: set(0),
            failed: set(1),
            released: set(2),
            lock_expired: set(3),
        })
    }
}

/// Why a message came back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cause {
    Nacked,
    Failed,
    Released,
    LockExpired,
}

/// Which messages wait for which others.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Order {
    /// None: messages are delivered in order, and settled in any.
    #[default]
    None,
    /// Each waits for the one before it.
    Fifo,
    /// Each waits for the one before it in its group.
    PerGroup,
    /// None, and groups take turns: who has little in flight goes before who has much. Priorities are of messages
    /// without a group.
    FairGroups,
}

/// How much may be ready.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Bounds {
    /// Messages; what is locked or delayed does not count.
    pub messages: Option<u64>,
    /// Bytes of them.
    pub bytes: Option<u64>,
    /// What happens to more.
    pub overflow: Overflow,
}

impl Bounds {
    /// Whether publishers may be refused.
    pub fn refuse(&self) -> bool {
        self.overflow != Overflow::DropHead && (self.messages.is_some() || self.bytes.is_some())
    }
}

/// What happens when a queue is full.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Overflow {
    /// The first in line are dead.
    #[default]
    DropHead,
    /// The publisher is refused.
    RejectPublish,
    /// The same, and what it published is dead.
    RejectPublishDeadLetter,
}

impl Overflow {
    pub(crate) fn number(self) -> u8 {
        match self {
            Self::DropHead => 0,
            Self::RejectPublish => 1,
            Self::RejectPublishDeadLetter => 2,
        }
    }

    pub(crate) fn from_number(number: u8) -> Result<Self, DecodeError> {
        match number {
            0 => Ok(Self::DropHead),
            1 => Ok(Self::RejectPublish),
            2 => Ok(Self::RejectPublishDeadLetter),
            _ => Err(DecodeError::Invalid { what: "overflow" }),
        }
    }
}

impl QueueSettings {
    /// Appends the settings' binary form.
    pub fn encode(&self, encoder: &mut Encoder) {
        put_option(encoder, self.lock_ms);
        put_option(encoder, self.delivery_limit.map(u64::from));
        encoder.u8(self.counted.bits());
        match self.retry.backoff {
            Backoff::None => encoder.u8(0),
            Backoff::Fixed { delay_ms } => encoder.u8(1).varint(delay_ms),
            Backoff::Linear { base_ms } => encoder.u8(2).varint(base_ms),
            Backoff::Exponential {
                base_ms,
                factor_percent,
            } => encoder.u8(3).varint(base_ms).varint(factor_percent.into()),
        };
        encoder
            .varint(self.retry.cap_ms)
            .u8(self.retry.jitter_percent)
            .u8(self.retry.after.bits())
            .u8(u8::from(self.dead_letter)
                | u8::from(self.drops_expired) << 1
                | u8::from(self.keeps_age) << 2)
            .u8(match self.order {
                Order::None => 0,
                Order::Fifo => 1,
                Order::PerGroup => 2,
                Order::FairGroups => 3,
            })
            .u8(self.max_priority)
            .varint(self.delay_ms);
        put_option(encoder, self.ttl_ms);
        put_option(encoder, self.bounds.messages);
        put_option(encoder, self.bounds.bytes);
        encoder.u8(self.bounds.overflow.number());
        put_option(encoder, self.deduplication_ms);
        encoder.bool(self.single_active);
        put_option(encoder, self.expires_ms);
        encoder.bool(self.auto_delete);
    }

    /// Takes settings off the front.
    pub fn decode(decoder: &mut Decoder<'_>) -> Result<Self, DecodeError> {
        let invalid = |what| DecodeError::Invalid { what };
        let narrow = |value| u32::try_from(value).map_err(|_| invalid("32-bit number"));
        let lock_ms = decoder.option(Decoder::varint)?;
        let delivery_limit = decoder.option(|decoder| narrow(decoder.varint()?))?;
        let counted = Causes::from_bits(decoder.u8()?)?;
        let retry = RetryPolicy {
            backoff: match decoder.u8()? {
                0 => Backoff::None,
                1 => Backoff::Fixed {
                    delay_ms: decoder.varint()?,
                },
                2 => Backoff::Linear {
                    base_ms: decoder.varint()?,
                },
                3 => Backoff::Exponential {
                    base_ms: decoder.varint()?,
                    factor_percent: narrow(decoder.varint()?)?,
                },
                _ => return Err(invalid("backoff")),
            },
            cap_ms: decoder.varint()?,
            jitter_percent: decoder.u8()?,
            after: Causes::from_bits(decoder.u8()?)?,
        };
        let dead = decoder.u8()?;
        if dead > 0b111 {
            return Err(invalid("dead letters"));
        }
        Ok(Self {
            lock_ms,
            delivery_limit,
            counted,
            retry,
            dead_letter: dead & 1 == 1,
            drops_expired: dead & 2 == 2,
            keeps_age: dead & 4 == 4,
            order: match decoder.u8()? {
                0 => Order::None,
                1 => Order::Fifo,
                2 => Order::PerGroup,
                3 => Order::FairGroups,
                _ => return Err(invalid("order")),
            },
            max_priority: decoder.u8()?,
            delay_ms: decoder.varint()?,
            ttl_ms: decoder.option(Decoder::varint)?,
            bounds: Bounds {
                messages: decoder.option(Decoder::varint)?,
                bytes: decoder.option(Decoder::varint)?,
                overflow: Overflow::from_number(decoder.u8()?)?,
            },
            deduplication_ms: decoder.option(Decoder::varint)?,
            single_active: decoder.bool()?,
            expires_ms: decoder.option(Decoder::varint)?,
            auto_delete: decoder.bool()?,
        })
    }
}

fn put_option(encoder: &mut Encoder, value: Option<u64>) {
    encoder.option(value, |encoder, value| {
        encoder.varint(value);
    });
}
