//! Exchanges that keep messages until a time of their own, as RabbitMQ's plugin `x-delayed-message` does.
//!
//! What waits is in a queue without a name, and is delayed there. When it is due it expires at once, and goes
//! the way of the dead: where its exchange routes it then, in one entry of the journal.
//!
//! Layout of the reserved header [`header::WAITING`]: `version u8 (1), routing key*, header (name, value)*,
//! correlation id (presence), message id (presence), timestamp (presence) u64, priority u8, time to live
//! (presence) u64`.

use bytes::{Bytes, BytesMut};
use forebay_record::{Batch, BatchBuilder, RecordHeader, Records};
use forebay_storage::codec::{DecodeError, Decoder, Encoder};

use super::encoding::{put_entries, take_bytes, take_entries};
use super::{Cx, ExchangeId, Host};
use crate::host::{
    DeadLetterTarget, Envelope, ExchangeDefinition, MessageHeaders, Publication, PublishError,
    QueueDefinition, QueueId, StoredMessage, VirtualHostId, header,
};
use crate::queue::{Attributes, QueueSettings};
use crate::routing::Arguments;

const VERSION: u8 = 1;

/// What a message that waits was published with, beside what its record says.
struct Waiting {
    envelope: Envelope,
    priority: u8,
    ttl_ms: Option<u64>,
}

impl QueueDefinition {
    /// The queue of what waits in an exchange.
    fn of_delayed(exchange: &ExchangeDefinition) -> Self {
        Self {
            name: Bytes::new(),
            durable: exchange.durable,
            exclusive: None,
            settings: QueueSettings {
                ttl_ms: Some(0),
                dead_letter: true,
                ..QueueSettings::default()
            },
            dead_letter: Some(DeadLetterTarget {
                exchange: exchange.name.clone(),
                routing_key: None,
            }),
            arguments: Arguments::default(),
        }
    }

    /// The exchange whose waiting messages it holds, if it is such a queue.
    pub(super) fn delayed_for(&self) -> Option<&Bytes> {
        let target = self.dead_letter.as_ref()?;
        self.name.is_empty().then_some(&target.exchange)
    }
}

impl Host {
    /// Makes the queue of what waits in an exchange, if it keeps messages.
    pub(super) fn make_delayed(
        &mut self,
        vhost: VirtualHostId,
        exchange: &ExchangeDefinition,
        cx: &mut Cx<'_>,
    ) {
        if exchange.kind.delays() {
            self.make_queue(vhost, QueueDefinition::of_delayed(exchange), cx);
        }
    }

    /// Takes note of the queue of what waits in an exchange.
    pub(super) fn put_delayed(&mut self, vhost: VirtualHostId, exchange: &Bytes, queue: QueueId) {
        if let Some(exchange) = self.delaying(vhost, exchange)
            && let Some(exchange) = self.exchanges.get_mut(&exchange)
        {
            exchange.delayed = Some(queue);
        }
    }

    fn delaying(&self, vhost: VirtualHostId, exchange: &Bytes) -> Option<ExchangeId> {
        self.names.get(&vhost)?.exchanges.get(exchange).copied()
    }

    /// Whether a queue holds what waits in its exchange.
    pub(super) fn is_delayed_for(
        &self,
        vhost: VirtualHostId,
        exchange: &Bytes,
        id: QueueId,
    ) -> bool {
        let exchange = self.delaying(vhost, exchange);
        let exchange = exchange.and_then(|exchange| self.exchanges.get(&exchange));
        exchange.is_some_and(|exchange| exchange.delayed == Some(id))
    }

    /// What a message takes in the journal of a queue beside its batch, because it waits there.
    pub(super) fn waiting_bytes(&self, id: QueueId, publication: &Publication) -> usize {
        // Without a delay it is routed at once.
        if publication.envelope.delay_ms().is_none() {
            return 0;
        }
        let queue = self.queues.get(&id);
        match queue.and_then(|state| state.definition.delayed_for()) {
            Some(_) => Waiting::encode(publication).len(),
            None => 0,
        }
    }

