//! What the broker journals about itself. The kinds and layouts are on disk: never change or reuse
//! one; a new meaning gets a new number.
//!
//! | kind | event | layout |
//! |---|---|---|
//! | 1 | cluster founded | cluster id 16 |
//! | 2 | topic created | id 16, name, overrides (name, value)*, log u64* |
//! | 3 | topic deleted | id 16 |
//! | 4 | partitions added | id 16, log u64* |
//! | 5 | configuration changed | id 16, overrides (name, value)* |
//! | 6 | producer ids reserved | first id nobody has u64 |
//! | 7 | group event | see [`GroupEvent`] |
//! | 8 | exchange declared in the default virtual host (not written any more) | id u64, see `machine/host/encoding.rs` |
//! | 9 | exchange deleted | id u64 |
//! | 10 | queue declared in the default virtual host (not written any more) | log u64, see `machine/host/encoding.rs` |
//! | 11 | queue deleted | log u64 |
//! | 12 | bound | exchange u64, binding, see `machine/host/encoding.rs` |
//! | 13 | unbound | the same |
//! | 14 | queue changed | log u64, batch of [`QueueEvent`](crate::queue::QueueEvent)s |
//! | 15 | exchange declared | id u64, virtual host u64, see `machine/host/encoding.rs` |
//! | 16 | queue declared | log u64, virtual host u64, see `machine/host/encoding.rs` |
//! | 17 | virtual host founded | id u64, id of the first of its predeclared exchanges u64 |
//! | 18 | virtual host ended, with all in it | id u64 |
//! | 19 | access changed | id of the virtual host that it founds (presence) u64, see `access/change.rs` |
//! | 20 | queue altered | log u64, queue, see `machine/host/encoding.rs` |
//! | 21 | queue subscribed to a topic | log u64, topic's id 16, next offset u64* by partition |
//! | 22 | queue unsubscribed from a topic | log u64, topic's id 16 |
//! | 23 | records of a topic forwarded to a queue | log u64, topic's id 16, partition u32, next offset u64 |
//! | 24 | topic created that was declared as a stream | as 2, then virtual host u64, queue |

use std::collections::BTreeMap;

use bytes::Bytes;
use forebay_storage::LogId;
use forebay_storage::codec::{DecodeError, Decoder, Encoder};
use uuid::Uuid;

use crate::access::AccessChange;
use crate::group::GroupEvent;
use crate::host::{ExchangeDefinition, QueueDefinition, QueueId, VirtualHostId};
use crate::machine::{ExchangeId, Target};
use crate::names::TopicName;
use crate::routing::Binding;
use crate::topic::StreamName;
use crate::topic::config::Values;

/// One change of the broker's state.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum BrokerEvent {
    ClusterFounded {
        cluster: Uuid,
    },
    TopicCreated {
        id: Uuid,
        name: TopicName,
        overrides: Values,
        logs: Vec<LogId>,
        stream: Option<StreamName>,
    },
    TopicDeleted {
        id: Uuid,
    },
    PartitionsAdded {
        id: Uuid,
        logs: Vec<LogId>,
    },
    ConfigChanged {
        id: Uuid,
        overrides: Values,
    },
    ProducerIdsReserved {
        next: i64,
    },
    Group(GroupEvent),
    Host(HostEvent),
    AccessChanged {
        change: AccessChange,
        founded: Option<VirtualHostId>,
    },
}

