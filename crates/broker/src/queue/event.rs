//! What the journal keeps of a queue beside the messages that its log was given.
//!
//! Events are encoded by the batch: `version u8 (2), count u32`, then for each its kind and fields.
//! Holders, numbers, offsets and times are written as the distance (zigzag varint) from the end of
//! what the batch named last of the same, counts as varints, so that the usual event takes five bytes.
//! Kinds are never reused: a layout that changes takes a new number.
//!
//! | kind | event | layout |
//! |---|---|---|
//! | 1 | locked | `holder, number, offset, count, until option<time>` |
//! | 2 | settled | `holder, number, count, removal u8` |
//! | 3 | returned | `holder, number, count, counted bool, until option<time>` |
//! | 4 | removed | `offset, count, removal u8` |
//! | 5 | attributed | `offset, count, at time, priority u8, ttl option<varint>, not before option<time>, group option<u64>, deduplication id option<16 bytes>` |
//! | 6 | extended | `holder, number, count, until time` |
//! | 7 | woken | `offset, count` |
//! | 8 | purged | `below offset` |
//! | 9 | reconfigured | see [`QueueSettings`] |
//! | 10 | buried | `offset, count` |
//! | 11 | locked for a time | `holder, number, offset, count, until time, at time` |
//! | 12 | deduplication forgotten | |
//! | 13 | attributed, born earlier | as 5, and `born time` |
//!
//! A removal is 0 acked, 1 purged, 2 moved, 16 + reason dead, 32 + reason dropped; a reason is 0 expired,
//! 1 rejected, 2 max length, 3 delivery limit.
//!
//! In version 1 messages died when they were moved, so that there is no kind 10.

use forebay_storage::codec::{DecodeError, Decoder, Encoder};
use forebay_storage::limits::NUMBER_MAX;

use super::counters::{DeathReason, Removal};
use super::enqueue::Attributes;
use super::ids::HolderId;
use super::settings::QueueSettings;

const VERSION: u8 = 2;

const LOCKED: u8 = 1;
const SETTLED: u8 = 2;
const RETURNED: u8 = 3;
const REMOVED: u8 = 4;
const ATTRIBUTED: u8 = 5;
const EXTENDED: u8 = 6;
const WOKEN: u8 = 7;
const PURGED: u8 = 8;
const RECONFIGURED: u8 = 9;
const BURIED: u8 = 10;
const LEASED: u8 = 11;
const DEDUPLICATION_FORGOTTEN: u8 = 12;
const ATTRIBUTED_BORN: u8 = 13;

/// One change of a queue's persistent state. Numbers are those of [`Token`](super::Token)s, times
/// milliseconds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum QueueEvent {
    /// Messages in a row were delivered, and are locked.
    Locked {
        /// To whom.
        holder: HolderId,
        /// The number of the first delivery; the others follow.
        number: u64,
        /// The first message; the others follow.
        offset: u64,
        /// How many.
        count: u64,
        /// When the lock ends, if it does by itself.
        until_ms: Option<i64>,
        /// When they were locked, if the lock ends by itself.
        at_ms: Option<i64>,
    },
    /// Locked messages left the queue.
    Settled {
        /// Who held them.
        holder: HolderId,
        /// The number of the first.
        number: u64,
        /// How many.
        count: u64,
        /// How.
        removal: Removal,
    },
    /// Locked messages came back.
    Returned {
        /// Who held them.
        holder: HolderId,
        /// The number of the first.
        number: u64,
        /// How many.
        count: u64,
        /// Whether that counts as a failure.
        counted: bool,
        /// Until when they are delayed.
        until_ms: Option<i64>,
    },
    /// Ready messages left the queue.
    Removed {
        /// The first.
        offset: u64,
        /// How many.
        count: u64,
        /// How.
        removal: Removal,
    },
    /// Messages that came in have attributes.
    Attributed {
        /// The first.
        offset: u64,
        /// How many.
        count: u64,
        /// When they came in.
        at_ms: i64,
        /// What they brought.
        attributes: Attributes,
    },
    /// Locks end at another time.
    Extended {
        /// Who holds the messages.
        holder: HolderId,
        /// The number of the first.
        number: u64,
        /// How many.
        count: u64,
        /// When the locks end now.
        until_ms: i64,
    },
    /// Delayed messages are ready.
    Woken {
        /// The first.
        offset: u64,
        /// How many.
        count: u64,
    },
    /// What was ready was purged.
    Purged {
        /// Messages from here on came in later.
        below: u64,
    },
    /// The queue's settings were replaced.
    Reconfigured {
        /// By these.
        settings: Box<QueueSettings>,
    },
    /// Dead messages were moved to where the dead go.
    Buried {
        /// The first.
        offset: u64,
        /// How many.
        count: u64,
    },
    /// Ids of messages were forgotten: each may come again.
    DeduplicationForgotten,
}

