//! What becomes of dead messages: published again to where their queue wants them, with a note of how
//! they died. The move and the word that it was made are in one entry of the journal: what died and was not
//! moved is moved after a restart.

use std::ops::Range;

use bytes::{Bytes, BytesMut};
use forebay_record::{Batch, BatchBuilder, Batches, Record, RecordHeader, Records};
use forebay_storage::{Read, Room};

use super::{Cx, Host, Target};
use crate::host::{
    Death, Deaths, Envelope, Publication, PublishError, QueueId, Recall, Recalled, header,
    unchanged,
};
use crate::queue::{Admission, Attributes, DeathReason};

/// Bytes of batches that are read at once. What died lately is in memory.
const READ_BYTES: usize = 256 << 10;

/// A message that leaves its queue, as its log has it.
pub(super) struct Dead {
    pub(super) exchange: Bytes,
    pub(super) routing_key: Bytes,
    deaths: Deaths,
    body: Bytes,
    key: Option<Bytes>,
    /// Headers beside those of its deaths.
    pub(super) headers: Vec<(Bytes, Option<Bytes>)>,
    timestamp_ms: i64,
}

impl Host {
    /// Moves dead messages, as far as the journal has room. Returns how many.
    pub(super) fn bury(
        &mut self,
        id: QueueId,
        first: u64,
        count: u64,
        reason: DeathReason,
        cx: &mut Cx<'_>,
    ) -> u64 {
        let mut at = first;
        while at < first + count {
            let read = self.read_dead(id, at..first + count, cx);
            let Some((batches, next)) = read else {
                // What cannot be read cannot be moved; readers of the log learn why.
                tracing::error!(queue = %id, offset = at, "a dead message cannot be read and is lost");
                at += 1;
                continue;
            };
            for batch in batches {
                let dead = dead_in(&batch, at..first + count);
                for (offset, dead) in dead {
                    if !self.bury_one(id, dead, reason, cx) {
                        return offset - first;
                    }
                    at = offset + 1;
                }
            }
            at = at.max(next.min(first + count));
        }
        count
    }

    /// Moves a message that the queue refused. Without room for that it is only refused, as its publisher
    /// is told.
    pub(super) fn bury_refused(&mut self, id: QueueId, batch: &[u8], cx: &mut Cx<'_>) {
        for (_, dead) in dead_in(&Bytes::copy_from_slice(batch), 0..u64::MAX) {
            self.bury_one(id, dead, DeathReason::MaxLength, cx);
        }
    }

    /// Batches from the one with the first of the offsets, and the offset after them.
    fn read_dead(
        &self,
        id: QueueId,
        offsets: Range<u64>,
        cx: &Cx<'_>,
    ) -> Option<(Vec<Bytes>, u64)> {
        let reader = self.queues.get(&id)?.reader.as_ref()?;
        if offsets.start >= reader.end_offset() {
            let batch = cx.engine.unpublished(id, offsets.start)?;
            return Some((vec![batch.clone()], offsets.start + 1));
        }
        let read = match reader.read(offsets.start, READ_BYTES, true).ok()? {
            Read::Ready(batches) => batches,
            Read::Cold(cold) => cold.run().ok()?,
        };
        let mut batches = Vec::new();
        for part in &read.parts {
            for batch in Batches::new(part) {
                batches.push(part.slice_ref(batch.ok()?.bytes()));
            }
        }
        (read.next > offsets.start).then_some((batches, read.next))
    }

    /// Returns whether it is done; not if the journal has no room for it now.
    fn bury_one(&mut self, id: QueueId, dead: Dead, reason: DeathReason, cx: &mut Cx<'_>) -> bool {
        let Some(state) = self.queues.get(&id) else {
            return true;
        };
        if state.definition.delayed_for().is_some() {
            return self.release_delayed(id, dead, cx);
        }
        let Some(target) = state.dead_letter.clone() else {
            return true;
        };
        let (vhost, queue) = (state.virtual_host, state.definition.name.clone());
        let recalled = dead.recall(self.recall);
        let mut keys = vec![dead.routing_key.clone()];
        // A queue that gave it another key took those beside its own from it.
        let last = dead.deaths.0.first();
        if last.is_none_or(|last| last.routing_keys.first() == Some(&dead.routing_key)) {
            keys.extend(recalled.copies);
        }
        let mut deaths = dead.deaths.clone();
        deaths.note(Death {
            queue,
            reason,
            count: 1,
            time_ms: self.now.wall_ms,
            exchange: dead.exchange.clone(),
            routing_keys: keys.clone(),
            original_expiration_ms: None,
        });
        let envelope = Envelope {
            exchange: target.exchange.clone(),
            routing_keys: target.routing_key.map_or(keys, |key| vec![key]),
            headers: Some(Box::new(recalled.headers)),
        };
        let mut queues = Vec::new();
        // Without the exchange nobody wants the dead any more.
        if self
            .route(vhost, &envelope, &mut queues, cx.catalog)
            .is_err()
        {
            return true;
        }
        let is_cycle = |of: &Target| {
            let Target::Queue(of) = of else { return false };
            let name = self.queues.get(of).map(|state| &state.definition.name);
            name.is_some_and(|name| deaths.is_cycle(name))
        };
        queues.retain(|of| !is_cycle(of));
        let dead = Dead {
            exchange: target.exchange,
            routing_key: envelope.routing_keys.first().cloned().unwrap_or_default(),
            deaths,
            ..dead
        };
        let attributes = Attributes {
            priority: recalled.priority,
            ..Attributes::default()
        };
        self.send_on(id, &dead, envelope, attributes, queues, cx)
    }

