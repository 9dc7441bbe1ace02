//! Where partitions begin and end.

use std::collections::BTreeMap;

use forebay_kafka::client::{Client, ClientError, OffsetSpec};

use super::position::Position;

/// The offsets that a partition holds: from `first` to before `end`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Bounds {
    pub(crate) first: i64,
    pub(crate) end: i64,
}

impl Bounds {
    /// The bounds of partitions of a topic.
    pub(crate) async fn of(
        client: &Client,
        topic: &str,
        partitions: &[i32],
    ) -> Result<BTreeMap<i32, Self>, ClientError> {
        let first = offsets(client, topic, partitions, OffsetSpec::Earliest).await?;
        let end = offsets(client, topic, partitions, OffsetSpec::Latest).await?;
        let bounds = partitions.iter().map(|partition| {
            let of = |found: &BTreeMap<i32, Option<i64>>| {
                found.get(partition).copied().flatten().unwrap_or(0)
            };
            // The first was asked for a moment earlier, and both only grow.
            let (first, end) = (of(&first), of(&end));
            let end = end.max(first);
            (*partition, Self { first, end })
        });
        Ok(bounds.collect())
    }

    /// How many records there are at most: compaction takes some out of the middle.
    pub(crate) fn records(&self) -> u64 {
        (self.end - self.first).unsigned_abs()
    }
}

/// The offset that a position stands for in each partition.
pub(crate) async fn resolve(
    client: &Client,
    topic: &str,
    bounds: &BTreeMap<i32, Bounds>,
    position: Position,
) -> Result<BTreeMap<i32, i64>, ClientError> {
    let at_time = match position {
        Position::Time(time) => {
            let spec = OffsetSpec::TimestampMs(time.as_millisecond().max(0));
            let partitions: Vec<i32> = bounds.keys().copied().collect();
            offsets(client, topic, &partitions, spec).await?
        }
        _ => BTreeMap::new(),
    };
    let resolved = bounds.iter().map(|(partition, bounds)| {
        let at_time = at_time.get(partition).copied().flatten();
        let offset = position.resolve(bounds.first, bounds.end, at_time);
        (*partition, offset)
    });
    Ok(resolved.collect())
}

async fn offsets(
    client: &Client,
    topic: &str,
    partitions: &[i32],
    spec: OffsetSpec,
) -> Result<BTreeMap<i32, Option<i64>>, ClientError> {
    let asked: Vec<_> = partitions
        .iter()
        .map(|partition| (topic, *partition, spec))
        .collect();
    let found = client.list_offsets(&asked).await?;
    Ok(found
        .into_iter()
        .map(|found| (found.partition, found.offset))
        .collect())
}
