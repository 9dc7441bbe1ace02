//! What a read brings together. Small batches are copied into runs: a handle for each would cost more
//! than its bytes, and would keep what lies around them in memory for as long as a reader is slow.

use bytes::Bytes;
use forebay_record::BatchHeader;

use super::reader::Batches;
use super::state::{extend_placed, placed};
use crate::limits::{GATHERED_BATCH_BYTES, GATHERED_RUN_BYTES};

/// Batches in the making.
pub(super) struct Gathering {
    parts: Vec<Bytes>,
    /// A small batch that nothing has followed yet: alone it is not worth a copy.
    single: Option<Bytes>,
    run: Vec<u8>,
    /// Bytes of batches.
    pub(super) bytes: usize,
    /// The offset after the last batch; before the first, the one asked for.
    pub(super) next: u64,
}

impl Gathering {
    pub(super) fn from(next: u64) -> Self {
        Self {
            parts: Vec::new(),
            single: None,
            run: Vec::new(),
            bytes: 0,
            next,
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.bytes == 0
    }

    /// Adds a batch; the offset after it is `next`.
    pub(super) fn push(&mut self, batch: &Bytes, next: u64) {
        if batch.len() > GATHERED_BATCH_BYTES {
            self.push_run(batch.clone());
        } else if self.run.is_empty() && self.single.is_none() {
            self.single = Some(batch.clone());
        } else {
            self.copy(batch);
        }
        self.count(batch.len(), next);
    }

    /// Adds a copy of a batch whose surroundings are not to be kept.
    pub(super) fn push_copy(&mut self, batch: &[u8], next: u64) {
        if batch.len() > GATHERED_BATCH_BYTES {
            self.push_run(Bytes::copy_from_slice(batch));
        } else {
            self.copy(batch);
        }
        self.count(batch.len(), next);
    }

    /// Adds a copy of a batch that several logs share, with the base offset that is in its header here.
    pub(super) fn push_placed(&mut self, batch: &[u8], header: &BatchHeader, next: u64) {
        if batch.len() > GATHERED_BATCH_BYTES {
            self.push_run(placed(batch, header).into());
        } else {
            extend_placed(self.run_for(batch.len()), batch, header);
        }
        self.count(batch.len(), next);
    }

    /// Adds a run of whole batches as it is.
    pub(super) fn push_whole(&mut self, run: Bytes, next: u64) {
        self.count(run.len(), next);
        self.push_run(run);
    }

    pub(super) fn finish(mut self) -> Batches {
        self.close_run();
        Batches {
            parts: self.parts,
            bytes: self.bytes,
            next: self.next,
        }
    }

    fn count(&mut self, bytes: usize, next: u64) {
        self.bytes += bytes;
        self.next = next;
    }

    fn push_run(&mut self, run: Bytes) {
        self.close_run();
        self.parts.push(run);
    }

    fn copy(&mut self, batch: &[u8]) {
        self.run_for(batch.len()).extend_from_slice(batch);
    }

    /// The run that so many bytes are to be added to.
    fn run_for(&mut self, bytes: usize) -> &mut Vec<u8> {
        if self.run.len() + bytes > GATHERED_RUN_BYTES {
            self.close_run();
        }
        self.run.extend(self.single.take().iter().flatten());
        &mut self.run
    }

    fn close_run(&mut self) {
        if let Some(single) = self.single.take() {
            self.parts.push(single);
        }
        if !self.run.is_empty() {
            let mut run = std::mem::take(&mut self.run);
            run.shrink_to_fit();
            self.parts.push(run.into());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gathered(sizes: &[usize]) -> (Vec<usize>, Vec<u8>) {
        let mut gathering = Gathering::from(0);
        for (at, size) in sizes.iter().enumerate() {
            gathering.push(&vec![at as u8; *size].into(), at as u64 + 1);
        }
        let batches = gathering.finish();
        assert_eq!(batches.bytes, sizes.iter().sum::<usize>());
        assert_eq!(batches.next, sizes.len() as u64);
        let lengths = batches.parts.iter().map(Bytes::len).collect();
        (lengths, batches.parts.concat())
    }

    #[test]
    fn small_batches_are_gathered_and_large_ones_stay_as_they_are() {
        let (small, large) = (100, GATHERED_BATCH_BYTES + 1);
        assert_eq!(gathered(&[small]).0, [small]);
        assert_eq!(gathered(&[small; 3]).0, [3 * small]);
        let mixed = [small, large, small, small, large, large, small];
        let (lengths, bytes) = gathered(&mixed);
        assert_eq!(lengths, [small, large, 2 * small, large, large, small]);
        let expected: Vec<u8> = mixed
            .iter()
            .enumerate()
            .flat_map(|(at, size)| vec![at as u8; *size])
            .collect();
        assert_eq!(bytes, expected, "in the order in which they came");
    }

    #[test]
    fn runs_stay_short_enough_to_be_allocated_easily() {
        let many = [1000; 200];
        let (lengths, bytes) = gathered(&many);
        assert!(lengths.iter().all(|run| *run <= GATHERED_RUN_BYTES));
        assert_eq!(lengths.len(), 4);
        assert_eq!(bytes.len(), 200_000);
    }

    #[test]
    fn a_copy_keeps_nothing_of_what_it_was_copied_from() {
        let whole = Bytes::from(vec![7; 2 * GATHERED_BATCH_BYTES]);
        let mut gathering = Gathering::from(0);
        gathering.push_copy(&whole[..10], 1);
        gathering.push_copy(&whole[..GATHERED_BATCH_BYTES + 1], 2);
        let batches = gathering.finish();
        assert_eq!(batches.parts.len(), 2);
        assert!(whole.try_into_mut().is_ok(), "nobody else holds it");
    }
}
