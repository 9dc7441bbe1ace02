//! A broker in the test's process.

use std::sync::Arc;
use std::thread::JoinHandle;

use forebay_broker::storage::{Clock, Options, SimulatedDisk, StorageError};
use forebay_broker::{Broker, BrokerOptions, CountedRandomness, Environment};

/// The thread of a shard.
pub(crate) type Shard = JoinHandle<Result<(), StorageError>>;

/// Opens a broker on what a disk holds, and has its shard run.
pub(crate) fn open(disk: &SimulatedDisk, clock: Arc<dyn Clock>) -> (Broker, Shard) {
    let environment = Environment {
        medium: Arc::new(disk.clone()),
        clock,
        randomness: Arc::new(CountedRandomness::default()),
    };
    let storage = Options {
        journal_file_bytes: 1 << 20,
        tail_cache_bytes: 1 << 20,
        ..Options::default()
    };
    let opened = Broker::open(environment, storage, BrokerOptions::default());
    let (broker, shard, _) = opened.unwrap();
    (broker, std::thread::spawn(move || shard.run(|| {})))
}
