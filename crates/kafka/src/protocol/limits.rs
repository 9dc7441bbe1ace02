//! The numbers that bound what a message may cost.

/// What an array may reserve before its first element has been read. Beyond it the array grows
/// with the elements that are really there, so a frame that lies about its counts gains nothing.
pub(super) const FIRST_ARRAY_RESERVE_BYTES: usize = 4 * 1024;

/// The longest string, as Kafka has it in both forms although only the classic one has no room for
/// more.
pub(super) const MAX_STRING_BYTES: usize = i16::MAX as usize;

/// Shared bytes shorter than this are copied behind the fields before them. An extra element in a
/// vectored write (16 bytes of iovec, a reference count up and down, one more kernel lookup) costs
/// about as much as copying this many bytes.
pub(super) const SPLICE_FROM_BYTES: usize = 512;

/// First size of the buffer that takes a message's small fields; most replies fit.
pub(super) const FIRST_BUFFER_BYTES: usize = 256;
