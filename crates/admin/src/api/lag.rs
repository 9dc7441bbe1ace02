//! How far a group has read and how much is left: an offset that it committed, beside the log it is
//! about.

use forebay_broker::group::{CommittedOffset, FetchedOffset};
use forebay_broker::{Broker, TopicName};

/// One committed offset.
#[derive(Debug)]
pub(crate) struct OffsetWithLag<'a> {
    pub(crate) topic: &'a TopicName,
    pub(crate) partition: u64,
    pub(crate) committed: u64,
    /// What else was stored with it.
    pub(crate) stored: &'a CommittedOffset,
    /// The end of the log, if the partition still exists.
    pub(crate) end: Option<u64>,
    /// Offsets between the two. More than records where compaction has removed some.
    pub(crate) lag: Option<u64>,
}

/// The offsets that are there, each with its lag.
pub(crate) fn of<'a>(
    broker: &'a Broker,
    offsets: &'a [FetchedOffset],
) -> impl Iterator<Item = OffsetWithLag<'a>> {
    offsets.iter().filter_map(|offset| {
        let stored = offset.committed.as_ref()?;
        // The coordinator stores what a client sends; what is below the first offset reads from it.
        let committed = u64::try_from(stored.offset).unwrap_or(0);
        let topic = broker.topic(offset.topic.as_str());
        let log = topic
            .as_deref()
            .and_then(|topic| topic.partition(offset.partition));
        let end = log.map(|log| log.end_offset());
        Some(OffsetWithLag {
            topic: &offset.topic,
            partition: u64::try_from(offset.partition).ok()?,
            committed,
            stored,
            end,
            // The end was read after the commit, but a client may commit any number.
            lag: end.map(|end| end.saturating_sub(committed)),
        })
    })
}
