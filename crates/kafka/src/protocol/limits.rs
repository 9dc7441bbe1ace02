//! The numbers that bound what a message may cost.

/// How many array elements a message may have, in all its arrays together. An element that takes a
/// byte on the wire takes 24 and more in memory, so without this the size of a frame would say
/// little about what it costs. A broker with a million partitions stays below it.
pub(super) const MAX_ELEMENTS: usize = 4 << 20;

/// The longest string, as Kafka has it in both forms although only the classic one has no room for
/// more.
pub(super) const MAX_STRING_BYTES: usize = i16::MAX as usize;

/// Shared bytes shorter than this are copied behind the fields before them. An extra element in a
/// vectored write (16 bytes of iovec, a reference count up and down, one more kernel lookup) costs
/// about as much as copying this many bytes.
pub(super) const SPLICE_FROM_BYTES: usize = 512;

/// First size of the buffer that takes a message's small fields; most replies fit.
pub(super) const FIRST_BUFFER_BYTES: usize = 256;