    /// Keeps a message until it is due.
    pub(super) fn delay(
        &mut self,
        id: QueueId,
        publication: &Publication,
        batch: BytesMut,
        cx: &mut Cx<'_>,
    ) -> Result<(), PublishError> {
        let waiting = Waiting::encode(publication);
        let batch = batch.freeze();
        let kept = with_header(&batch, header::WAITING, &waiting);
        let kept = kept.ok_or(PublishError::Stopped)?;
        let due_ms = publication.envelope.delay_ms().unwrap_or_default();
        let attributes = Attributes {
            not_before_ms: Some(self.now.aging_ms.saturating_add_unsigned(due_ms)),
            ..Attributes::default()
        };
        self.take_in(id, kept, &publication.bodies, attributes, cx)?;
        Ok(())
    }

    /// Sends a message that is due to where its exchange routes it now; whether anybody is there is nobody's
    /// concern any more. Returns whether it is done; not if the journal has no room for it now.
    pub(super) fn release_delayed(
        &mut self,
        id: QueueId,
        mut due: StoredMessage,
        cx: &mut Cx<'_>,
    ) -> bool {
        let Some(state) = self.queues.get(&id) else {
            return true;
        };
        let vhost = state.virtual_host;
        let exchange = state.definition.delayed_for();
        let Some(exchange) = exchange.and_then(|name| self.delaying(vhost, name)) else {
            return true;
        };
        let waiting = due.take_header(header::WAITING);
        let waiting = waiting.and_then(|bytes| Waiting::decode(&bytes).ok());
        let Some(waiting) = waiting else {
            tracing::error!(queue = %id, "a message that waited cannot be read and is lost");
            return true;
        };
        let mut queues = Vec::new();
        self.route_from(vhost, exchange, &waiting.envelope, &mut queues, cx.catalog);
        due.headers
            .push((Bytes::from_static(header::DELAYED.as_bytes()), None));
        let attributes = Attributes {
            priority: waiting.priority,
            ttl_ms: waiting.ttl_ms,
            ..Attributes::default()
        };
        self.send_on(id, &due, waiting.envelope, attributes, queues, cx)
    }
}

/// A batch of one record with another header.
fn with_header(batch: &Bytes, name: &'static str, value: &[u8]) -> Option<BytesMut> {
    let batch = Batch::only(batch).ok()?;
    let record = Records::new(batch.payload(), 1).next()?.ok()?;
    let mut headers: Vec<_> = record.headers.flatten().collect();
    headers.push(RecordHeader::new(name, value));
    let mut builder = BatchBuilder::new();
    let at_ms = batch.header().timestamp_of(&record);
    builder
        .add(at_ms, record.key, record.value, &headers)
        .ok()?;
    let built = builder.build().ok()?;
    Some(BytesMut::from(&built[..]))
}

impl Waiting {
    fn encode(publication: &Publication) -> Vec<u8> {
        let none = MessageHeaders::default();
        let envelope = &publication.envelope;
        let more = envelope.headers.as_deref().unwrap_or(&none);
        let mut encoder = Encoder::new();
        encoder
            .u8(VERSION)
            .list(&envelope.routing_keys, |encoder, key| {
                encoder.bytes(key);
            });
        put_entries(&mut encoder, &more.headers);
        for text in [&more.correlation_id, &more.message_id] {
            encoder.option(text.as_ref(), |encoder, text| {
                encoder.bytes(text);
            });
        }
        let number = |encoder: &mut Encoder, number| {
            encoder.u64(number);
        };
        encoder
            .option(more.timestamp, number)
            .u8(publication.priority)
            .option(publication.ttl_ms, number);
        encoder.finish()
    }

    fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut decoder = Decoder::new(bytes);
        if decoder.u8()? != VERSION {
            let what = "version of what waits";
            return Err(DecodeError::Invalid { what });
        }
        let routing_keys = decoder.list(take_bytes)?;
        let more = MessageHeaders {
            headers: take_entries(&mut decoder)?,
            correlation_id: decoder.option(take_bytes)?,
            message_id: decoder.option(take_bytes)?,
            timestamp: decoder.option(Decoder::u64)?,
            // It has waited.
            delay_ms: None,
            topic: None,
        };
        let waiting = Self {
            envelope: Envelope {
                exchange: Bytes::new(),
                routing_keys,
                headers: Some(Box::new(more)),
            },
            priority: decoder.u8()?,
            ttl_ms: decoder.option(Decoder::u64)?,
        };
        decoder.finish()?;
        Ok(waiting)
    }
}
