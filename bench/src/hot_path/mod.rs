//! The paths that every record takes. Each can be run any number of turns in a process that does
//! nothing else: what two runs of different length differ by is what the turns cost.
//!
//! Everything is the same in every run: the bytes, the clock, what passes for randomness.

mod append;
mod decode;
mod gateway;
mod queue;
mod request;

/// A path that is counted.
pub struct HotPath {
    /// What it is called in `bench/instructions.toml`.
    pub name: &'static str,
    /// What one turn is.
    pub about: &'static str,
    /// Records that one turn carries.
    pub records: u64,
    /// Takes so many turns.
    pub run: fn(u64),
}

/// All of them, in the order of a record's life.
pub const ALL: &[HotPath] = &[
    HotPath {
        name: "route",
        about: "the smallest request through frame, dispatch, handler and answer (FindCoordinator)",
        records: 1,
        run: gateway::route,
    },
    HotPath {
        name: "decode",
        about: "a produce request of 16 records decoded, its batch verified",
        records: request::BATCH_RECORDS as u64,
        run: decode::batch,
    },
    HotPath {
        name: "decode_one",
        about: "a produce request of one record decoded, its batch verified",
        records: 1,
        run: decode::one,
    },
    HotPath {
        name: "append",
        about: "32 batches of 16 records appended, written as one entry, synced, published",
        records: (append::GROUP * request::BATCH_RECORDS) as u64,
        run: append::group,
    },
    HotPath {
        name: "append_one",
        about: "a batch of one record appended, written, synced, published",
        records: 1,
        run: append::one,
    },
    HotPath {
        name: "produce",
        about: "a produce request of 16 records from frame to answer, through gateway, broker and shard",
        records: request::BATCH_RECORDS as u64,
        run: gateway::produce_batch,
    },
    HotPath {
        name: "produce_one",
        about: "a produce request of one record from frame to answer, through gateway, broker and shard",
        records: 1,
        run: gateway::produce_one,
    },
    HotPath {
        name: "fetch",
        about: "a fetch of 64 records in memory from frame to answer",
        records: (gateway::FETCHED_BATCHES * request::BATCH_RECORDS) as u64,
        run: gateway::fetch,
    },
    HotPath {
        name: "deliver",
        about: "100 messages enqueued, delivered to a consumer, acknowledged",
        records: queue::RUN,
        run: queue::run,
    },
    HotPath {
        name: "deliver_one",
        about: "a message enqueued, delivered to a consumer, acknowledged",
        records: 1,
        run: queue::one,
    },
];

/// The path of this name.
pub fn find(name: &str) -> Option<&'static HotPath> {
    ALL.iter().find(|path| path.name == name)
}
