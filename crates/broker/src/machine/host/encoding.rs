//! How exchanges, queues and bindings are written down, in events and in snapshots alike.
//!
//! ```text
//! exchange  name, kind u8 (0 direct; 1 fanout; 2 topic; 3 headers; 4 consistent hash, on u8 (0 key;
//!           1 header, name; 2 correlation id; 3 message id; 4 timestamp); 5 random; 6 local random;
//!           7 modulus hash; 8 delayed, and the kind that it is then), kind's name, durable bool,
//!           auto-delete bool, internal bool, alternate (presence), arguments
//! queue     name, durable bool, exclusive (presence) u64, settings, dead letters (presence): exchange,
//!           routing key (presence); arguments
//! binding   key, target u8 (0 queue; 1 exchange; 2 topic), id u64 (of a topic 16 bytes), arguments
//! arguments (name, value)*
//! value     u8: 0 void; 1 bool; 2 integer 16 (little-endian); 3 float u64 (bits); 4 decimal u8, u32;
//!           5 bytes; 6 nested bytes
//! ```

use bytes::Bytes;
use forebay_storage::LogId;
use forebay_storage::codec::{DecodeError, Decoder, Encoder};

use super::{ExchangeId, Target};
use crate::event::{HostEvent, take_uuid};
use crate::host::{
    ConnectionId, DeadLetterTarget, ExchangeDefinition, QueueDefinition, VirtualHostId,
};
use crate::queue::QueueSettings;
use crate::routing::{Arguments, Binding, HashOn, HashProperty, RouterKind, Value};

impl HostEvent {
    pub(crate) fn encode(&self, encoder: &mut Encoder) {
        match self {
            Self::ExchangeDeclared {
                virtual_host,
                exchange,
                definition,
            } => put_exchange(
                encoder.u8(15).u64(exchange.0).u64(virtual_host.0),
                definition,
            ),
            Self::ExchangeDeleted { exchange } => drop(encoder.u8(9).u64(exchange.0)),
            Self::QueueDeclared {
                virtual_host,
                queue,
                definition,
            } => put_queue(encoder.u8(16).u64(queue.0).u64(virtual_host.0), definition),
            Self::QueueAltered { queue, definition } => {
                put_queue(encoder.u8(20).u64(queue.0), definition);
            }
            Self::QueueDeleted { queue } => drop(encoder.u8(11).u64(queue.0)),
            Self::Bound { source, binding } => put_binding(encoder.u8(12).u64(source.0), binding),
            Self::Unbound { source, binding } => {
                put_binding(encoder.u8(13).u64(source.0), binding);
            }
            Self::Founded {
                virtual_host,
                predeclared,
            } => drop(encoder.u8(17).u64(virtual_host.0).u64(predeclared.0)),
            Self::Ended { virtual_host } => drop(encoder.u8(18).u64(virtual_host.0)),
            Self::QueueChanged { queue, events } => drop(encoder.u8(14).u64(queue.0).bytes(events)),
            Self::TopicSubscribed {
                queue,
                topic,
                positions,
            } => put_positions(
                encoder.u8(21).u64(queue.0).bytes16(topic.as_bytes()),
                positions,
            ),
            Self::TopicUnsubscribed { queue, topic } => {
                encoder.u8(22).u64(queue.0).bytes16(topic.as_bytes());
            }
            Self::Forwarded {
                queue,
                topic,
                partition,
                next,
            } => {
                let encoder = encoder.u8(23).u64(queue.0).bytes16(topic.as_bytes());
                encoder.u32(*partition).u64(*next);
            }
        }
    }

    pub(crate) fn decode(kind: u8, decoder: &mut Decoder<'_>) -> Result<Self, DecodeError> {
        let id = decoder.number()?;
        Ok(match kind {
            8 | 15 => Self::ExchangeDeclared {
                virtual_host: take_virtual_host(kind == 15, decoder)?,
                exchange: ExchangeId(id),
                definition: take_exchange(decoder)?,
            },
            9 => Self::ExchangeDeleted {
                exchange: ExchangeId(id),
            },
            10 | 16 => Self::QueueDeclared {
                virtual_host: take_virtual_host(kind == 16, decoder)?,
                queue: LogId(id),
                definition: take_queue(decoder)?,
            },
            11 => Self::QueueDeleted { queue: LogId(id) },
            12 => Self::Bound {
                source: ExchangeId(id),
                binding: take_binding(decoder)?,
            },
            13 => Self::Unbound {
                source: ExchangeId(id),
                binding: take_binding(decoder)?,
            },
            14 => Self::QueueChanged {
                queue: LogId(id),
                events: decoder.bytes()?.to_vec(),
            },
            17 => Self::Founded {
                virtual_host: VirtualHostId(id),
                predeclared: ExchangeId(decoder.number()?),
            },
            18 => Self::Ended {
                virtual_host: VirtualHostId(id),
            },
            20 => Self::QueueAltered {
                queue: LogId(id),
                definition: take_queue(decoder)?,
            },
            21 => Self::TopicSubscribed {
                queue: LogId(id),
                topic: take_uuid(decoder)?,
                positions: take_positions(decoder)?,
            },
            22 => Self::TopicUnsubscribed {
                queue: LogId(id),
                topic: take_uuid(decoder)?,
            },
            23 => Self::Forwarded {
                queue: LogId(id),
                topic: take_uuid(decoder)?,
                partition: decoder.u32()?,
                next: decoder.number()?,
            },
            _ => return Err(invalid("kind of event of a virtual host")),
        })
    }
}

