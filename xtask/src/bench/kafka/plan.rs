//! How much is sent, and how often.

use super::contender::Contender;

/// Bytes of every record's value.
pub(crate) const RECORD_BYTES: u32 = 1024;
/// Records of a ready-made frame: with their 1 KiB, the default batch size of Kafka's producers.
pub(crate) const BATCH_RECORDS: u32 = 16;
/// Partitions of every topic, except for the large one.
pub(crate) const PARTITIONS: u32 = 6;
/// Partitions of the large topic.
pub(crate) const LARGE_PARTITIONS: u32 = 1_000;

/// The length of a run.
#[derive(Debug)]
pub(crate) struct Plan {
    pub(crate) rounds: usize,
    /// Records of each throughput measurement.
    pub(crate) records: u64,
    pub(crate) warm_up: u64,
    pub(crate) latency_seconds: u32,
    /// Leaves out every load but Kafka's own tools, and with them latency.
    pub(crate) tools_only: bool,
    /// Also measures starts on a folder of this size.
    pub(crate) large_bytes: Option<u64>,
}

impl Plan {
    /// Two rounds, a few minutes: does it work, and is it about right?
    pub(crate) fn quick() -> Self {
        Self {
            rounds: 2,
            records: 500_000,
            warm_up: 200_000,
            latency_seconds: 5,
            tools_only: false,
            large_bytes: None,
        }
    }

    /// What is published.
    pub(crate) fn full() -> Self {
        Self {
            rounds: 4,
            records: 1_500_000,
            warm_up: 1_000_000,
            latency_seconds: 10,
            tools_only: false,
            large_bytes: None,
        }
    }

    /// A broker that syncs every batch gets an eighth, and takes about as long.
    pub(crate) fn records(&self, contender: Contender) -> u64 {
        self.records / Self::divisor(contender)
    }

    pub(crate) fn warm_up_records(&self, contender: Contender) -> u64 {
        self.warm_up / Self::divisor(contender)
    }

    fn divisor(contender: Contender) -> u64 {
        match contender {
            Contender::KafkaFlush => 8,
            _ => 1,
        }
    }
}
