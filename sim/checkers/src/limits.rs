//! Bounds of what is read and printed.

/// The longest line of a history. A test writes short values, or digests of long ones; a longer line
/// is a mistake, and must not take memory.
pub const MAX_LINE_BYTES: usize = 1024 * 1024;

/// How many findings of one anomaly are kept as examples; the rest is only counted. The first few
/// say where to look, and a thousand lost records would hide them.
pub const EXAMPLES_PER_ANOMALY: usize = 5;

/// How many bytes of a key or value an example shows.
pub const SHOWN_BYTES: usize = 60;
