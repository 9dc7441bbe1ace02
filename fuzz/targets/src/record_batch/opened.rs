//! A batch opened: its records, one after another.

use forebay_record::{Batch, Compression, EndTransactionMarker, Record, RecordSet};

use super::codecs::OPENED;
use super::{CLOSED, DECOMPRESSED_BYTES_MAX};
use crate::memory::{Bound, bounded};

/// Opens a batch, with memory in proportion to what it is allowed to become.
pub(super) fn open<'a>(batch: &Batch<'a>) -> Option<RecordSet<'a>> {
    let plain = batch.header().compression() == Ok(Compression::None);
    let (bytes, bound) = if plain {
        (0, CLOSED)
    } else {
        (batch.bytes().len() + DECOMPRESSED_BYTES_MAX, OPENED)
    };
    let opened = bounded("opening", bytes, bound, || {
        batch.records(DECOMPRESSED_BYTES_MAX)
    });
    let opened = opened.ok()?;
    let body = opened.body().len();
    assert!(
        plain || body <= DECOMPRESSED_BYTES_MAX,
        "{body} bytes came out"
    );
    Some(opened)
}

/// Walks records and headers; that takes no memory.
pub(super) fn hold(records: &RecordSet<'_>) {
    let bytes = records.body().len();
    let validated = bounded("validation of records", bytes, CLOSED, || {
        records.validate()
    });
    let mut count = 0;
    let mut walked = 0;
    let mut whole = true;
    let mut walk = records.iter();
    while let Some(record) = bounded("a record", bytes, CLOSED, || walk.next()) {
        let Ok(record) = record else {
            whole = false;
            break;
        };
        count += 1;
        walked += record.value.map_or(0, <[u8]>::len) + record.key.map_or(0, <[u8]>::len);
        whole &= bounded("headers", bytes, CLOSED, || hold_record(records, &record));
    }
    assert!(walk.next().is_none(), "after an error the walk is over");
    assert!(
        walked <= bytes,
        "keys and values lie in the batch, each once"
    );
    if let Ok(summary) = validated {
        assert!(whole, "what is valid can be walked to its end");
        assert_eq!(summary.records, count);
        assert_eq!(summary.body_bytes, bytes);
    }
}

fn hold_record(records: &RecordSet<'_>, record: &Record<'_>) -> bool {
    let header = records.header();
    let _ = (header.offset_of(record), header.timestamp_of(record));
    let _ = EndTransactionMarker::parse(record);
    let claimed = record.headers.len();
    let mut found = 0;
    for header in record.headers {
        if header.is_err() {
            return false;
        }
        found += 1;
    }
    assert_eq!(found, claimed, "as many headers as the record says");
    true
}

/// What a rewrite may take for each byte of records: the records once more, compressed, and the
/// buffers that both grew from; and a byte for each record of one byte.
pub(super) const REWRITTEN: Bound = Bound {
    // The state of zlib's encoder, and of lz4's with its blocks.
    base: 1 << 20,
    per_byte: 8,
};