/// One change of the virtual hosts.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum HostEvent {
    Founded {
        virtual_host: VirtualHostId,
        predeclared: ExchangeId,
    },
    Ended {
        virtual_host: VirtualHostId,
    },
    ExchangeDeclared {
        virtual_host: VirtualHostId,
        exchange: ExchangeId,
        definition: ExchangeDefinition,
    },
    ExchangeDeleted {
        exchange: ExchangeId,
    },
    QueueDeclared {
        virtual_host: VirtualHostId,
        queue: QueueId,
        definition: QueueDefinition,
    },
    QueueAltered {
        queue: QueueId,
        definition: QueueDefinition,
    },
    QueueDeleted {
        queue: QueueId,
    },
    Bound {
        source: ExchangeId,
        binding: Binding<Target>,
    },
    Unbound {
        source: ExchangeId,
        binding: Binding<Target>,
    },
    QueueChanged {
        queue: QueueId,
        /// A batch of queue events.
        events: Vec<u8>,
    },
    TopicSubscribed {
        queue: QueueId,
        topic: Uuid,
        /// By partition, the next record that is taken.
        positions: Vec<u64>,
    },
    TopicUnsubscribed {
        queue: QueueId,
        topic: Uuid,
    },
    Forwarded {
        queue: QueueId,
        topic: Uuid,
        partition: u32,
        /// The next record that is taken.
        next: u64,
    },
}

impl BrokerEvent {
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut encoder = Encoder::new();
        match self {
            Self::ClusterFounded { cluster } => {
                encoder.u8(1).bytes16(cluster.as_bytes());
            }
            Self::TopicCreated {
                id,
                name,
                overrides,
                logs,
                stream,
            } => {
                let kind = if stream.is_some() { 24 } else { 2 };
                encoder.u8(kind).bytes16(id.as_bytes()).str(name.as_str());
                put_values(&mut encoder, overrides);
                put_logs(&mut encoder, logs);
                if let Some(stream) = stream {
                    put_stream(&mut encoder, stream);
                }
            }
            Self::TopicDeleted { id } => {
                encoder.u8(3).bytes16(id.as_bytes());
            }
            Self::PartitionsAdded { id, logs } => {
                encoder.u8(4).bytes16(id.as_bytes());
                put_logs(&mut encoder, logs);
            }
            Self::ConfigChanged { id, overrides } => {
                encoder.u8(5).bytes16(id.as_bytes());
                put_values(&mut encoder, overrides);
            }
            Self::ProducerIdsReserved { next } => {
                encoder.u8(6).i64(*next);
            }
            Self::Group(event) => {
                encoder.u8(7);
                event.encode(&mut encoder);
            }
            Self::Host(event) => event.encode(&mut encoder),
            Self::AccessChanged { change, founded } => {
                encoder.u8(19).option(*founded, |encoder, id| {
                    encoder.u64(id.0);
                });
                change.encode(&mut encoder);
            }
        }
        encoder.finish()
    }

    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut decoder = Decoder::new(bytes);
        let event = match decoder.u8()? {
            1 => Self::ClusterFounded {
                cluster: take_uuid(&mut decoder)?,
            },
            kind @ (2 | 24) => Self::TopicCreated {
                id: take_uuid(&mut decoder)?,
                name: take_name(&mut decoder)?,
                overrides: take_values(&mut decoder)?,
                logs: take_logs(&mut decoder)?,
                stream: match kind {
                    24 => Some(take_stream(&mut decoder)?),
                    _ => None,
                },
            },
            3 => Self::TopicDeleted {
                id: take_uuid(&mut decoder)?,
            },
            4 => Self::PartitionsAdded {
                id: take_uuid(&mut decoder)?,
                logs: take_logs(&mut decoder)?,
            },
            5 => Self::ConfigChanged {
                id: take_uuid(&mut decoder)?,
                overrides: take_values(&mut decoder)?,
            },
            6 => Self::ProducerIdsReserved {
                next: take_producer_id(&mut decoder)?,
            },
            7 => Self::Group(GroupEvent::decode(&mut decoder)?),
            19 => Self::AccessChanged {
                founded: decoder.option(Decoder::number)?.map(VirtualHostId),
                change: AccessChange::decode(&mut decoder)?,
            },
            kind @ (8..=18 | 20..=23) => Self::Host(HostEvent::decode(kind, &mut decoder)?),
            _ => {
                return Err(DecodeError::Invalid {
                    what: "kind of broker event",
                });
            }
        };
        decoder.finish()?;
        Ok(event)
    }
}

