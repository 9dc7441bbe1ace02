//! What becomes of dead messages: published again to where their queue wants them, with a note of how
//! they died. The move and the word that it was made are in one entry of the journal: what died and was not
//! moved is moved after a restart.

use std::ops::Range;

use bytes::{Bytes, BytesMut};
use forebay_record::{Batch, BatchBuilder, Batches, Record, RecordHeader, Records};
use forebay_storage::{Read, Room};

use super::publish::MESSAGE_OVERHEAD_BYTES;
use super::{Cx, Host};
use crate::host::{Death, Deaths, Envelope, QueueId, header};
use crate::queue::{Admission, Attributes, DeathReason};

/// Bytes of batches that are read at once. What died lately is in memory.
const READ_BYTES: usize = 256 << 10;

/// A dead message, as its log has it.
struct Dead {
    exchange: Bytes,
    routing_key: Bytes,
    deaths: Deaths,
    body: Bytes,
    key: Option<Bytes>,
    /// Headers beside those of its deaths.
    headers: Vec<(Bytes, Option<Bytes>)>,
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
        let Some(target) = state.dead_letter.clone() else {
            return true;
        };
        let (vhost, queue) = (state.virtual_host, state.definition.name.clone());
        let mut deaths = dead.deaths;
        deaths.note(Death {
            queue,
            reason,
            count: 1,
            time_ms: self.now.wall_ms,
            exchange: dead.exchange,
            routing_keys: vec![dead.routing_key.clone()],
            original_expiration_ms: None,
        });
        let routing_key = target.routing_key.unwrap_or(dead.routing_key);
        let envelope = Envelope {
            exchange: target.exchange.clone(),
            routing_keys: vec![routing_key.clone()],
            headers: None,
        };
        let mut queues = Vec::new();
        // Without the exchange nobody wants the dead any more.
        if self.route(vhost, &envelope, &mut queues).is_err() {
            return true;
        }
        let is_cycle = |of: &QueueId| {
            let name = self.queues.get(of).map(|state| &state.definition.name);
            name.is_some_and(|name| deaths.is_cycle(name))
        };
        queues.retain(|of| !is_cycle(of));
        let value = deaths.encode();
        let mut headers = vec![
            RecordHeader::new(header::EXCHANGE, &target.exchange),
            RecordHeader::new(header::ROUTING_KEY, &routing_key),
            RecordHeader::new(header::DEATHS, &value),
        ];
        headers.extend(dead.headers.iter().map(|(key, value)| RecordHeader {
            key,
            value: value.as_deref(),
        }));
        let mut builder = BatchBuilder::new();
        let key = dead.key.as_deref();
        let added = builder.add(dead.timestamp_ms, key, Some(&dead.body), &headers);
        let Ok(batch) = added.and_then(|()| builder.build()) else {
            tracing::error!(queue = %id, "a dead message is too large to be moved and is lost");
            return true;
        };
        let needed = queues.len() * (batch.len() + MESSAGE_OVERHEAD_BYTES);
        if cx.engine.room(needed, true) != Room::Now {
            return false;
        }
        let body_bytes = u32::try_from(dead.body.len()).unwrap_or(u32::MAX);
        for to in queues {
            let admission = self.queues.get(&to).map(|state| {
                let bytes = u64::from(body_bytes);
                state
                    .queue
                    .admit(1, bytes, None, self.now.aging_ms, &self.pools)
            });
            if admission == Some(Admission::Accepted) {
                let batch = BytesMut::from(&batch[..]);
                if let Err(error) = self.take_in(to, batch, body_bytes, Attributes::default(), cx) {
                    tracing::error!(queue = %to, %error, "a dead message is lost");
                }
            }
        }
        true
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
