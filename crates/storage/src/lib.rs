//! The durable log engine: journal, logs, segments, snapshots, retention, compaction. It knows logs
//! of record batches and an opaque event stream; it knows no queue and no protocol.

pub mod clock;
pub mod codec;

pub use clock::{Clock, Now};
