//! The durable log engine: journal, logs, segments, snapshots, retention, compaction. It knows logs
//! of record batches and an opaque event stream; it knows no queue and no protocol.
//!
//! | module | what it is |
//! |---|---|
//! | [`media`] | the seam to what holds the bytes: local disk, simulated disk |
//! | `journal` | the chain of files every change goes through first: entry layout, scan |
//! | [`log`] | one log: sections, chunks, tail; readers and watchers |
//! | [`engine`] | the single writer: append, commit, recovery, sort, compaction, retention, snapshot |
//! | `check` | offline verification of every checksum |
//! | `scratch` | room on disk for what is needed much later, for as long as the process lives |
//! | [`shard`] | the thread that drives an engine and the state machine on top of it |

mod check;
mod checksum;
pub mod clock;
pub mod codec;
pub mod engine;
mod error;
mod ids;
mod journal;
pub mod limits;
pub mod log;
pub mod media;
mod scratch;
pub mod shard;

pub use check::{Damage, Report, check};
pub use clock::{Clock, Now};
pub use engine::{
    AppendError, CompactionPolicy, Engine, Job, JobDone, LogPolicy, Options, Recovered, Replay,
    Room, Stateless,
};
pub use error::{Result, StorageError};
pub use ids::{BlobId, Epoch, FileId, IdMap, LogId, Lsn};
pub use log::{
    Batches, ColdRead, Durability, LogReader, Observer, Read, ReadError, Section, Watch,
};
pub use media::{LocalDisk, Medium, SimulatedDisk, Space};
pub use scratch::{Scratch, ScratchPage};
