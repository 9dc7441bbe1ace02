//! What was read for a consumer beyond what it was to be given: its next deliveries are in it, most likely.
//! Deliveries come in runs as short as what is acknowledged at a time, and a read costs as much as many.

use bytes::Buf;
use forebay_broker::storage::Batches;

/// Batches that lie in memory, the next one first.
#[derive(Debug, Default)]
pub(super) struct Ahead {
    /// The first offset that is in them.
    from: u64,
    batches: Batches,
}

impl Ahead {
    /// Gives what it has, if that begins at or before `offset` and does not end there.
    pub(super) fn take(&mut self, offset: u64) -> Option<Batches> {
        let has = (self.from..self.batches.next).contains(&offset) && self.batches.bytes > 0;
        has.then(|| std::mem::take(&mut self.batches))
    }

    /// Keeps what is at `offset` and behind it, in place of what it had.
    pub(super) fn keep(&mut self, mut batches: Batches, offset: u64) {
        if offset < batches.next {
            forget_before(&mut batches, offset);
        } else {
            batches = Batches::default();
        }
        (self.from, self.batches) = (offset, batches);
    }
}

/// Drops the batches that end before `offset`.
fn forget_before(batches: &mut Batches, offset: u64) {
    let mut passed = 0;
    for part in &mut batches.parts {
        let headers = forebay_record::Batches::new(part).map_while(Result::ok);
        let headers = headers.map(|batch| *batch.header());
        let before = headers.take_while(|header| header.last_offset() < offset as i64);
        let bytes = before.map(|header| header.total_bytes()).sum();
        batches.bytes -= bytes;
        part.advance(bytes);
        if !part.is_empty() {
            break;
        }
        passed += 1;
    }
    batches.parts.drain(..passed);
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use forebay_record::BatchBuilder;

    use super::*;

    /// Six batches of two records, two in a part.
    fn batches() -> Batches {
        let batch = |base_offset| {
            let mut batch = BatchBuilder::new().base_offset(base_offset);
            for value in [b"a", b"b"] {
                batch.add(0, None, Some(value), &[]).unwrap();
            }
            batch.build().unwrap()
        };
        let parts = [0, 4, 8].map(|base| Bytes::from([batch(base), batch(base + 2)].concat()));
        Batches {
            bytes: parts.iter().map(Bytes::len).sum(),
            parts: parts.into(),
            next: 12,
        }
    }

    fn first_offset(batches: &Batches) -> i64 {
        let first = forebay_record::Batches::new(&batches.parts[0]).next();
        first.unwrap().unwrap().header().base_offset
    }

    #[test]
    fn what_is_behind_an_offset_is_kept_and_what_is_before_it_forgotten() {
        let all = batches();
        for (offset, first, share) in [(0, 0, 6), (1, 0, 6), (2, 2, 5), (4, 4, 4), (11, 10, 1)] {
            let mut ahead = Ahead::default();
            ahead.keep(all.clone(), offset);
            let kept = ahead.take(offset).unwrap();
            assert_eq!(first_offset(&kept), first);
            assert_eq!(kept.bytes, all.bytes / 6 * share);
            assert_eq!(kept.parts.iter().map(Bytes::len).sum::<usize>(), kept.bytes);
            assert!(ahead.take(offset).is_none());
        }
    }

    #[test]
    fn only_what_it_has_is_given() {
        let mut ahead = Ahead::default();
        assert!(ahead.take(0).is_none());
        ahead.keep(batches(), 5);
        assert!(ahead.take(4).is_none(), "it may be forgotten");
        assert!(ahead.take(12).is_none(), "it was not read");
        assert!(ahead.take(7).is_some());
    }
}