/// The virtual host of something: the default one where it was not written down.
pub(super) fn take_virtual_host(
    is_written: bool,
    decoder: &mut Decoder<'_>,
) -> Result<VirtualHostId, DecodeError> {
    if is_written {
        Ok(VirtualHostId(decoder.number()?))
    } else {
        Ok(VirtualHostId::DEFAULT)
    }
}

pub(super) fn put_positions(encoder: &mut Encoder, positions: &[u64]) {
    encoder.list(positions, |encoder, position| {
        encoder.u64(*position);
    });
}

pub(super) fn take_positions(decoder: &mut Decoder<'_>) -> Result<Vec<u64>, DecodeError> {
    decoder.list(Decoder::number)
}

pub(super) fn put_exchange(encoder: &mut Encoder, exchange: &ExchangeDefinition) {
    encoder.bytes(&exchange.name);
    put_kind(encoder, &exchange.kind);
    encoder
        .bytes(&exchange.kind_name)
        .bool(exchange.durable)
        .bool(exchange.auto_delete)
        .bool(exchange.internal)
        .option(exchange.alternate.as_ref(), |encoder, name| {
            encoder.bytes(name);
        });
    put_arguments(encoder, &exchange.arguments);
}

fn put_kind(encoder: &mut Encoder, kind: &RouterKind) {
    match kind {
        RouterKind::Direct => encoder.u8(0),
        RouterKind::Fanout => encoder.u8(1),
        RouterKind::Topic => encoder.u8(2),
        RouterKind::Headers => encoder.u8(3),
        RouterKind::ConsistentHash(on) => match on {
            HashOn::RoutingKey => encoder.u8(4).u8(0),
            HashOn::Header(name) => encoder.u8(4).u8(1).bytes(name),
            HashOn::Property(HashProperty::CorrelationId) => encoder.u8(4).u8(2),
            HashOn::Property(HashProperty::MessageId) => encoder.u8(4).u8(3),
            HashOn::Property(HashProperty::Timestamp) => encoder.u8(4).u8(4),
        },
        RouterKind::Random => encoder.u8(5),
        RouterKind::LocalRandom => encoder.u8(6),
        RouterKind::ModulusHash => encoder.u8(7),
        RouterKind::Delayed(kind) => {
            put_kind(encoder.u8(8), kind);
            encoder
        }
    };
}

pub(super) fn take_exchange(decoder: &mut Decoder<'_>) -> Result<ExchangeDefinition, DecodeError> {
    Ok(ExchangeDefinition {
        name: take_bytes(decoder)?,
        kind: match decoder.u8()? {
            8 => RouterKind::Delayed(Box::new(take_kind(decoder.u8()?, decoder)?)),
            code => take_kind(code, decoder)?,
        },
        kind_name: take_bytes(decoder)?,
        durable: decoder.bool()?,
        auto_delete: decoder.bool()?,
        internal: decoder.bool()?,
        alternate: decoder.option(take_bytes)?,
        arguments: take_arguments(decoder)?,
    })
}

/// A kind that does not stand for another.
fn take_kind(code: u8, decoder: &mut Decoder<'_>) -> Result<RouterKind, DecodeError> {
    Ok(match code {
        0 => RouterKind::Direct,
        1 => RouterKind::Fanout,
        2 => RouterKind::Topic,
        3 => RouterKind::Headers,
        4 => RouterKind::ConsistentHash(match decoder.u8()? {
            0 => HashOn::RoutingKey,
            1 => HashOn::Header(take_bytes(decoder)?),
            2 => HashOn::Property(HashProperty::CorrelationId),
            3 => HashOn::Property(HashProperty::MessageId),
            4 => HashOn::Property(HashProperty::Timestamp),
            _ => return Err(invalid("what is hashed")),
        }),
        5 => RouterKind::Random,
        6 => RouterKind::LocalRandom,
        7 => RouterKind::ModulusHash,
        _ => return Err(invalid("kind of exchange")),
    })
}

pub(super) fn put_queue(encoder: &mut Encoder, queue: &QueueDefinition) {
    encoder
        .bytes(&queue.name)
        .bool(queue.durable)
        .option(queue.exclusive, |encoder, owner| {
            encoder.u64(owner.0);
        });
    queue.settings.encode(encoder);
    encoder.option(queue.dead_letter.as_ref(), |encoder, target| {
        encoder
            .bytes(&target.exchange)
            .option(target.routing_key.as_ref(), |encoder, key| {
                encoder.bytes(key);
            });
    });
    put_arguments(encoder, &queue.arguments);
}

