//! What the benchmarks of `cargo xtask bench` run: Forebay's hot paths one by one, without the noise
//! of a disk and a network.

pub mod amqp;
pub mod discard;
pub mod frames;
pub mod group_commit;
pub mod hot_path;
mod latency;
pub mod sqs;