impl QueueEvent {
    /// Whether a message left the queue that somebody had been given.
    pub(crate) fn is_settlement(&self) -> bool {
        matches!(self, Self::Settled { .. })
    }

    /// Appends the binary form of a batch of events.
    pub fn encode_batch(events: &[Self], encoder: &mut Encoder) {
        let mut last = Last::default();
        encoder.u8(VERSION).list(events, |encoder, event| {
            event.encode(encoder, &mut last);
        });
    }

    /// Takes a batch of events off the front, and gives each to `take`.
    pub fn decode_batch(
        decoder: &mut Decoder<'_>,
        mut take: impl FnMut(Self),
    ) -> Result<(), DecodeError> {
        let version = decoder.u8()?;
        if !(1..=VERSION).contains(&version) {
            return Err(DecodeError::Invalid {
                what: "version of queue events",
            });
        }
        let mut last = Last::default();
        decoder.each(|decoder| {
            take(Self::decode(decoder, &mut last)?);
            Ok(())
        })?;
        if version == 1 {
            take(Self::Buried {
                offset: 0,
                count: NUMBER_MAX,
            });
        }
        Ok(())
    }

    fn encode(&self, encoder: &mut Encoder, last: &mut Last) {
        match self {
            Self::Locked {
                holder,
                number,
                offset,
                count,
                until_ms,
                at_ms,
            } => {
                let times = until_ms.zip(*at_ms);
                encoder.u8(if times.is_some() { LEASED } else { LOCKED });
                last.put_holder(encoder, *holder);
                last.number.put(encoder, *number);
                last.offset.put(encoder, *offset);
                encoder.varint(*count);
                if let Some((until_ms, at_ms)) = times {
                    last.put_time(encoder, until_ms);
                    last.put_time(encoder, at_ms);
                } else {
                    encoder.option(*until_ms, |encoder, until| last.put_time(encoder, until));
                }
                last.number.pass(*count);
                last.offset.pass(*count);
            }
            Self::Settled {
                holder,
                number,
                count,
                removal,
            } => {
                encoder.u8(SETTLED);
                last.put_holder(encoder, *holder);
                last.number.put_run(encoder, *number, *count);
                encoder.u8(removal_byte(*removal));
            }
            Self::Returned {
                holder,
                number,
                count,
                counted,
                until_ms,
            } => {
                encoder.u8(RETURNED);
                last.put_holder(encoder, *holder);
                last.number.put_run(encoder, *number, *count);
                encoder.bool(*counted);
                encoder.option(*until_ms, |encoder, until| last.put_time(encoder, until));
            }
            Self::Removed {
                offset,
                count,
                removal,
            } => {
                encoder.u8(REMOVED);
                last.offset.put_run(encoder, *offset, *count);
                encoder.u8(removal_byte(*removal));
            }
            Self::Attributed {
                offset,
                count,
                at_ms,
                attributes,
            } => {
                encoder.u8(match attributes.born_ms {
                    Some(_) => ATTRIBUTED_BORN,
                    None => ATTRIBUTED,
                });
                last.offset.put_run(encoder, *offset, *count);
                last.put_time(encoder, *at_ms);
                encoder
                    .u8(attributes.priority)
                    .option(attributes.ttl_ms, |encoder, ttl| {
                        encoder.varint(ttl);
                    })
                    .option(attributes.not_before_ms, |encoder, time| {
                        last.put_time(encoder, time);
                    })
                    .option(attributes.group, |encoder, group| {
                        encoder.u64(group);
                    })
                    .option(attributes.deduplication, |encoder, id| {
                        encoder.bytes16(&id.to_le_bytes());
                    });
                if let Some(born_ms) = attributes.born_ms {
                    last.put_time(encoder, born_ms);
                }
            }
            Self::Extended {
                holder,
                number,
                count,
                until_ms,
            } => {
                encoder.u8(EXTENDED);
                last.put_holder(encoder, *holder);
                last.number.put_run(encoder, *number, *count);
                last.put_time(encoder, *until_ms);
            }
            Self::Woken { offset, count } => {
                encoder.u8(WOKEN);
                last.offset.put_run(encoder, *offset, *count);
            }
            Self::Purged { below } => {
                encoder.u8(PURGED);
                last.offset.put(encoder, *below);
            }
            Self::Reconfigured { settings } => settings.encode(encoder.u8(RECONFIGURED)),
            Self::Buried { offset, count } => {
                encoder.u8(BURIED);
                last.offset.put_run(encoder, *offset, *count);
            }
            Self::DeduplicationForgotten => drop(encoder.u8(DEDUPLICATION_FORGOTTEN)),
        }
    }

