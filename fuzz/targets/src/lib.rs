//! What is fuzzed. A target is a plain function of bytes that panics when a promise is broken, so the
//! same code runs under `cargo fuzz`, which looks for such bytes, and under `cargo test`, which goes
//! through those that were found before (`tests/replay.rs`).
//!
//! | target | the bytes are | the promise |
//! |---|---|---|
//! | `amqp091_frames` | frames, methods, properties, tables | no panic; next to no memory; what was read can be written, and reads the same |
//! | `aws_session` | what a client of SQS and SNS sends to a whole broker | no panic, no hang; an answer for each request; a clean folder |
//! | `broker_state` | events and snapshots of the broker | refused, or a broker can work with it |
//! | `damaged_disk` | damage done to a disk that a real engine wrote | no wrong byte comes out; a small damage is noticed or harmless |
//! | `forged_disk` | a program that forges a disk with right checksums | no panic; memory in proportion; what opens can be worked with |
//! | `kafka_messages` | requests, answers | no panic; memory in proportion; what was read can be written |
//! | `kafka_session` | what a client sends to a whole broker | no panic, no hang; answers in order; a clean folder |
//! | `record_batch` | batches, compressed payloads | no panic; memory in proportion; what is rewritten reads the same |

mod amqp091_frames;
mod aws_session;
mod broker_state;
mod damaged_disk;
mod disk;
mod forged_disk;
// Made-up messages, which the tests of the gateway's protocol begin with too.
#[path = "../../../crates/kafka/tests/protocol/generated/mod.rs"]
mod generated;
mod kafka_messages;
mod kafka_session;
mod memory;
mod record_batch;
#[path = "../../../crates/kafka/tests/protocol/source.rs"]
mod source;
mod world;

/// One function to feed with bytes.
#[derive(Clone, Copy, Debug)]
pub struct Target {
    /// What the fuzzer's binary and the corpus are called.
    pub name: &'static str,
    /// Panics when the bytes break a promise.
    pub run: fn(&[u8]),
    /// Inputs to begin with.
    pub seeds: fn() -> Vec<Vec<u8>>,
}

/// Every target.
pub const TARGETS: &[Target] = &[
    Target {
        name: "amqp091_frames",
        run: amqp091_frames::run,
        seeds: amqp091_frames::seeds,
    },
    Target {
        name: "aws_session",
        run: aws_session::run,
        seeds: aws_session::seeds,
    },
    Target {
        name: "broker_state",
        run: broker_state::run,
        seeds: broker_state::seeds,
    },
    Target {
        name: "damaged_disk",
        run: damaged_disk::run,
        seeds: damaged_disk::seeds,
    },
    Target {
        name: "forged_disk",
        run: forged_disk::run,
        seeds: forged_disk::seeds,
    },
    Target {
        name: "kafka_messages",
        run: kafka_messages::run,
        seeds: kafka_messages::seeds,
    },
    Target {
        name: "kafka_session",
        run: kafka_session::run,
        seeds: kafka_session::seeds,
    },
    Target {
        name: "record_batch",
        run: record_batch::run,
        seeds: record_batch::seeds,
    },
];

/// Runs the target of that name, for the fuzzer's binaries.
///
/// # Panics
/// If a promise is broken, or there is no such target.
pub fn run(name: &str, input: &[u8]) {
    let target = TARGETS.iter().find(|target| target.name == name);
    (target
        .expect("the binaries are named after the targets")
        .run)(input);
}
