//! Appending batches, records deleted from the front, and producer ids.

use std::sync::Arc;

use forebay_storage::shard::Replies;
use forebay_storage::{AppendError as EngineError, Durability, Engine, Now};
use tokio::sync::oneshot;

use super::command::{Answer, AppendResults, DeleteRecordsResults, Prepared, ProducerIdentity};
use super::{AppendedBatch, BrokerMachine, Reply};
use crate::error::{AppendError, DeleteRecordsError};
use crate::event::BrokerEvent;
use crate::limits::PRODUCER_ID_BLOCK;
use crate::producer::Verdict;
use crate::topic::Topic;

impl BrokerMachine {
    pub(super) fn append(
        &mut self,
        batches: Vec<Result<Prepared, AppendError>>,
        answer: oneshot::Sender<AppendResults>,
        engine: &mut Engine,
        now: Now,
        replies: &mut Replies<Reply>,
    ) {
        let mut durability = Durability::Memory;
        let mut results = Vec::with_capacity(batches.len());
        for prepared in batches {
            results.push(prepared.and_then(|prepared| {
                durability = durability.max(prepared.durability);
                self.append_one(prepared, engine, now)
            }));
        }
        replies.after(durability, Answer::Append(answer, results));
    }

    fn append_one(
        &mut self,
        prepared: Prepared,
        engine: &mut Engine,
        now: Now,
    ) -> Result<AppendedBatch, AppendError> {
        let Prepared {
            log,
            header,
            batch,
            log_append_time_ms,
            ..
        } = prepared;
        let partition = self
            .partitions
            .get_mut(&log)
            .ok_or(AppendError::UnknownPartition)?;
        let reader = engine.reader(log).ok_or(AppendError::UnknownPartition)?;
        let appended = |base_offset| AppendedBatch {
            base_offset,
            log_append_time_ms,
            log_start_offset: reader.start_offset(),
        };
        let idempotent = header.has_producer_id();
        if idempotent {
            match partition.producers.check(&header) {
                Verdict::Append => {}
                // It is as durable as this round will be: the answer waits for it like the first.
                Verdict::Duplicate(base_offset) => return Ok(appended(base_offset)),
                Verdict::OutOfOrder => return Err(AppendError::OutOfOrder),
                Verdict::Fenced => return Err(AppendError::Fenced),
            }
        }
        let base_offset = engine
            .append(log, batch, now)
            .map_err(|error| match error {
                EngineError::UnknownLog(_) => AppendError::UnknownPartition,
                EngineError::TooLarge { bytes, limit } => AppendError::TooLarge { bytes, limit },
                EngineError::Malformed(what) => AppendError::Corrupt(what),
            })?;
        if idempotent {
            partition
                .producers
                .appended(&header, base_offset, now.wall_ms);
        }
        Ok(appended(base_offset))
    }

    pub(super) fn delete_records(
        &mut self,
        positions: Vec<(Arc<Topic>, i32, Option<u64>)>,
        answer: oneshot::Sender<DeleteRecordsResults>,
        engine: &mut Engine,
        replies: &mut Replies<Reply>,
    ) {
        let results = positions.into_iter().map(|(topic, partition, before)| {
            let log = topic
                .partition(partition)
                .ok_or(DeleteRecordsError::UnknownPartition)?
                .id();
            let reader = engine
                .reader(log)
                .ok_or(DeleteRecordsError::UnknownPartition)?;
            let before = before.unwrap_or(reader.end_offset());
            if before > reader.end_offset() {
                return Err(DeleteRecordsError::OutOfRange);
            }
            engine.advance_start(log, before);
            Ok(reader.start_offset())
        });
        let results = results.collect();
        replies.after(Durability::Fsync, Answer::DeleteRecords(answer, results));
    }

    pub(super) fn init_producer(
        &mut self,
        answer: oneshot::Sender<ProducerIdentity>,
        engine: &mut Engine,
        replies: &mut Replies<Reply>,
    ) {
        if self.next_producer == self.reserved_producers {
            self.reserved_producers += PRODUCER_ID_BLOCK;
            let next = self.reserved_producers;
            Self::store(engine, &BrokerEvent::ProducerIdsReserved { next });
        }
        let identity = ProducerIdentity {
            id: self.next_producer,
            epoch: 0,
        };
        self.next_producer += 1;
        replies.after(Durability::Fsync, Answer::InitProducer(answer, identity));
    }
}