    /// Gives a message that left a queue to others. Returns whether it is done; not if the journal has no
    /// room for it now.
    pub(super) fn send_on(
        &mut self,
        from: QueueId,
        message: &Dead,
        envelope: Envelope,
        attributes: Attributes,
        queues: Vec<Target>,
        cx: &mut Cx<'_>,
    ) -> bool {
        let Some(batch) = message.batch() else {
            tracing::error!(queue = %from, "a message is too large to be moved and is lost");
            return true;
        };
        let publication = Publication {
            envelope,
            batch: BytesMut::from(&batch[..]),
            body_bytes: u32::try_from(message.body.len()).unwrap_or(u32::MAX),
            priority: attributes.priority,
            ttl_ms: attributes.ttl_ms,
            for_topics: unchanged,
        };
        let each = queues.iter().map(|to| self.stored_bytes(*to, &publication));
        let needed = each.sum();
        if cx.engine.room(needed, true) != Room::Now {
            return false;
        }
        for to in queues {
            let moved = match to {
                Target::Queue(to) => self.take_over(to, &publication, attributes, cx),
                Target::Topic(topic) => {
                    let key = publication.envelope.topic_key();
                    let appended = self.append_to_topic(topic, key, publication.for_topic(), cx);
                    appended.map(drop)
                }
                // Routing ends at those.
                Target::Exchange(_) => Ok(()),
            };
            if let Err(error) = moved {
                tracing::error!(?to, %error, "a message that was moved is lost");
            }
        }
        true
    }

    /// Takes in a message that left another queue, if the queue takes any.
    fn take_over(
        &mut self,
        id: QueueId,
        publication: &Publication,
        attributes: Attributes,
        cx: &mut Cx<'_>,
    ) -> Result<(), PublishError> {
        let Some(state) = self.queues.get(&id) else {
            return Ok(());
        };
        let batch = BytesMut::from(&publication.batch[..]);
        if state.definition.delayed_for().is_some() {
            return self.delay(id, publication, batch, cx);
        }
        let (bytes, now_ms) = (publication.body_bytes, self.now.aging_ms);
        let admission = state
            .queue
            .admit(1, u64::from(bytes), None, now_ms, &self.pools);
        if admission == Admission::Accepted {
            self.take_in(id, batch, bytes, attributes, cx)?;
        }
        Ok(())
    }
}

/// The messages of a batch at these offsets.
fn dead_in(batch: &Bytes, offsets: Range<u64>) -> Vec<(u64, Dead)> {
    let Ok(batch) = Batch::only(batch) else {
        return Vec::new();
    };
    let head = batch.header();
    let count = usize::try_from(head.record_count).unwrap_or_default();
    let mut dead = Vec::new();
    for record in Records::new(batch.payload(), count).flatten() {
        let offset = head.offset_of(&record).cast_unsigned();
        if offsets.contains(&offset) {
            dead.push((offset, Dead::of(&record, head.timestamp_of(&record))));
        }
    }
    dead
}

impl Dead {
    /// What it was published with.
    fn recall(&self, recall: Recall) -> Recalled {
        let find = |name: &str| {
            let mut headers = self.headers.iter();
            headers.find(|(found, _)| **found == *name.as_bytes())
        };
        let properties = find(header::AMQP_PROPERTIES).and_then(|(_, value)| value.as_ref());
        let mut recalled = properties.map(recall).unwrap_or_default();
        if find(header::DELAYED).is_some() {
            recalled.headers.delay_ms = None;
        }
        recalled
    }

    /// Takes a header out.
    pub(super) fn take_header(&mut self, name: &str) -> Option<Bytes> {
        let mut headers = self.headers.iter();
        let at = headers.position(|(found, _)| **found == *name.as_bytes())?;
        self.headers.swap_remove(at).1
    }

    /// The message as a log takes it: a batch of one record. None if it is too large.
    fn batch(&self) -> Option<Bytes> {
        let deaths = self.deaths.encode();
        let mut headers = vec![
            RecordHeader::new(header::EXCHANGE, &self.exchange),
            RecordHeader::new(header::ROUTING_KEY, &self.routing_key),
        ];
        if !self.deaths.0.is_empty() {
            headers.push(RecordHeader::new(header::DEATHS, &deaths));
        }
        headers.extend(self.headers.iter().map(|(key, value)| RecordHeader {
            key,
            value: value.as_deref(),
        }));
        let mut builder = BatchBuilder::new();
        let key = self.key.as_deref();
        let added = builder.add(self.timestamp_ms, key, Some(&self.body), &headers);
        added.and_then(|()| builder.build()).ok()
    }

    fn of(record: &Record<'_>, timestamp_ms: i64) -> Self {
        let mut dead = Self {
            exchange: Bytes::new(),
            routing_key: Bytes::new(),
            deaths: Deaths::default(),
            body: Bytes::copy_from_slice(record.value.unwrap_or_default()),
            key: record.key.map(Bytes::copy_from_slice),
            headers: Vec::new(),
            timestamp_ms,
        };
        for RecordHeader { key, value } in record.headers.flatten() {
            let value = value.map(Bytes::copy_from_slice);
            if *key == *header::EXCHANGE.as_bytes() {
                dead.exchange = value.unwrap_or_default();
            } else if *key == *header::ROUTING_KEY.as_bytes() {
                dead.routing_key = value.unwrap_or_default();
            } else if *key == *header::DEATHS.as_bytes() {
                // What nobody can read is as if it had not died before.
                dead.deaths = Deaths::decode(&value.unwrap_or_default()).unwrap_or_default();
            } else {
                dead.headers.push((Bytes::copy_from_slice(key), value));
            }
        }
        dead
    }
}
