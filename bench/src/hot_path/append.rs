//! From a batch to readers: the engine alone, on a disk that costs nothing.

use std::sync::Arc;
use std::time::Duration;

use bytes::BytesMut;
use forebay_storage::{Durability, Engine, LogId, Now, Options, Room, Stateless};

use super::request::{self, NOW_MS};
use crate::discard::DiscardingDisk;

/// Batches that share one commit.
pub(super) const GROUP: usize = 32;

const LOG: LogId = LogId(1);
const NOW: Now = Now::new(Duration::ZERO, NOW_MS);
/// So little that recent batches leave memory in every turn, as they do under load.
const TAIL_CACHE_BYTES: usize = 1 << 20;
/// The largest there is, so that no turn is the one that needs another file.
const JOURNAL_FILE_BYTES: u64 = 1 << 30;

pub(super) fn group(turns: u64) {
    append(turns, GROUP, request::BATCH_RECORDS);
}

pub(super) fn one(turns: u64) {
    append(turns, 1, 1);
}

/// What the engines of hot paths are set to.
pub(super) fn options() -> Options {
    Options {
        journal_file_bytes: JOURNAL_FILE_BYTES,
        tail_cache_bytes: TAIL_CACHE_BYTES,
        ..Options::default()
    }
}

fn append(turns: u64, batches: usize, records: usize) {
    let batch = request::batch(records);
    let mut engine = engine();
    for _ in 0..turns {
        for _ in 0..batches {
            // A frame from the socket is a buffer of its own as well.
            let batch = BytesMut::from(&batch[..]);
            assert_eq!(
                engine.room(batch.len(), false),
                Room::Now,
                "the file is large"
            );
            engine.append(LOG, batch, NOW).expect("the log exists");
        }
        engine.write(NOW).expect("the disk takes everything");
        engine.sync().expect("the disk takes everything");
    }
}

/// An engine that has left its first file, which is small.
fn engine() -> Engine {
    let medium = Arc::new(DiscardingDisk);
    let opened = Engine::open(medium.clone(), options(), &mut Stateless, NOW);
    let (mut engine, _) = opened.expect("an empty disk opens");
    engine.create_log(LOG, Durability::Fsync, NOW);
    let maintain = |engine: &mut Engine| {
        let jobs = engine.maintain(NOW, |_| ()).expect("nothing is damaged");
        for job in jobs {
            let done = job.run(medium.as_ref());
            engine.finish_job(done, NOW);
        }
    };
    maintain(&mut engine);
    let filler = request::batch(request::BATCH_RECORDS);
    for _ in 0..(2 << 20) / filler.len() {
        let batch = BytesMut::from(&filler[..]);
        engine.append(LOG, batch, NOW).expect("the log exists");
        engine.write(NOW).expect("the disk takes everything");
        engine.sync().expect("the disk takes everything");
        maintain(&mut engine);
    }
    engine
}
