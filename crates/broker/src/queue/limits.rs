//! Every bound of queues, with its reason.

/// Points of time that a queue remembers of its messages' arrival. When there are more, every other is
/// forgotten, and messages in between count as old as the youngest of their span.
pub(super) const ARRIVAL_SPANS_MAX: usize = 1_024;
/// Share (1/n) of its time to live by which a message may expire late.
pub(super) const TTL_RESOLUTION_SHARE: u64 = 100;
/// How finely arrivals are remembered while nothing expires: for a policy that sets a TTL later.
pub(super) const ARRIVAL_RESOLUTION_MS: u64 = 1_000;
/// Messages that one consumer is given in a row while others wait their turn. One at a time would make
/// each an effect of its own.
pub(super) const QUANTUM_MAX: u64 = 64;
/// A consumer's turn is this share (1/n) of an equal share of what is ready: few messages are dealt
/// out one by one, as people expect, and a backlog in runs.
pub(super) const QUANTUM_SHARE: u64 = 8;
/// Pages of locks kept for the next delivery, so that a steady flow takes no memory anew.
pub(super) const SPARE_PAGES_MAX: usize = 64;
/// Entries of the lock clock beyond what is locked, before those that ended are thrown out.
pub(super) const STALE_DEADLINES_MAX: usize = 1_024;
/// Runs of messages whose sizes are known one by one; older ones are known by the sum of
/// [`SIZES_FOLDED`], so that a backlog costs less than a byte a message whatever its sizes.
pub(super) const EXACT_SIZE_RUNS_MAX: usize = 8_192;
/// See [`EXACT_SIZE_RUNS_MAX`].
pub(super) const SIZES_FOLDED: usize = 64;
/// Delayed messages that are due first, kept where they are found fastest; nearly all queues have fewer. When there are
/// more, the later half is packed.
pub(super) const DELAYED_SOON_MAX: usize = 256;
/// Delayed messages in a page: as many as offsets in a row take a byte each.
pub(super) const DELAYED_PAGE_MAX: usize = 256;
/// Bytes of packed pages that a queue keeps in memory: 40,000 to 80,000 messages. What is due after them waits on disk.
pub(super) const DELAYED_IN_MEMORY_BYTES: usize = 256 << 10;
/// Delayed messages that are due and become ready in one tick: a few milliseconds' work, or some tens where they are spread
/// over so many that most of these wait on disk. Nobody else is served meanwhile. Millions may be due at once, such as
/// after a start.
pub(super) const WOKEN_AT_ONCE_MAX: usize = 4_096;
/// Share (1/n) of what is packed that may be entries of messages that were taken out before their time.
pub(super) const DELAYED_DEAD_SHARE: u64 = 8;
/// Pages that are unpacked at once in search of what is due, where messages that were taken out before their time are
/// all that is found: some 100 microseconds' work. The search goes on at the next tick.
pub(super) const DELAYED_REFILL_PAGES_MAX: usize = 8;
/// Runs of settled, ready or delayed messages behind which the first that is locked is looked for, for operators: the
/// shard does nothing else in the meantime.
pub(super) const LOCKED_SEARCH_STEPS_MAX: usize = 64;
/// Bytes of bitmaps that a queue keeps in memory of what is ready, about, and as much of what is settled out of order, of
/// what is delayed and of what was before its time: each at worst those of 3.7 million messages. The others wait on
/// disk, but for those of messages in groups, which take much more themselves.
pub(super) const HOLES_IN_MEMORY_BYTES: usize = 1 << 20;
/// The same of each of two sets while a start goes through what is delayed, in the order of time, one queue after another:
/// with less, nearly every message of some millions would have a page read and another written (500,000 messages, each
/// the 64th: two minutes with 1 MiB, two seconds with this).
pub(super) const RESTORED_HOLES_BYTES: usize = 64 << 20;
