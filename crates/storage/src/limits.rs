//! Every bound of the storage engine, with its reason.

use std::time::Duration;

/// Default size of a journal file. Large enough that sorting a file writes long sequential runs,
/// small enough that a dead file comes back soon.
pub const JOURNAL_FILE_BYTES: u64 = 64 << 20;
/// The first journal file of an empty folder: small, so that zero-filling it does not delay start-up.
pub const JOURNAL_FIRST_FILE_BYTES: u64 = 1 << 20;
/// The smallest journal file that may be configured; four commits of one maximal request fit.
pub const JOURNAL_FILE_BYTES_MIN: u64 = 1 << 20;
/// The largest journal file: positions inside a file are stored in four bytes.
pub const JOURNAL_FILE_BYTES_MAX: u64 = 1 << 30;
/// A commit stops taking commands at this many bytes. Larger writes gain nothing on the disks
/// measured (docs/performance.md) and delay the first producer in the batch.
pub const COMMIT_BYTES: usize = 2 << 20;
/// A batch may fill at most this share (1/n) of a journal file, so that a roll wastes little.
pub const RECORD_SHARE_OF_FILE: u64 = 4;
/// Share (1/n) of a journal file that appends may not touch while no spare file exists: what keeps
/// acknowledgements and commits of consumers going on a full disk.
pub const EVENT_RESERVE_SHARE: u64 = 16;
/// The reserve of free space takes at most this share (1/n) of the medium.
pub const RESERVE_SHARE_MAX: u64 = 16;
/// Where at most one sync came with so many bytes, what a sync costs is no matter beside them.
pub const SEEN_AS_SELDOM_SYNCED: u64 = 1 << 20;
/// How long nothing is written before a mark says that the last entry was durable. Long enough that a
/// busy shard never pays for it.
pub const IDLE_BEFORE_MARK: Duration = Duration::from_millis(200);
/// Bytes that are written before the disk is told to begin with them, if nothing has them synced.
pub const WRITE_BACK_BYTES: u64 = 8 << 20;
/// How long space that was given back waits for a sync that something else wants. A sync holds up all that is written
/// at a lower durability.
pub const SPACE_BACK_DELAY: Duration = Duration::from_secs(1);
/// How much later than it was meant to a shard may begin its turn, or end it, before it says that it
/// stood still. A busy machine delays a thread by some milliseconds, a slow disk by a few more.
pub const TURN_DELAY_MAX: Duration = Duration::from_millis(200);
/// How long a sender has a shard that it was lent, before its thread is given up for other work. The shard's
/// own thread looks this often while it lends: five times a second costs nothing.
pub const LENT_MAX: Duration = Duration::from_millis(200);
/// The same, above which the shard is not lent for some time: a page cache that is full, or a disk that hangs,
/// keeps one thread in that time and not all of them in turn. What a machine with much to do delays a thread by
/// is less.
pub const LENT_SLOW: Duration = Duration::from_millis(50);
/// How long that time is.
pub const KEPT_AFTER_SLOW: Duration = Duration::from_secs(5);
/// What the wall clock may be corrected by, ahead of the time that has passed, without a doubt: what
/// time servers and leap seconds come to.
pub const WALL_STEP_MAX: Duration = Duration::from_secs(60);
/// How long a wall clock must have been further ahead before records age by it. Long enough to notice
/// and correct it; a machine that was asleep only deletes that much later what is old by now.
pub const WALL_JUMP_TRUSTED_AFTER: Duration = Duration::from_secs(3_600);
/// Sections that one entry installs; their descriptions fit what `room` sets aside for a command.
pub const SECTIONS_IN_ONE_ENTRY: usize = 512;
/// Distance in the journal after which a log gets a new index entry. A cold read of a log that shares
/// the journal with many others reads at most this much too much.
pub const JOURNAL_CHUNK_BYTES: u64 = 32 << 10;
/// Bytes of a log under one index entry of a segment; also the unit of its checksum.
pub const SEGMENT_CHUNK_BYTES: usize = 64 << 10;
/// Sealed journal files that wait before a sort: one run over several files gives larger sections.
pub const SEALED_FILES_BEFORE_SORT: usize = 2;
/// The newest sealed files are left for the next sort: what consumers are only that far behind with is read and
/// gone before anybody has copied it. Not on a full medium, nor where files are smaller than usual.
pub const SEALED_FILES_LEFT: usize = 4;
/// Sealed journal files in one sort: beyond it sections grow no better.
pub const FILES_IN_ONE_SORT: usize = 8;
/// Dead journal files that wait to be written over; more are deleted. A sort ends with as many as it began
/// with, and each that is not written over later costs a file of zeros.
pub const FREE_FILES_MAX: usize = FILES_IN_ONE_SORT;
/// The same where they would take more than a share (1/n) of the medium.
pub const FREE_FILES_LEAST: usize = 2;
/// See [`FREE_FILES_LEAST`].
pub const FREE_FILES_SHARE_OF_MEDIUM: u64 = 64;
/// Default of the memory for the batches that one sort remembers: eight files of batches of a few
/// hundred bytes, or one of the smallest there are.
pub const SORT_INDEX_BYTES: usize = 64 << 20;
/// A log with at least this much data in one sort gets a segment of its own, so that deleting the
/// log's old data frees disk space without waiting for its neighbours.
pub const OWN_SEGMENT_BYTES: u64 = 4 << 20;
/// A log with more sections than this smaller than [`OWN_SEGMENT_BYTES`] has them merged.
pub const SMALL_SECTIONS_MAX: usize = 16;
/// Memory for section indexes that were read back from segments.
pub const SECTION_INDEX_CACHE_BYTES: usize = 8 << 20;
/// Segment handles that stay open for reading.
pub const OPEN_SEGMENTS_MAX: usize = 64;
/// Memory for the keys that one compaction pass remembers. A log with more distinct dirty keys is
/// compacted in several passes, each of which finishes a prefix.
pub const COMPACTION_KEY_BYTES: usize = 64 << 20;
/// The largest snapshot that is read back.
pub const SNAPSHOT_BYTES_MAX: u64 = 4 << 30;
/// No number that was ever handed out is larger: identifiers, offsets, epochs, positions, lengths. All
/// of them count up from 0, so bytes that say more are nonsense, whatever their checksum says. Below
/// it the sum of two does not overflow, nor does counting on for as long as a process can live.
pub const NUMBER_MAX: u64 = 1 << 62;
/// Default of the budget of recent batches that stay in memory for tailing consumers.
pub const TAIL_CACHE_BYTES: usize = 24 << 20;
/// What a recent batch costs beside its bytes: the rest of the frame that it came in, two owners' heads,
/// its places in the log's tail and in the order of all, and what an allocator rounds up. Measured with
/// batches of one small record, where it is most of the memory.
pub const TAIL_BATCH_OVERHEAD_BYTES: usize = 256;
/// Batches up to this size are copied into runs when they are read: a handle takes 32 bytes in each of
/// three lists on the way to a socket, and a write takes at most a thousand pieces at a time.
pub const GATHERED_BATCH_BYTES: usize = 4 << 10;
/// The longest such run.
pub const GATHERED_RUN_BYTES: usize = 64 << 10;
/// Work in the background makes its writes durable in steps of this size: a commit that meets one waits
/// for as much at most.
pub const BACKGROUND_SYNC_BYTES: usize = 1 << 20;
