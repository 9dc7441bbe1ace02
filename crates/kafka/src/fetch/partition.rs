//! One partition that a client follows: where it is, and what it is answered.

use std::sync::Arc;

use forebay_broker::storage::{Batches, LogReader, Read, ReadError};
use uuid::Uuid;

use crate::answer_memory::Held;
use crate::disk_reads::DiskReads;
use crate::errors;
use crate::protocol::generated::fetch_request::FetchPartition;
use crate::protocol::generated::fetch_response::PartitionData;
use crate::protocol::{ErrorCode, Records};

/// A topic as the client named it: by name up to version 12, by id from then on.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum TopicKey {
    Name(Arc<str>),
    Id(Uuid),
}

/// A partition that a client follows.
#[derive(Debug)]
pub(crate) struct Followed {
    pub(crate) topic: TopicKey,
    pub(crate) index: i32,
    /// The log, or why there is none.
    pub(crate) log: Result<LogReader, ErrorCode>,
    offset: i64,
    bytes_max: i32,
    leader_epoch: i32,
    /// The end and start that the client was last told, so that a session answers only with news.
    /// None after an error: that it is over is news.
    told: Option<(i64, i64)>,
}

/// What a look at a partition gave.
pub(crate) struct Served {
    pub(crate) data: PartitionData<'static>,
    pub(crate) bytes: usize,
    pub(crate) records: u64,
    pub(crate) is_error: bool,
    /// The client had everything there is before this. One that is given something may drop it and
    /// ask again from where it was, which in a session it does by saying nothing.
    pub(crate) at_end: bool,
    /// A session has something to tell.
    pub(crate) is_news: bool,
}

impl Followed {
    pub(crate) fn new(
        topic: TopicKey,
        log: Result<LogReader, ErrorCode>,
        asked: &FetchPartition,
    ) -> Self {
        let mut followed = Self {
            topic,
            index: asked.partition,
            log,
            offset: 0,
            bytes_max: 0,
            leader_epoch: -1,
            told: None,
        };
        followed.moved(asked);
        followed
    }

    /// Takes over where the client is now.
    pub(crate) fn moved(&mut self, asked: &FetchPartition) {
        self.offset = asked.fetch_offset;
        self.bytes_max = asked.partition_max_bytes;
        self.leader_epoch = asked.current_leader_epoch;
    }

    /// Whether there is no log to read: a topic that is created, or created again, may bring one.
    pub(crate) fn is_lost(&self) -> bool {
        self.log.as_ref().map_or(true, LogReader::is_deleted)
    }

    /// Takes note of what the client is sent. What was only looked at, it may never hear of.
    pub(crate) fn answered(&mut self, served: &Served) {
        self.told = (!served.is_error)
            .then_some((served.data.high_watermark, served.data.log_start_offset));
        if let Ok(log) = &self.log
            && served.bytes > 0
        {
            log.count_fetched(served.records, served.bytes as u64);
        }
    }

    /// How many bytes a read with this budget may bring: none where there is nothing new.
    pub(crate) fn wanted(&self, budget: usize) -> usize {
        let end = self.log.as_ref().map_or(0, LogReader::end_offset);
        if self.offset < end as i64 {
            usize::try_from(self.bytes_max)
                .unwrap_or(0)
                .min(budget)
                .max(1)
        } else {
            0
        }
    }

    /// Reads what is there, at most `budget` bytes; with `first` at least one batch. What is `held` is the
    /// memory that it is read into.
    pub(crate) async fn serve(
        &mut self,
        budget: usize,
        first: bool,
        held: &mut Held,
        disk: &DiskReads,
    ) -> Served {
        let bytes_max = usize::try_from(self.bytes_max).unwrap_or(0).min(budget);
        let read = match self.start(bytes_max, first) {
            Ok(Read::Ready(batches)) => Ok(batches),
            // A full answer takes nothing, so nothing need be read for it.
            Ok(Read::Cold(_)) if bytes_max == 0 && !first => Ok(Batches {
                next: u64::try_from(self.offset).unwrap_or(0),
                ..Batches::default()
            }),
            Ok(Read::Cold(read)) => {
                // A read whose client is gone still fills memory until it is over.
                let paid = held.hand_over();
                let read = disk.run(move || (read.run(), paid)).await;
                read.and_then(|(read, paid)| {
                    *held = paid;
                    read.map_err(|error| self.refusal(&error))
                })
            }
            Err(error) => Err(error),
        };
        let (start, end) = match &self.log {
            Ok(log) => (log.start_offset() as i64, log.end_offset() as i64),
            Err(_) => (-1, -1),
        };
        match read {
            Ok(batches) => self.batches(batches, start, end),
            Err(error) => self.refused(error, start, end),
        }
    }

    fn start(&self, bytes_max: usize, first: bool) -> Result<Read, ErrorCode> {
        let log = self.log.as_ref().map_err(|error| *error)?;
        errors::leader_epoch(self.leader_epoch)?;
        let offset = u64::try_from(self.offset).map_err(|_| ErrorCode::OffsetOutOfRange)?;
        log.read(offset, bytes_max, first)
            .map_err(|error| self.refusal(&error))
    }

    fn batches(&self, batches: Batches, start: i64, end: i64) -> Served {
        // Offsets are dense but for compacted topics, where this counts what was passed over too.
        let records = batches
            .next
            .saturating_sub(u64::try_from(self.offset).unwrap_or(0));
        Served {
            bytes: batches.bytes,
            records,
            is_error: false,
            at_end: self.offset >= end,
            is_news: batches.bytes > 0 || self.told != Some((end, start)),
            data: PartitionData {
                partition_index: self.index,
                error_code: ErrorCode::None as i16,
                high_watermark: end,
                // Transactions are not served yet: everything durable is stable.
                last_stable_offset: end,
                log_start_offset: start,
                records: Some(Records::from(batches.parts)),
                ..PartitionData::default()
            },
        }
    }

    fn refused(&self, error: ErrorCode, start: i64, end: i64) -> Served {
        Served {
            bytes: 0,
            records: 0,
            is_error: true,
            at_end: false,
            // As in Kafka an error is told each time, or the client would ask on without a reason.
            is_news: true,
            data: PartitionData {
                partition_index: self.index,
                error_code: error as i16,
                high_watermark: end,
                last_stable_offset: end,
                log_start_offset: start,
                records: Some(Records::default()),
                ..PartitionData::default()
            },
        }
    }

    fn refusal(&self, error: &ReadError) -> ErrorCode {
        match (error, &self.topic) {
            (ReadError::Deleted, TopicKey::Id(_)) => return ErrorCode::UnknownTopicId,
            (ReadError::Storage(error), _) => tracing::error!(%error, "a fetch failed"),
            _ => {}
        }
        errors::read(error)
    }
}
