//! One log: an append-only run of record batches with dense offsets, and the views readers have of it.
//!
//! A log's data lives in up to three places, oldest first: *sections* of immutable segments, *chunks*
//! of the shared journal, and the *tail* of recent batches that are still in memory (which the
//! journal holds too). Memory per log is a handful of these, never an entry a message.

mod cold;
mod gather;
mod reader;
pub(crate) mod section;
mod state;
mod watch;

pub(crate) use cold::stored_header;
pub(crate) use reader::ReadSide;
pub use reader::{Batches, ColdRead, LogReader, Read, ReadError};
pub use section::Section;
pub(crate) use state::{Chunk, LogShared, LogState, TailBatch, offsets_of};
pub use watch::{Observer, Watch};

/// When an append is acknowledged. The numbers are on disk: never change or reuse one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, PartialOrd, Ord)]
#[repr(u8)]
pub enum Durability {
    /// At once. Gone when the process restarts.
    Memory = 0,
    /// When the operating system has it. Survives a killed process, not a power cut.
    Os = 1,
    /// When the disk has it. Survives power loss.
    #[default]
    Fsync = 2,
}

impl Durability {
    /// The level with this number.
    pub(crate) fn parse(number: u8) -> Option<Self> {
        match number {
            0 => Some(Self::Memory),
            1 => Some(Self::Os),
            2 => Some(Self::Fsync),
            _ => None,
        }
    }
}
