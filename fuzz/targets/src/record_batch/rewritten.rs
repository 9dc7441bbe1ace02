//! Everything that makes a batch out of another: compaction, recompression, building it again. What
//! is kept reads the same.

use forebay_record::{
    Batch, BatchBuilder, Compression, NO_TIMESTAMP, Record, RecordHeader, RecordSet, Retained,
};

use super::opened::REWRITTEN;
use crate::memory::bounded;

/// Enough for any rewrite of a batch that was opened.
const LIMIT: usize = 1 << 20;

/// A record with where it is, apart from its batch.
#[derive(Debug, PartialEq)]
struct Content<'a> {
    offset: i64,
    timestamp: i64,
    attributes: i8,
    key: Option<&'a [u8]>,
    value: Option<&'a [u8]>,
    headers: Vec<RecordHeader<'a>>,
}

/// Holds every rewrite of valid records to its promise.
pub(super) fn hold(records: &RecordSet<'_>) {
    let all = contents(records);
    recompressed(records, &all);
    for pattern in [u64::MAX, 0x5555_5555_5555_5555, 1, 0] {
        for horizon in [None, Some(1_700_000_000_000)] {
            retained(records, &all, pattern, horizon);
        }
    }
    built(records, &all);
}

fn contents<'a>(records: &'a RecordSet<'_>) -> Vec<Content<'a>> {
    let content = |record: Record<'a>| Content {
        offset: records.header().offset_of(&record),
        timestamp: records.header().timestamp_of(&record),
        attributes: record.attributes,
        key: record.key,
        value: record.value,
        headers: record
            .headers
            .map(|header| header.expect("is valid"))
            .collect(),
    };
    let all = records
        .iter()
        .map(|record| content(record.expect("is valid")));
    all.collect()
}

fn recompressed(records: &RecordSet<'_>, all: &[Content<'_>]) {
    let bytes = records.body().len();
    for codec in Compression::ALL {
        let batch = bounded("recompression", bytes, REWRITTEN, || {
            records.recompress(codec)
        });
        let batch = batch.expect("a few bytes fit any batch");
        with_opened(&batch, |again| assert_eq!(contents(again), all, "{codec}"));
    }
}

fn retained(records: &RecordSet<'_>, all: &[Content<'_>], pattern: u64, horizon: Option<i64>) {
    let is_kept = |offset: i64| pattern >> (offset & 63) & 1 == 1;
    let bytes = records.body().len();
    let outcome = bounded("compaction", bytes, REWRITTEN, || {
        records.retain(horizon, |offset, _| is_kept(offset))
    });
    let kept: Vec<_> = all
        .iter()
        .filter(|content| is_kept(content.offset))
        .collect();
    match outcome {
        Ok(Retained::KeptAll) => assert_eq!(kept.len(), all.len()),
        Ok(Retained::Empty) => assert!(kept.is_empty()),
        Ok(Retained::Rewritten(batch)) => with_opened(&batch, |again| {
            assert_eq!(contents(again).iter().collect::<Vec<_>>(), kept);
            let (old, new) = (records.header(), again.header());
            assert_eq!(
                (new.base_offset, new.last_offset()),
                (old.base_offset, old.last_offset())
            );
            assert_eq!(new.last_sequence(), old.last_sequence());
            assert_eq!(
                (new.producer_id, new.producer_epoch),
                (old.producer_id, old.producer_epoch)
            );
            again
                .validate()
                .expect("what is kept of valid records is valid");
        }),
        // Timestamps that lie further apart than a delta reaches.
        Err(error) => assert!(
            matches!(error, forebay_record::Error::Record { .. }),
            "{error}"
        ),
    }
    let emptied = records.header().emptied();
    with_opened(&emptied, |again| {
        assert_eq!(again.header().last_offset(), records.header().last_offset());
    });
}

/// Records that a producer could have sent come back from a builder as they were, and the batch that
/// it makes of them again is the same to the byte.
fn built(records: &RecordSet<'_>, all: &[Content<'_>]) {
    let base = records.header().base_offset;
    let sent = all.iter().zip(base..).all(|(content, offset)| {
        content.offset == offset && content.timestamp >= NO_TIMESTAMP && content.attributes == 0
    });
    if !sent || all.is_empty() {
        return;
    }
    let build = |all: &[Content<'_>]| {
        let mut builder = BatchBuilder::new().base_offset(base);
        for content in all {
            builder
                .add(
                    content.timestamp,
                    content.key,
                    content.value,
                    &content.headers,
                )
                .ok()?;
        }
        Some(builder.build().expect("a few bytes fit any batch"))
    };
    let Some(batch) = build(all) else { return };
    with_opened(&batch, |again| {
        assert_eq!(contents(again), all);
        assert_eq!(build(&contents(again)), Some(batch.clone()));
    });
}

/// A batch that Forebay made is one that it may store.
fn with_opened(batch: &[u8], look: impl FnOnce(&RecordSet<'_>)) {
    let batch = Batch::only(batch).expect("it is one batch");
    batch.verify_stored().expect("it may be stored");
    look(&batch.records(LIMIT).expect("it can be opened"));
}
