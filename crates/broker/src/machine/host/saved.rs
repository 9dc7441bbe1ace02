//! Virtual hosts in snapshots, and their return from the journal.
//!
//! Snapshot: next exchange u64, virtual host* (id u64, first predeclared exchange u64), exchange* (id u64, virtual host u64, exchange), binding* (exchange u64, binding), queue* (log
//! u64, virtual host u64, queue, [`Queue`] snapshot). Exchanges that are always there are not among them.

use forebay_record::{Batch, BatchHeader, Records};
use forebay_storage::codec::{DecodeError, Decoder, Encoder};
use forebay_storage::{Engine, LogId};

use super::encoding::{
    put_binding, put_exchange, put_queue, take_binding, take_exchange, take_queue,
    take_virtual_host,
};
use super::{Cx, ExchangeId, Host, Target};
use crate::event::HostEvent;
use crate::host::{QueueId, VirtualHostId};
use crate::queue::{Arrival, Queue, QueueEvent};
use crate::routing::Binding;

/// A queue takes more than this in a snapshot, whatever it is.
const SAVED_QUEUE_BYTES_MIN: usize = 100;

impl Host {
    /// A batch was appended to a log: if it is a queue's, its messages arrived.
    pub(in crate::machine) fn replay_batch(
        &mut self,
        log: LogId,
        header: &BatchHeader,
        batch: &[u8],
        at_ms: i64,
    ) -> Result<(), String> {
        let Some(state) = self.queues.get_mut(&log) else {
            return Ok(());
        };
        let batch = Batch::only(batch).map_err(|error| error.to_string())?;
        let count = usize::try_from(header.record_count).unwrap_or_default();
        for record in Records::new(batch.payload(), count) {
            let record = record.map_err(|error| error.to_string())?;
            let body = record.value.map_or(0, <[u8]>::len);
            let arrival = Arrival {
                first: header.offset_of(&record).cast_unsigned(),
                count: 1,
                bytes_each: u32::try_from(body).unwrap_or(u32::MAX),
                ..Arrival::default()
            };
            state.queue.replay_arrival(&arrival, at_ms);
        }
        state.queue.page_out(&self.scratch);
        Ok(())
    }

    pub(in crate::machine) fn apply(&mut self, event: HostEvent) -> Result<(), String> {
        match event {
            HostEvent::Founded {
                virtual_host,
                predeclared,
            } => self.found(virtual_host, predeclared),
            HostEvent::Ended { virtual_host } => self.forget(virtual_host),
            HostEvent::ExchangeDeclared {
                virtual_host,
                exchange,
                definition,
            } => {
                self.next_exchange = self.next_exchange.max(exchange.0 + 1);
                self.put_exchange(virtual_host, exchange, definition);
            }
            HostEvent::ExchangeDeleted { exchange } => self.remove_exchange(exchange),
            HostEvent::QueueDeclared {
                virtual_host,
                queue,
                definition,
            } => self.put_queue(virtual_host, queue, definition),
            HostEvent::QueueAltered { queue, definition } => {
                if let Some(state) = self.queues.get_mut(&queue) {
                    state.dead_letter = definition.dead_letter.clone();
                    state.definition = definition;
                }
            }
            HostEvent::QueueDeleted { queue } => drop(self.remove_queue(queue)),
            HostEvent::Bound { source, binding } => self.replay_binding(source, binding)?,
            HostEvent::Unbound { source, binding } => {
                if let Some(exchange) = self.exchanges.get_mut(&source) {
                    exchange.router.unbind(&binding);
                }
            }
            HostEvent::TopicSubscribed {
                queue,
                topic,
                positions,
            } => self.replay_subscribed(queue, topic, positions),
            HostEvent::TopicUnsubscribed { queue, topic } => {
                self.replay_unsubscribed(queue, topic);
            }
            HostEvent::Forwarded {
                queue,
                topic,
                partition,
                next,
            } => self.replay_forwarded(queue, topic, partition, next)?,
            HostEvent::QueueChanged { queue, events } => {
                let Some(state) = self.queues.get_mut(&queue) else {
                    return Ok(());
                };
                let mut decoder = Decoder::new(&events);
                let queue = &mut state.queue;
                QueueEvent::decode_batch(&mut decoder, |event| queue.apply(&event))
                    .and_then(|()| decoder.finish())
                    .map_err(|error| error.to_string())?;
                queue.page_out(&self.scratch);
            }
        }
        Ok(())
    }

    fn replay_binding(
        &mut self,
        source: ExchangeId,
        binding: Binding<Target>,
    ) -> Result<(), String> {
        if let Some(exchange) = self.exchanges.get_mut(&source) {
            exchange
                .router
                .bind(binding)
                .map_err(|error| error.to_string())?;
        }
        Ok(())
    }

    /// The newest log that a queue was given.
    pub(in crate::machine) fn queues(&self) -> impl Iterator<Item = QueueId> {
        self.queues.keys().copied()
    }

