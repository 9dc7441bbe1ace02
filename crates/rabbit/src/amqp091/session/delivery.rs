//! From logs to consumers. The broker says which messages of which log are whose; they are read here, and
//! not while the client is behind with what it was sent before.

use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use forebay_broker::host::{Delivered, Notice, Settlement};
use forebay_broker::queue::{Credit, HolderId, Outcome};
use forebay_broker::storage::{Batches, ColdRead, LogReader, Read, ReadError};
use forebay_record::{Compression, Record};
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;

use super::ahead::Ahead;
use super::interop;
use super::message::StoredFields;
use super::unacked::append_settlement;
use super::{Phase, Session};
use crate::amqp091::ShortStr;
use crate::amqp091::frame::write_method;
use crate::amqp091::method::basic;
use crate::gateway::Shared;
use crate::limits;

/// A consumer of this connection.
#[derive(Debug)]
pub(super) struct Consumer {
    pub(super) channel: u16,
    pub(super) tag: ShortStr,
    pub(super) queue: Bytes,
    pub(super) log: LogReader,
    pub(super) ahead: Ahead,
    pub(super) no_ack: bool,
    /// It is told how often messages came back.
    pub(super) tells_counts: bool,
    /// Deliveries since it was last granted more, of a consumer that has no bound of its own.
    pub(super) since_grant: Option<u32>,
}

/// What a read brought.
type Brought = (Delivered, Result<Batches, ReadError>);

/// A read that may have to wait for the disk.
#[derive(Debug)]
pub(super) struct Reading(JoinHandle<Brought>);

impl Reading {
    /// What it brought; none if its thread died.
    pub(super) async fn done(&mut self) -> Option<Brought> {
        (&mut self.0).await.ok()
    }
}

/// Deliveries that are settled by being sent, and are not sent yet.
#[derive(Debug, Default)]
pub(super) struct AutoAcks {
    /// In the output, up to this byte of all that is ever sent.
    sending: Vec<Settlement>,
    sent_at: u64,
    /// Behind those.
    gathering: Vec<Settlement>,
}

impl AutoAcks {
    pub(super) fn add(&mut self, next: Settlement) {
        append_settlement(&mut self.gathering, next);
    }

    /// What is settled, now that so many bytes were sent and so many are to be.
    fn sent(&mut self, sent_bytes: u64, waiting_bytes: usize) -> Vec<Settlement> {
        let mut done = Vec::new();
        if sent_bytes >= self.sent_at {
            done = std::mem::take(&mut self.sending);
            if waiting_bytes == 0 {
                done.append(&mut self.gathering);
            } else {
                self.sending = std::mem::take(&mut self.gathering);
                self.sent_at = sent_bytes + waiting_bytes as u64;
            }
        }
        done
    }
}

