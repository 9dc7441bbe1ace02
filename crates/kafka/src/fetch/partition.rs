//! One partition that a client follows: where it is, and what it is answered.

use std::sync::Arc;

use forebay_broker::storage::{Batches, LogReader, Read, ReadError};
use uuid::Uuid;

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
    /// What the client was last told, so that a session answers only with news.
    told: Option<(i64, i64, ErrorCode)>,
}

/// What a look at a partition gave.
pub(crate) struct Served {
    pub(crate) data: PartitionData<'static>,
    pub(crate) bytes: usize,
    pub(crate) is_error: bool,
    /// The client has everything there is.
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

    /// Reads what is there, at most `budget` bytes; with `first` at least one batch.
    pub(crate) async fn serve(&mut self, budget: usize, first: bool) -> Served {
        let bytes_max = usize::try_from(self.bytes_max).unwrap_or(0).min(budget);
        let read = match self.start(bytes_max, first) {
            Ok(Read::Ready(batches)) => Ok(batches),
            // Reading from disk must not hold up other connections.
            Ok(Read::Cold(read)) => tokio::task::spawn_blocking(move || read.run())
                .await
                .unwrap_or(Err(ReadError::Deleted))
                .map_err(|error| refusal(&error)),
            Err(error) => Err(error),
        };
        let (start, end) = match &self.log {
            Ok(log) => (log.start_offset() as i64, log.end_offset() as i64),
            Err(_) => (-1, -1),
        };
        let served = match read {
            Ok(batches) => self.batches(batches, start, end),
            Err(error) => self.refused(error, start, end),
        };
        let told = (end, start, error_of(&served.data));
        let is_news = served.bytes > 0 || self.told != Some(told);
        self.told = Some(told);
        Served { is_news, ..served }
    }

    fn start(&self, bytes_max: usize, first: bool) -> Result<Read, ErrorCode> {
        let log = self.log.as_ref().map_err(|error| *error)?;
        errors::leader_epoch(self.leader_epoch)?;
        let offset = u64::try_from(self.offset).map_err(|_| ErrorCode::OffsetOutOfRange)?;
        log.read(offset, bytes_max, first)
            .map_err(|error| refusal(&error))
    }

    fn batches(&self, batches: Batches, start: i64, end: i64) -> Served {
        if let Ok(log) = &self.log
            && batches.bytes > 0
        {
            // Offsets are dense but for compacted topics, where this counts what was passed over too.
            let records = batches
                .next
                .saturating_sub(u64::try_from(self.offset).unwrap_or(0));
            log.count_fetched(records, batches.bytes as u64);
        }
        Served {
            bytes: batches.bytes,
            is_error: false,
            at_end: batches.next as i64 >= end,
            is_news: false,
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
            is_error: true,
            at_end: false,
            is_news: false,
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
}

fn error_of(data: &PartitionData<'_>) -> ErrorCode {
    ErrorCode::from_code(data.error_code).unwrap_or(ErrorCode::UnknownServerError)
}

fn refusal(error: &ReadError) -> ErrorCode {
    if let ReadError::Storage(error) = error {
        tracing::error!(%error, "a fetch failed");
    }
    errors::read(error)
}
