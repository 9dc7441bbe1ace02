//! Messages read from the log of a topic. Records that clients of Kafka produced are passed over: SNS told nobody of
//! them.

use forebay_broker::storage::{LogReader, ReadError};
use forebay_record::Batches;

use super::record::{Logged, decode};
use crate::limits::{SNS_LOG_BATCH_BYTES_MAX, SNS_LOG_READ_BYTES};

/// A part of a log.
#[derive(Debug)]
pub(in crate::sns) struct Page {
    /// Messages with their offsets.
    pub(in crate::sns) messages: Vec<(u64, Logged)>,
    /// Where the next part begins; where this one does, at the end.
    pub(in crate::sns) next: u64,
}

/// Reads a part of a log. What was deleted before `from` was reached is passed over. Blocks.
pub(in crate::sns) fn page(log: &LogReader, from: u64) -> Result<Page, ReadError> {
    let from = from.max(log.start_offset());
    let read = match log.read(from, SNS_LOG_READ_BYTES, true) {
        // Retention was quicker.
        Err(ReadError::OutOfRange { start, .. }) if start > from => {
            log.read(start, SNS_LOG_READ_BYTES, true)?
        }
        read => read?,
    };
    let batches = read.run()?;
    let mut messages = Vec::new();
    for part in &batches.parts {
        for batch in Batches::new(part) {
            let Ok(batch) = batch else { break };
            let header = *batch.header();
            let Ok(records) = batch.records(SNS_LOG_BATCH_BYTES_MAX) else {
                continue;
            };
            for record in records.iter().map_while(Result::ok) {
                let offset = u64::try_from(header.offset_of(&record)).unwrap_or_default();
                if offset >= from
                    && let Some(logged) = decode(&record, header.timestamp_of(&record))
                {
                    messages.push((offset, logged));
                }
            }
        }
    }
    Ok(Page {
        messages,
        next: batches.next.max(from),
    })
}

/// Everything that was published at a time or later. Blocks.
pub(in crate::sns) fn since(log: &LogReader, time_ms: i64) -> Result<Vec<Logged>, ReadError> {
    let mut all = Vec::new();
    let Some((mut from, _)) = log.find_timestamp(time_ms)? else {
        return Ok(all);
    };
    loop {
        let page = page(log, from)?;
        all.extend(page.messages.into_iter().map(|(_, logged)| logged));
        if page.next == from {
            return Ok(all);
        }
        from = page.next;
    }
}