    fn decode(decoder: &mut Decoder<'_>, last: &mut Last) -> Result<Self, DecodeError> {
        Ok(match decoder.u8()? {
            kind @ (LOCKED | LEASED) => {
                let holder = last.holder(decoder)?;
                let number = last.number.take(decoder)?;
                let offset = last.offset.take(decoder)?;
                let count = count(decoder)?;
                let (until_ms, at_ms) = match kind {
                    LEASED => (Some(last.time(decoder)?), Some(last.time(decoder)?)),
                    _ => (decoder.option(|decoder| last.time(decoder))?, None),
                };
                last.number.pass_checked(count)?;
                last.offset.pass_checked(count)?;
                Self::Locked {
                    holder,
                    number,
                    offset,
                    count,
                    until_ms,
                    at_ms,
                }
            }
            SETTLED => {
                let holder = last.holder(decoder)?;
                let (number, count) = last.number.take_run(decoder)?;
                Self::Settled {
                    holder,
                    number,
                    count,
                    removal: removal(decoder)?,
                }
            }
            RETURNED => {
                let holder = last.holder(decoder)?;
                let (number, count) = last.number.take_run(decoder)?;
                Self::Returned {
                    holder,
                    number,
                    count,
                    counted: decoder.bool()?,
                    until_ms: decoder.option(|decoder| last.time(decoder))?,
                }
            }
            REMOVED => {
                let (offset, count) = last.offset.take_run(decoder)?;
                Self::Removed {
                    offset,
                    count,
                    removal: removal(decoder)?,
                }
            }
            kind @ (ATTRIBUTED | ATTRIBUTED_BORN) => {
                let (offset, count) = last.offset.take_run(decoder)?;
                Self::Attributed {
                    offset,
                    count,
                    at_ms: last.time(decoder)?,
                    attributes: Attributes {
                        priority: decoder.u8()?,
                        ttl_ms: decoder.option(Decoder::varint)?,
                        not_before_ms: decoder.option(|decoder| last.time(decoder))?,
                        group: decoder.option(Decoder::u64)?,
                        key: None,
                        deduplication: decoder
                            .option(|decoder| Ok(u128::from_le_bytes(decoder.bytes16()?)))?,
                        born_ms: match kind {
                            ATTRIBUTED_BORN => Some(last.time(decoder)?),
                            _ => None,
                        },
                    },
                }
            }
            EXTENDED => {
                let holder = last.holder(decoder)?;
                let (number, count) = last.number.take_run(decoder)?;
                Self::Extended {
                    holder,
                    number,
                    count,
                    until_ms: last.time(decoder)?,
                }
            }
            WOKEN => {
                let (offset, count) = last.offset.take_run(decoder)?;
                Self::Woken { offset, count }
            }
            PURGED => Self::Purged {
                below: last.offset.take(decoder)?,
            },
            RECONFIGURED => Self::Reconfigured {
                settings: Box::new(QueueSettings::decode(decoder)?),
            },
            DEDUPLICATION_FORGOTTEN => Self::DeduplicationForgotten,
            BURIED => {
                let (offset, count) = last.offset.take_run(decoder)?;
                Self::Buried { offset, count }
            }
            _ => {
                return Err(DecodeError::Invalid {
                    what: "kind of queue event",
                });
            }
        })
    }
}