    /// Holds what was replayed against what there is.
    pub(in crate::machine) fn check(&self, engine: &Engine) -> Result<(), String> {
        for (id, state) in &self.queues {
            let name = String::from_utf8_lossy(&state.definition.name);
            let next = engine.next_offset(*id);
            let next = next.ok_or_else(|| format!("log {id} of queue {name} does not exist"))?;
            let known = state.queue.next_offset();
            if known > next {
                return Err(format!(
                    "queue {name} knows of offset {known}, and its log ends at {next}"
                ));
            }
            if let Some(exchange) = state.definition.delayed_for() {
                if !self.is_delayed_for(state.virtual_host, exchange, *id) {
                    return Err(format!(
                        "nothing leads to the messages that wait in log {id}"
                    ));
                }
                continue;
            }
            let names = self.names.get(&state.virtual_host);
            let names = names.ok_or_else(|| format!("queue {name} has no virtual host"))?;
            if names.queues.get(&state.definition.name) != Some(id) {
                return Err(format!("there are two queues of the name {name}"));
            }
        }
        Ok(())
    }

    /// Begins work after a start: what does not survive one goes, and consumers are gone.
    pub(in crate::machine) fn open(&mut self, cx: &mut Cx<'_>) {
        // Another start, other lots.
        self.here.reseed(self.now.wall_ms.cast_unsigned());
        let mut ids: Vec<_> = self.queues.keys().copied().collect();
        ids.sort_unstable();
        for id in ids {
            let survives = self
                .queues
                .get(&id)
                .is_some_and(|state| state.definition.durable);
            if !survives {
                self.drop_queue(id, cx);
                continue;
            }
            if let Some(state) = self.queues.get_mut(&id) {
                state.reader = cx.engine.reader(id);
                state.trimmed = state
                    .reader
                    .as_ref()
                    .map_or(0, |reader| reader.start_offset());
            }
            self.turn(id, |queue, turn| queue.open(turn));
        }
        let transient = self
            .exchanges
            .iter()
            .filter(|(_, exchange)| !exchange.definition.durable);
        let mut transient: Vec<_> = transient.map(|(id, _)| *id).collect();
        transient.sort_unstable();
        for id in transient {
            self.drop_exchange(id, cx);
        }
        self.follow_policies(cx.directory);
        self.finish(cx);
    }

    pub(in crate::machine) fn snapshot(&self, encoder: &mut Encoder) {
        encoder.u64(self.next_exchange);
        let mut founded: Vec<_> = self.names.iter().collect();
        founded.sort_unstable_by_key(|(id, _)| **id);
        encoder.list(founded, |encoder, (id, names)| {
            encoder.u64(id.0).u64(names.predeclared.0);
        });
        let mut exchanges: Vec<_> = self.exchanges.iter().collect();
        exchanges.sort_unstable_by_key(|(id, _)| **id);
        let declared = exchanges.iter().filter(|(id, exchange)| {
            let names = self.names.get(&exchange.virtual_host);
            !names.is_some_and(|names| names.has_predeclared(**id))
        });
        let declared: Vec<_> = declared.collect();
        encoder.list(declared, |encoder, (id, exchange)| {
            encoder.u64(id.0).u64(exchange.virtual_host.0);
            put_exchange(encoder, &exchange.definition);
        });
        let bindings = exchanges.iter().flat_map(|(id, exchange)| {
            let bindings = exchange.router.bindings();
            bindings.map(move |binding| (id, binding))
        });
        let bindings: Vec<_> = bindings.collect();
        encoder.list(bindings, |encoder, (id, binding)| {
            put_binding(encoder.u64(id.0), binding);
        });
        let mut queues: Vec<_> = self.queues.iter().collect();
        queues.sort_unstable_by_key(|(id, _)| **id);
        encoder.list(queues, |encoder, (id, state)| {
            encoder.u64(id.0).u64(state.virtual_host.0);
            put_queue(encoder, &state.definition);
            state.queue.snapshot(encoder);
        });
    }

    pub(in crate::machine) fn restore(
        &mut self,
        has_virtual_hosts: bool,
        decoder: &mut Decoder<'_>,
    ) -> Result<(), DecodeError> {
        self.next_exchange = decoder.number()?;
        if has_virtual_hosts {
            self.forget(VirtualHostId::DEFAULT);
            decoder.each(|decoder| {
                let id = VirtualHostId(decoder.number()?);
                self.found(id, ExchangeId(decoder.number()?));
                Ok(())
            })?;
        }
        decoder.each(|decoder| {
            let id = ExchangeId(decoder.number()?);
            let vhost = take_virtual_host(has_virtual_hosts, decoder)?;
            let definition = take_exchange(decoder)?;
            self.put_exchange(vhost, id, definition);
            Ok(())
        })?;
        decoder.each(|decoder| {
            let id = ExchangeId(decoder.number()?);
            let binding = take_binding(decoder)?;
            let what = "binding";
            self.replay_binding(id, binding)
                .map_err(|_| DecodeError::Invalid { what })
        })?;
        self.queues
            .reserve(decoder.items_ahead(SAVED_QUEUE_BYTES_MIN));
        decoder.each(|decoder| {
            let id = LogId(decoder.number()?);
            let vhost = take_virtual_host(has_virtual_hosts, decoder)?;
            let definition = take_queue(decoder)?;
            let queue = Queue::restore(decoder, &self.scratch)?;
            self.put_queue_as(vhost, id, definition, queue);
            Ok(())
        })
    }
}
