//! The look at everything after a start, before anybody uses the broker.

use forebay_broker::storage::ReadError;

use crate::actors::{AGED_MS, committed};
use crate::context::Context;
use crate::ledger::{Death, FoundPartition};
use crate::records::read_all;
use crate::schedule::Down;

/// Holds what a start brought back against the ledger.
pub fn verify(cx: &Context, death: Death) -> Result<(), Down> {
    let topics = cx.broker.catalog().all();
    let found: Vec<_> = topics
        .iter()
        .map(|topic| {
            let name = topic.name.as_str().to_owned();
            (topic.id, name, topic.partitions.len())
        })
        .collect();
    cx.ledger.lock().check_topics(&found);
    for topic in &topics {
        for (index, reader) in topic.partitions.iter().enumerate() {
            let start = reader.start_offset();
            let oldest_kept_ms = cx.wall_ms() - AGED_MS;
            let invoked = cx.micros();
            let records = match read_all(reader, start) {
                Ok(records) => Some(records),
                Err(_) if cx.schedule.is_down() => return Err(Down),
                // Retention may be at work already.
                Err(ReadError::OutOfRange { .. }) => None,
                Err(ReadError::Storage(error)) => {
                    cx.expect_damage(&error);
                    None
                }
                Err(error @ ReadError::Deleted) => panic!("{}: {error}", topic.name),
            };
            let found = FoundPartition {
                start,
                end: reader.end_offset(),
                records: records.filter(|_| reader.start_offset() == start),
                span: cx.since(invoked),
            };
            cx.schedule.note("found", &[found.start, found.end]);
            let place = (topic.id, index as i32);
            let mut ledger = cx.ledger.lock();
            ledger.check_partition(place, death, oldest_kept_ms, &found);
        }
    }
    verify_commits(cx)
}

fn verify_commits(cx: &Context) -> Result<(), Down> {
    let keys = cx.ledger.lock().commits.keys();
    for key in keys {
        let Some(topic) = cx.broker.catalog().get_by_id(key.1) else {
            cx.ledger.lock().commits.forget(key.1);
            continue;
        };
        let invoked = cx.micros();
        if let Some(offset) = committed(cx, &key.0, &topic.name, key.2)? {
            let span = cx.since(invoked);
            let mut ledger = cx.ledger.lock();
            ledger.history.committed("look", &key, offset, span);
            ledger.commits.check(&key, offset);
        }
    }
    Ok(())
}