/// What the batch named last.
#[derive(Debug, Default)]
struct Last {
    holder: u64,
    number: Position,
    offset: Position,
    time_ms: i64,
}

impl Last {
    fn put_holder(&mut self, encoder: &mut Encoder, holder: HolderId) {
        encoder.zigzag(holder.0.wrapping_sub(self.holder).cast_signed());
        self.holder = holder.0;
    }

    fn holder(&mut self, decoder: &mut Decoder<'_>) -> Result<HolderId, DecodeError> {
        self.holder = self.holder.wrapping_add(decoder.zigzag()?.cast_unsigned());
        Ok(HolderId(self.holder))
    }

    fn put_time(&mut self, encoder: &mut Encoder, time_ms: i64) {
        encoder.zigzag(time_ms.wrapping_sub(self.time_ms));
        self.time_ms = time_ms;
    }

    fn time(&mut self, decoder: &mut Decoder<'_>) -> Result<i64, DecodeError> {
        self.time_ms = self.time_ms.wrapping_add(decoder.zigzag()?);
        Ok(self.time_ms)
    }
}

/// A number that counts up from one event to the next.
#[derive(Debug, Default)]
struct Position(u64);

impl Position {
    fn put(&mut self, encoder: &mut Encoder, value: u64) {
        encoder.zigzag(value.wrapping_sub(self.0).cast_signed());
        self.0 = value;
    }

    fn pass(&mut self, count: u64) {
        self.0 += count;
    }

    fn put_run(&mut self, encoder: &mut Encoder, first: u64, count: u64) {
        self.put(encoder, first);
        encoder.varint(count);
        self.pass(count);
    }

    fn take(&mut self, decoder: &mut Decoder<'_>) -> Result<u64, DecodeError> {
        self.0 = self.0.wrapping_add(decoder.zigzag()?.cast_unsigned());
        self.check()
    }

    fn pass_checked(&mut self, count: u64) -> Result<u64, DecodeError> {
        self.0 = self.0.saturating_add(count);
        self.check()
    }

    fn take_run(&mut self, decoder: &mut Decoder<'_>) -> Result<(u64, u64), DecodeError> {
        let first = self.take(decoder)?;
        let count = count(decoder)?;
        self.pass_checked(count)?;
        Ok((first, count))
    }

    fn check(&self) -> Result<u64, DecodeError> {
        if self.0 > NUMBER_MAX {
            return Err(DecodeError::Invalid { what: "number" });
        }
        Ok(self.0)
    }
}

fn count(decoder: &mut Decoder<'_>) -> Result<u64, DecodeError> {
    match decoder.varint()? {
        0 => Err(DecodeError::Invalid { what: "count" }),
        count => Ok(count),
    }
}

fn removal_byte(removal: Removal) -> u8 {
    match removal {
        Removal::Acked => 0,
        Removal::Purged => 1,
        Removal::Moved => 2,
        Removal::Dead(reason) => 16 + reason as u8,
        Removal::Dropped(reason) => 32 + reason as u8,
    }
}

fn removal(decoder: &mut Decoder<'_>) -> Result<Removal, DecodeError> {
    let byte = decoder.u8()?;
    let reason = DeathReason::ALL.get(usize::from(byte % 16)).copied();
    match (byte / 16, byte % 16, reason) {
        (0, 0, _) => Ok(Removal::Acked),
        (0, 1, _) => Ok(Removal::Purged),
        (0, 2, _) => Ok(Removal::Moved),
        (1, _, Some(reason)) => Ok(Removal::Dead(reason)),
        (2, _, Some(reason)) => Ok(Removal::Dropped(reason)),
        _ => Err(DecodeError::Invalid { what: "removal" }),
    }
}