pub(crate) fn put_values(encoder: &mut Encoder, values: &Values) {
    encoder.list(values, |encoder, (name, value)| {
        encoder.str(name).str(value);
    });
}

pub(crate) fn take_values(decoder: &mut Decoder<'_>) -> Result<Values, DecodeError> {
    let values = decoder.list(|d| Ok((d.str()?.to_owned(), d.str()?.to_owned())))?;
    Ok(values.into_iter().collect::<BTreeMap<_, _>>())
}

pub(crate) fn put_stream(encoder: &mut Encoder, stream: &StreamName) {
    encoder.u64(stream.virtual_host.0).bytes(&stream.queue);
}

pub(crate) fn take_stream(decoder: &mut Decoder<'_>) -> Result<StreamName, DecodeError> {
    Ok(StreamName {
        virtual_host: VirtualHostId(decoder.number()?),
        queue: Bytes::copy_from_slice(decoder.bytes()?),
    })
}

pub(crate) fn put_logs(encoder: &mut Encoder, logs: &[LogId]) {
    encoder.list(logs, |encoder, log| {
        encoder.u64(log.0);
    });
}

pub(crate) fn take_logs(decoder: &mut Decoder<'_>) -> Result<Vec<LogId>, DecodeError> {
    decoder.list(|decoder| Ok(LogId(decoder.number()?)))
}

/// Producer ids are signed on the wire, and count up from 0.
pub(crate) fn take_producer_id(decoder: &mut Decoder<'_>) -> Result<i64, DecodeError> {
    let invalid = DecodeError::Invalid {
        what: "producer id",
    };
    i64::try_from(decoder.number()?).map_err(|_| invalid)
}

pub(crate) fn take_uuid(decoder: &mut Decoder<'_>) -> Result<Uuid, DecodeError> {
    Ok(Uuid::from_bytes(decoder.bytes16()?))
}

pub(crate) fn take_name(decoder: &mut Decoder<'_>) -> Result<TopicName, DecodeError> {
    TopicName::new(decoder.str()?).map_err(|_| DecodeError::Invalid { what: "topic name" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_event_comes_back_as_it_was_written() {
        let id = Uuid::from_u128(7);
        let overrides = Values::from([("retention.ms".to_owned(), "1".to_owned())]);
        let logs = vec![LogId(3), LogId(4)];
        let name = TopicName::new("orders").unwrap();
        let stream = StreamName {
            virtual_host: VirtualHostId(3),
            queue: Bytes::from_static(b"the orders"),
        };
        for event in [
            BrokerEvent::ClusterFounded { cluster: id },
            BrokerEvent::TopicCreated {
                id,
                name: name.clone(),
                overrides: overrides.clone(),
                logs: logs.clone(),
                stream: None,
            },
            BrokerEvent::TopicCreated {
                id,
                name,
                overrides: overrides.clone(),
                logs: logs.clone(),
                stream: Some(stream),
            },
            BrokerEvent::TopicDeleted { id },
            BrokerEvent::PartitionsAdded { id, logs },
            BrokerEvent::ConfigChanged { id, overrides },
            BrokerEvent::ProducerIdsReserved { next: 1000 },
            BrokerEvent::Host(HostEvent::TopicSubscribed {
                queue: LogId(5),
                topic: id,
                positions: vec![0, 17],
            }),
            BrokerEvent::Host(HostEvent::TopicUnsubscribed {
                queue: LogId(5),
                topic: id,
            }),
            BrokerEvent::Host(HostEvent::Forwarded {
                queue: LogId(5),
                topic: id,
                partition: 1,
                next: 18,
            }),
        ] {
            assert_eq!(BrokerEvent::decode(&event.encode()), Ok(event));
        }
    }
}