impl Session<'_> {
    /// Whether the client takes more.
    pub(super) fn may_write(&self) -> bool {
        self.output.len() < limits::DELIVERY_OUTPUT_BYTES_MAX && matches!(self.phase, Phase::Open)
    }

    /// The same for what is in logs, which is read in order.
    pub(super) fn may_deliver(&self) -> bool {
        self.reading.is_none() && self.may_write()
    }

    /// Writes deliveries that there is room for.
    pub(super) async fn deliver(&mut self) {
        self.deliver_replies();
        while self.may_deliver() {
            let next = self.backlog.pop_front();
            let Some(notice) = next.or_else(|| self.incoming.try_recv().ok()) else {
                break;
            };
            match notice {
                Notice::Delivered(delivered) => self.deliver_run(delivered).await,
                Notice::Cancelled(holder) => self.consumer_ended(holder),
            }
        }
        self.hand_over();
    }

    async fn deliver_run(&mut self, delivered: Delivered) {
        let share = limits::DELIVERY_AHEAD_BYTES / self.consumers.len().max(1);
        let Some(consumer) = self.consumers.get_mut(&delivered.holder) else {
            self.decline(&delivered);
            return;
        };
        let most = share.clamp(
            limits::DELIVERY_READ_BYTES_MIN,
            limits::DELIVERY_READ_BYTES_MAX,
        );
        let read = match consumer.ahead.take(delivered.offset) {
            Some(batches) => Ok(Read::Ready(batches)),
            // What was written lately is in the page cache, and a thread that waits for it would be most of the work.
            None => consumer
                .log
                .read(delivered.offset, most, true)
                .and_then(Read::resident),
        };
        match read {
            Ok(Read::Ready(batches)) => self.write_run(delivered, batches),
            Ok(Read::Cold(read)) => {
                let permits = Arc::clone(&self.shared.disk_reads);
                let reading = async move { (delivered, read_cold(permits, read).await) };
                self.reading = Some(Reading(tokio::spawn(reading)));
            }
            Err(error) => self.unreadable(&delivered, &error),
        }
        self.grant(delivered.holder).await;
    }

    /// Takes what a read of the disk brought.
    pub(super) fn read_done(&mut self, brought: Option<Brought>) {
        self.reading = None;
        match brought {
            Some((delivered, Ok(batches))) => self.write_run(delivered, batches),
            Some((delivered, Err(error))) => self.unreadable(&delivered, &error),
            None => {}
        }
    }

    fn unreadable(&mut self, delivered: &Delivered, error: &ReadError) {
        match error {
            // The queue went while its messages were on their way.
            ReadError::Deleted => {}
            error => {
                tracing::error!(%error, offset = delivered.offset, "a delivery cannot be read");
            }
        }
        self.streams.run_ended(delivered.holder);
    }

    /// Messages for a consumer that is not there any more.
    fn decline(&mut self, delivered: &Delivered) {
        let Some(number) = delivered.number else {
            return;
        };
        self.settle(Settlement {
            holder: delivered.holder,
            numbers: number..number + delivered.count,
            outcome: Outcome::Nack { delay_ms: None },
        });
    }

    /// Writes those of the messages that are in `batches`, of which the rest is kept; the others are next.
    fn write_run(&mut self, delivered: Delivered, batches: Batches) {
        if !self.consumers.contains_key(&delivered.holder) {
            self.decline(&delivered);
            return;
        }
        match self.write_some(delivered, batches) {
            Some(rest) => self.backlog.push_front(Notice::Delivered(rest)),
            None => self.streams.run_ended(delivered.holder),
        }
    }

    /// Writes them; what is left of the run is returned, if it goes on.
    fn write_some(&mut self, delivered: Delivered, batches: Batches) -> Option<Delivered> {
        let mut rest = delivered;
        let end = delivered.offset + delivered.count;
        let filter = self.streams.filter(delivered.holder);
        if self.output.is_empty() {
            let likely = output_bytes(&delivered, &batches).max(self.sent_at_once);
            // To reserve it would copy what was sent before.
            if self.output.capacity() < likely {
                self.output = BytesMut::with_capacity(likely);
            }
        }
        let each = for_each_record(&batches, delivered.offset, end, |offset, record, source| {
            if filter.as_ref().is_none_or(|filter| filter.wants(record)) {
                self.write_one(&delivered, offset, record, source);
            }
            advance(&mut rest, offset + 1);
        });
        if let Err(error) = each {
            tracing::error!(%error, offset = rest.offset, "a message cannot be read");
            return None;
        }
        if rest.count == 0 {
            if let Some(consumer) = self.consumers.get_mut(&delivered.holder) {
                consumer.ahead.keep(batches, end);
            }
            return None;
        }
        if batches.next <= rest.offset && batches.bytes == 0 {
            tracing::warn!(
                offset = rest.offset,
                "a message to be delivered is not in its log"
            );
            return None;
        }
        // Offsets that no batch has are passed over.
        let next = batches.next.clamp(rest.offset, end);
        advance(&mut rest, next);
        (rest.count > 0).then_some(rest)
    }

    fn write_one(
        &mut self,
        delivered: &Delivered,
        offset: u64,
        record: &Record<'_>,
        source: &Bytes,
    ) {
        let Some(consumer) = self.consumers.get_mut(&delivered.holder) else {
            return;
        };
        let Some(channel) = self.channels.get_mut(&consumer.channel) else {
            return;
        };
        let number = delivered.number.unwrap_or(0) + (offset - delivered.offset);
        let counts = &channel.entry.counts;
        counts.redelivered.add(delivered.redelivered().into());
        let delivery_tag = if consumer.no_ack {
            counts.delivered_no_ack.add(1);
            self.auto_acks.add(Settlement {
                holder: delivered.holder,
                numbers: number..number + 1,
                outcome: Outcome::Sent,
            });
            channel.unacked.next_tag()
        } else {
            counts.delivered.add(1);
            let tag = channel.unacked.add(delivered.holder, number);
            channel.entry.unacked.set(channel.unacked.len());
            tag
        };
        let is_of_stream = self.streams.delivered(delivered.holder);
        let is_counted = consumer.tells_counts && delivered.mark.deliveries > 0;
        let fields = StoredFields::of(record);
        let changed;
        let stored = match fields.unchanged() {
            Some(stored) if !is_of_stream && !is_counted => stored,
            _ => {
                let mut stored = fields.stored(record, source, &consumer.queue);
                if is_of_stream {
                    stored.properties = interop::with_offset(&stored.properties, offset);
                }
                if is_counted {
                    stored.count(delivered.mark);
                }
                changed = stored;
                changed.view()
            }
        };
        let body = record.value.unwrap_or_default();
        let redelivered = delivered.redelivered();
        let delivery = stored.delivery(&consumer.tag, delivery_tag, redelivered, body);
        delivery.write(&mut self.output, consumer.channel, self.agreed.frame_max);
        if let Some(since) = &mut consumer.since_grant {
            *since = since.saturating_add(1);
        }
        self.shared.metrics.delivered.add(1);
    }

    /// Grants more to a consumer that has no bound of its own, as it gets through what it has.
    async fn grant(&mut self, holder: HolderId) {
        let consumer = self.consumers.get_mut(&holder);
        let Some(since) = consumer.and_then(|consumer| consumer.since_grant.as_mut()) else {
            return;
        };
        if *since >= limits::DELIVERIES_AHEAD / 2 {
            *since = 0;
            let credit = Credit::Grant(limits::DELIVERIES_AHEAD);
            let _ = self.shared.broker.set_credit(holder, credit).await;
        }
    }

    /// Settles what needs no more than to be sent.
    pub(super) fn settle_sent(&mut self) {
        for settlement in self.auto_acks.sent(self.sent_bytes, self.output.len()) {
            self.settle(settlement);
        }
    }

    /// A consumer's queue is gone.
    fn consumer_ended(&mut self, holder: HolderId) {
        let Some(consumer) = self.consumers.remove(&holder) else {
            return;
        };
        self.shared.metrics.consumers.fewer(1);
        if let Some(channel) = self.channels.get_mut(&consumer.channel) {
            channel.consumers.remove(&consumer.tag);
            channel.entry.unsubscribed(holder);
            let others = channel.streams.remove(&consumer.tag);
            self.streams.remove(holder);
            self.end_streams(&others.unwrap_or_default());
        }
        if self.agreed.cancel_notify {
            let cancel = basic::Cancel {
                consumer_tag: consumer.tag,
                nowait: true,
            };
            write_method(&mut self.output, consumer.channel, &cancel);
        }
    }
}