pub(super) fn take_queue(decoder: &mut Decoder<'_>) -> Result<QueueDefinition, DecodeError> {
    Ok(QueueDefinition {
        name: take_bytes(decoder)?,
        durable: decoder.bool()?,
        exclusive: decoder.option(|decoder| Ok(ConnectionId(decoder.u64()?)))?,
        settings: QueueSettings::decode(decoder)?,
        dead_letter: decoder.option(|decoder| {
            Ok(DeadLetterTarget {
                exchange: take_bytes(decoder)?,
                routing_key: decoder.option(take_bytes)?,
            })
        })?,
        arguments: take_arguments(decoder)?,
    })
}

pub(super) fn put_binding(encoder: &mut Encoder, binding: &Binding<Target>) {
    encoder.bytes(&binding.key);
    match binding.destination {
        Target::Queue(id) => encoder.u8(0).u64(id.0),
        Target::Exchange(id) => encoder.u8(1).u64(id.0),
        Target::Topic(id) => encoder.u8(2).bytes16(id.as_bytes()),
    };
    put_arguments(encoder, &binding.arguments);
}

pub(super) fn take_binding(decoder: &mut Decoder<'_>) -> Result<Binding<Target>, DecodeError> {
    let key = take_bytes(decoder)?;
    let kind = decoder.u8()?;
    Ok(Binding {
        key,
        destination: match kind {
            0 => Target::Queue(LogId(decoder.number()?)),
            1 => Target::Exchange(ExchangeId(decoder.number()?)),
            2 => Target::Topic(take_uuid(decoder)?),
            _ => return Err(invalid("target of a binding")),
        },
        arguments: take_arguments(decoder)?,
    })
}

fn put_arguments(encoder: &mut Encoder, arguments: &Arguments) {
    put_entries(encoder, arguments.iter());
}

/// Names with values.
pub(super) fn put_entries<'a>(
    encoder: &mut Encoder,
    entries: impl IntoIterator<Item = &'a (Bytes, Value)>,
) {
    let all: Vec<_> = entries.into_iter().collect();
    encoder.list(all, |encoder, (name, value)| {
        encoder.bytes(name);
        match value {
            Value::Void => encoder.u8(0),
            Value::Bool(value) => encoder.u8(1).bool(*value),
            Value::Integer(value) => encoder.u8(2).bytes16(&value.to_le_bytes()),
            Value::Float(value) => encoder.u8(3).u64(value.to_bits()),
            Value::Decimal { scale, value } => encoder.u8(4).u8(*scale).u32(*value),
            Value::Bytes(value) => encoder.u8(5).bytes(value),
            Value::Nested(value) => encoder.u8(6).bytes(value),
        };
    });
}

fn take_arguments(decoder: &mut Decoder<'_>) -> Result<Arguments, DecodeError> {
    take_entries(decoder).map(Arguments::new)
}

pub(super) fn take_entries(decoder: &mut Decoder<'_>) -> Result<Vec<(Bytes, Value)>, DecodeError> {
    decoder.list(|decoder| {
        let name = take_bytes(decoder)?;
        let value = match decoder.u8()? {
            0 => Value::Void,
            1 => Value::Bool(decoder.bool()?),
            2 => Value::Integer(i128::from_le_bytes(decoder.bytes16()?)),
            3 => Value::Float(f64::from_bits(decoder.u64()?)),
            4 => Value::Decimal {
                scale: decoder.u8()?,
                value: decoder.u32()?,
            },
            5 => Value::Bytes(take_bytes(decoder)?),
            6 => Value::Nested(take_bytes(decoder)?),
            _ => return Err(invalid("value of an argument")),
        };
        Ok((name, value))
    })
}

pub(super) fn take_bytes(decoder: &mut Decoder<'_>) -> Result<Bytes, DecodeError> {
    Ok(Bytes::copy_from_slice(decoder.bytes()?))
}

fn invalid(what: &'static str) -> DecodeError {
    DecodeError::Invalid { what }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::BrokerEvent;

    #[test]
    fn what_was_declared_before_there_were_virtual_hosts_is_in_the_default_one() {
        let definition = ExchangeDefinition {
            name: Bytes::from_static(b"x"),
            kind: RouterKind::Topic,
            kind_name: Bytes::from_static(b"topic"),
            durable: true,
            auto_delete: false,
            internal: false,
            alternate: None,
            arguments: Arguments::default(),
        };
        let mut old = Encoder::new();
        put_exchange(old.u8(8).u64(7), &definition);
        let declared = |virtual_host| {
            BrokerEvent::Host(HostEvent::ExchangeDeclared {
                virtual_host,
                exchange: ExchangeId(7),
                definition: definition.clone(),
            })
        };
        let default = declared(VirtualHostId::DEFAULT);
        assert_eq!(BrokerEvent::decode(&old.finish()), Ok(default));
        let other = declared(VirtualHostId(3));
        assert_eq!(BrokerEvent::decode(&other.encode()), Ok(other));
    }
}
