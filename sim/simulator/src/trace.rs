//! What happened in a run, as one number: two runs of a seed must give the same.

use crc_fast::{CrcAlgorithm, Digest};

/// A digest of every turn, disk operation and answer so far.
#[derive(Debug, Default)]
pub struct Trace {
    digest: Option<Digest>,
    events: u64,
    /// Whether every event is printed as well, to find where two runs part.
    printing: bool,
}

impl Trace {
    /// A trace that also prints what is added to it.
    pub fn printing(printing: bool) -> Self {
        Self {
            printing,
            ..Self::default()
        }
    }

    /// Adds an event.
    pub fn add(&mut self, what: &str, values: &[u64]) {
        if self.printing {
            eprintln!("{} {what} {values:?}", self.events);
        }
        self.events += 1;
        let digest = self
            .digest
            .get_or_insert_with(|| Digest::new(CrcAlgorithm::Crc64Nvme));
        digest.update(what.as_bytes());
        for value in values {
            digest.update(&value.to_le_bytes());
        }
    }

    /// The digest and how many events are in it.
    pub fn value(&self) -> (u64, u64) {
        let digest = self.digest.as_ref().map_or(0, Digest::finalize);
        (digest, self.events)
    }
}