/// Goes on at an offset.
fn advance(delivered: &mut Delivered, to: u64) {
    let by = to - delivered.offset;
    delivered.offset = to;
    delivered.count -= by;
    if let Some(number) = &mut delivered.number {
        *number += by;
    }
}

/// What a run of deliveries is likely to take on its way to the client, as far as it was read.
fn output_bytes(delivered: &Delivered, batches: &Batches) -> usize {
    let read = batches.next.saturating_sub(delivered.offset).max(1);
    let of_run = delivered.count.min(read) as usize;
    let each = batches.bytes / read as usize + limits::DELIVERY_OVERHEAD_BYTES;
    (of_run * each).min(limits::DELIVERY_OUTPUT_BYTES_MAX)
}

/// Walks the records between two offsets, each with the bytes that it is a part of.
pub(crate) fn for_each_record(
    batches: &Batches,
    from: u64,
    end: u64,
    mut each: impl FnMut(u64, &Record<'_>, &Bytes),
) -> forebay_record::Result<()> {
    for part in &batches.parts {
        for batch in forebay_record::Batches::new(part) {
            let batch = batch?;
            let header = *batch.header();
            if header.last_offset() < from as i64 {
                continue;
            }
            if header.base_offset >= end as i64 {
                return Ok(());
            }
            let records = batch.records(limits::BATCH_DECOMPRESSED_BYTES_MAX)?;
            let source = match header.compression()? {
                Compression::None => part.slice_ref(batch.payload()),
                _ => Bytes::copy_from_slice(records.body()),
            };
            let count = usize::try_from(header.record_count).unwrap_or(0);
            for record in forebay_record::Records::new(&source, count) {
                let record = record?;
                let offset = u64::try_from(header.offset_of(&record)).unwrap_or(0);
                if offset >= end {
                    return Ok(());
                }
                if offset >= from {
                    each(offset, &record, &source);
                }
            }
        }
    }
    Ok(())
}

/// Reads from disk on a thread that may wait for it, when there is a permit to.
async fn read_cold(permits: Arc<Semaphore>, read: ColdRead) -> Result<Batches, ReadError> {
    let permit = permits.acquire_owned().await;
    let run = move || {
        let _permit = permit;
        read.run()
    };
    let read = tokio::task::spawn_blocking(run).await;
    read.unwrap_or(Err(ReadError::Deleted))
}

/// Reads one message and hands it to `write`. Returns whether it is there.
pub(crate) async fn read_one(
    shared: &Shared,
    log: &LogReader,
    offset: u64,
    mut write: impl FnMut(&Record<'_>, &Bytes),
) -> bool {
    let batches = match log.read(offset, 1, true).and_then(Read::resident) {
        Ok(Read::Ready(batches)) => Ok(batches),
        Ok(Read::Cold(read)) => read_cold(Arc::clone(&shared.disk_reads), read).await,
        Err(error) => Err(error),
    };
    let mut is_there = false;
    let read = batches.map(|batches| {
        for_each_record(&batches, offset, offset + 1, |_, record, source| {
            is_there = true;
            write(record, source);
        })
    });
    match read {
        Ok(Ok(())) => {}
        Ok(Err(error)) => tracing::error!(%error, offset, "a message cannot be read"),
        Err(error) => tracing::error!(%error, offset, "a message cannot be read"),
    }
    is_there
}
