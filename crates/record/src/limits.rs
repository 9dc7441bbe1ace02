//! Every bound of this crate in one place, each with its reason.

/// Bytes of a batch header, format v2 (KIP-98).
pub const HEADER_BYTES: usize = 61;

/// Bytes before `batch_length` starts to count: the base offset and the length itself.
pub const LENGTH_OVERHEAD_BYTES: usize = 12;

/// Most bytes in one batch: `batch_length` is a signed 32-bit field and the twelve bytes before it
/// do not count. What a topic really accepts (`max.message.bytes`) is the caller's to check.
pub const BATCH_BYTES_MAX: usize = i32::MAX as usize + LENGTH_OVERHEAD_BYTES;

/// Most bytes of a record before its key: length, attributes, timestamp delta, offset delta.
pub(crate) const RECORD_OVERHEAD_BYTES_MAX: usize = 5 + 1 + 10 + 5;

/// Most bytes any batch may decompress to, whatever limit the caller gives. The largest batch a
/// Kafka client sends by default is 1 MiB and the largest request 100 MB, so this is far above honest
/// use, and low enough that two decoders at work do not take a small machine down.
pub const DECOMPRESSED_BYTES_MAX: usize = 256 * 1024 * 1024;

/// Output that a decoder takes memory for before it has produced any. After that its buffer grows
/// with what really came out, so a lying header costs at most this.
pub(crate) const INITIAL_OUTPUT_BYTES: usize = 64 * 1024;

/// Most bytes of output for one byte of raw Snappy. Its densest element is a copy of 64 bytes in
/// 3 bytes; a declared length beyond this ratio is a lie and is refused before memory is taken.
pub(crate) const SNAPPY_EXPANSION_MAX: usize = 22;

/// Input bytes per block when writing Snappy: the default of xerial's `SnappyOutputStream`, which
/// every Java client reads.
pub(crate) const SNAPPY_BLOCK_BYTES: usize = 32 * 1024;

/// Most bytes of output for one byte of an LZ4 block: each byte of a match's length adds at most 255.
pub(crate) const LZ4_EXPANSION_MAX: usize = 255;

/// How far back an LZ4 match may reach, and so how much of the earlier output linked blocks see
/// (LZ4 Block Format).
pub(crate) const LZ4_WINDOW_BYTES: usize = 64 * 1024;

/// Largest zstd window that is decoded, as a power of two: what level 22 declares when the input
/// size is not known up front (KIP-390 lets clients choose it) and zstd's own default bound. The
/// window is address space until output fills it.
pub(crate) const ZSTD_WINDOW_LOG_MAX: u32 = 27;

/// Level for gzip: zlib's default, as in Java's producer.
pub(crate) const GZIP_LEVEL: u32 = 6;

/// Level for zstd: its default, as in Java's producer.
pub(crate) const ZSTD_LEVEL: i32 = 3;
