//! Idempotent producers (KIP-98): of each producer and partition, the last few batches, so that a
//! batch that is sent again after a lost answer is stored once.

use forebay_record::BatchHeader;
use forebay_storage::codec::{DecodeError, Decoder, Encoder};
use hashbrown::HashMap;

use crate::limits::{PRODUCERS_FORGOTTEN_SHARE, PRODUCERS_PER_PARTITION_MAX};

/// Batches remembered of a producer. Clients keep at most this many requests in flight, so no older
/// batch can come again (Kafka: `ProducerStateEntry.NUM_BATCHES_TO_RETAIN`).
const BATCHES_REMEMBERED: usize = 5;

/// What to do with a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It is new.
    Append,
    /// It is stored already, from this offset on.
    Duplicate(u64),
    /// It does not follow what came before.
    OutOfOrder,
    /// A newer incarnation of the producer has taken over.
    Fenced,
}

/// The producers of one partition.
#[derive(Debug, Default)]
pub(crate) struct Producers {
    known: HashMap<i64, Producer>,
}

#[derive(Clone, Debug)]
struct Producer {
    epoch: i16,
    /// Oldest first.
    batches: Vec<Remembered>,
    last_append_ms: i64,
}

#[derive(Clone, Copy, Debug)]
struct Remembered {
    first_sequence: i32,
    last_sequence: i32,
    base_offset: u64,
}

impl Producers {
    /// Judges a batch with a producer id.
    pub(crate) fn check(&self, header: &BatchHeader) -> Verdict {
        let Some(producer) = self.known.get(&header.producer_id) else {
            // Its state may have expired, or its records may be gone; the sequence then starts where
            // the producer is (KAFKA-7190).
            return Verdict::Append;
        };
        if header.producer_epoch < producer.epoch {
            return Verdict::Fenced;
        }
        if header.producer_epoch > producer.epoch {
            return if header.base_sequence == 0 {
                Verdict::Append
            } else {
                Verdict::OutOfOrder
            };
        }
        let same = |batch: &&Remembered| {
            batch.first_sequence == header.base_sequence
                && batch.last_sequence == header.last_sequence()
        };
        if let Some(batch) = producer.batches.iter().find(same) {
            return Verdict::Duplicate(batch.base_offset);
        }
        let expected = producer
            .batches
            .last()
            .map_or(0, |last| next_sequence(last.last_sequence));
        if header.base_sequence == expected {
            Verdict::Append
        } else {
            Verdict::OutOfOrder
        }
    }

    /// Remembers a batch that was appended.
    pub(crate) fn appended(&mut self, header: &BatchHeader, base_offset: u64, wall_ms: i64) {
        if !self.known.contains_key(&header.producer_id) {
            self.make_room();
        }
        let fresh = || Producer {
            epoch: header.producer_epoch,
            batches: Vec::new(),
            last_append_ms: 0,
        };
        let producer = self.known.entry(header.producer_id).or_insert_with(fresh);
        if producer.epoch != header.producer_epoch {
            producer.epoch = header.producer_epoch;
            producer.batches.clear();
        }
        if producer.batches.len() == BATCHES_REMEMBERED {
            producer.batches.remove(0);
        }
        producer.batches.push(Remembered {
            first_sequence: header.base_sequence,
            last_sequence: header.last_sequence(),
            base_offset,
        });
        producer.last_append_ms = wall_ms;
    }

    /// Forgets producers that last wrote before `wall_ms`.
    pub(crate) fn expire(&mut self, wall_ms: i64) {
        self.known
            .retain(|_, producer| producer.last_append_ms >= wall_ms);
    }

    /// Forgets those who wrote longest ago when there is no room for another. A function of what is
    /// remembered alone, so that a replay forgets the same.
    fn make_room(&mut self) {
        if self.known.len() < PRODUCERS_PER_PARTITION_MAX {
            return;
        }
        let ages = self.known.iter();
        let mut ages: Vec<(i64, i64)> = ages
            .map(|(id, producer)| (producer.last_append_ms, *id))
            .collect();
        let kept =
            PRODUCERS_PER_PARTITION_MAX - PRODUCERS_PER_PARTITION_MAX / PRODUCERS_FORGOTTEN_SHARE;
        let count = ages.len() - kept;
        ages.select_nth_unstable(count);
        for (_, id) in &ages[..count] {
            self.known.remove(id);
        }
    }

    #[cfg(test)]
    pub(crate) fn sorted(&self) -> String {
        let sorted: std::collections::BTreeMap<_, _> = self.known.iter().collect();
        format!("{sorted:?}")
    }

    pub(crate) fn encode(&self, encoder: &mut Encoder) {
        // Clients choose their ids, so the map's order is random; a snapshot's must not be.
        let mut known: Vec<_> = self.known.iter().collect();
        known.sort_unstable_by_key(|(id, _)| **id);
        encoder.list(known, |encoder, (id, producer)| {
            encoder
                .i64(*id)
                .i16(producer.epoch)
                .i64(producer.last_append_ms);
            encoder.list(&producer.batches, |encoder, batch| {
                encoder
                    .i32(batch.first_sequence)
                    .i32(batch.last_sequence)
                    .u64(batch.base_offset);
            });
        });
    }

    pub(crate) fn decode(decoder: &mut Decoder<'_>) -> Result<Self, DecodeError> {
        let known = decoder.list(|decoder| {
            let id = decoder.i64()?;
            let epoch = decoder.i16()?;
            let last_append_ms = decoder.i64()?;
            let batches = decoder.list(|decoder| {
                Ok(Remembered {
                    first_sequence: decoder.i32()?,
                    last_sequence: decoder.i32()?,
                    base_offset: decoder.number()?,
                })
            })?;
            if batches.len() > BATCHES_REMEMBERED {
                return Err(DecodeError::Invalid {
                    what: "number of batches of a producer",
                });
            }
            Ok((
                id,
                Producer {
                    epoch,
                    batches,
                    last_append_ms,
                },
            ))
        })?;
        Ok(Self {
            known: known.into_iter().collect(),
        })
    }
}

/// Sequences wrap from the largest to zero.
fn next_sequence(last: i32) -> i32 {
    last.checked_add(1).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use forebay_record::{BatchBuilder, ProducerStamp};

    fn batch(epoch: i16, base_sequence: i32, records: i32) -> BatchHeader {
        let stamp = ProducerStamp {
            id: 7,
            epoch,
            base_sequence,
        };
        let mut builder = BatchBuilder::new().producer(stamp);
        for _ in 0..records {
            builder.add(0, None, Some(b"x"), &[]).unwrap();
        }
        BatchHeader::parse(&builder.build().unwrap()).unwrap()
    }

    #[test]
    fn a_batch_sent_again_is_found_among_the_last_five() {
        let mut producers = Producers::default();
        for n in 0..6 {
            assert_eq!(producers.check(&batch(0, n * 10, 10)), Verdict::Append);
            producers.appended(&batch(0, n * 10, 10), n as u64 * 10, 0);
        }
        assert_eq!(producers.check(&batch(0, 50, 10)), Verdict::Duplicate(50));
        assert_eq!(producers.check(&batch(0, 10, 10)), Verdict::Duplicate(10));
        assert_eq!(producers.check(&batch(0, 0, 10)), Verdict::OutOfOrder);
        assert_eq!(producers.check(&batch(0, 61, 10)), Verdict::OutOfOrder);
        assert_eq!(producers.check(&batch(0, 60, 10)), Verdict::Append);
    }

    #[test]
    fn a_newer_epoch_starts_at_zero_and_fences_the_older() {
        let mut producers = Producers::default();
        producers.appended(&batch(0, 0, 1), 0, 0);
        assert_eq!(producers.check(&batch(1, 1, 1)), Verdict::OutOfOrder);
        assert_eq!(producers.check(&batch(1, 0, 1)), Verdict::Append);
        producers.appended(&batch(1, 0, 1), 1, 0);
        assert_eq!(producers.check(&batch(0, 1, 1)), Verdict::Fenced);
    }

    #[test]
    fn sequences_wrap_to_zero() {
        let mut producers = Producers::default();
        producers.appended(&batch(0, i32::MAX, 1), 0, 0);
        assert_eq!(producers.check(&batch(0, 0, 1)), Verdict::Append);
    }

    fn batch_of(id: i64) -> BatchHeader {
        BatchHeader {
            producer_id: id,
            ..batch(0, 0, 1)
        }
    }

    #[test]
    fn a_resent_batch_that_begins_alike_and_ends_elsewhere_is_no_duplicate() {
        let mut producers = Producers::default();
        producers.appended(&batch(0, 0, 10), 0, 0);
        assert_eq!(producers.check(&batch(0, 0, 9)), Verdict::OutOfOrder);
        assert_eq!(producers.check(&batch(0, 0, 11)), Verdict::OutOfOrder);
    }

    #[test]
    fn sequences_wrap_inside_a_batch_too() {
        let mut producers = Producers::default();
        producers.appended(&batch(0, i32::MAX, 3), 0, 0);
        assert_eq!(
            producers.check(&batch(0, i32::MAX, 3)),
            Verdict::Duplicate(0)
        );
        assert_eq!(producers.check(&batch(0, 0, 1)), Verdict::OutOfOrder);
        assert_eq!(producers.check(&batch(0, 2, 1)), Verdict::Append);
    }

    #[test]
    fn any_number_of_producers_is_remembered_up_to_a_limit_and_the_latest_are_kept() {
        let mut producers = Producers::default();
        let many = 3 * PRODUCERS_PER_PARTITION_MAX as i64;
        for id in 0..many {
            producers.appended(&batch_of(id), id as u64, id);
            assert!(producers.known.len() <= PRODUCERS_PER_PARTITION_MAX);
        }
        let kept =
            PRODUCERS_PER_PARTITION_MAX - PRODUCERS_PER_PARTITION_MAX / PRODUCERS_FORGOTTEN_SHARE;
        for id in many - kept as i64..many {
            assert_eq!(
                producers.check(&batch_of(id)),
                Verdict::Duplicate(id as u64)
            );
        }
        assert_eq!(producers.check(&batch_of(0)), Verdict::Append);
    }

    #[test]
    fn producers_come_back_from_a_snapshot_as_they_were() {
        let mut producers = Producers::default();
        for id in 0..20 {
            producers.appended(&batch_of(id), id as u64, id);
        }
        let mut encoder = Encoder::new();
        producers.encode(&mut encoder);
        let bytes = encoder.finish();
        let mut restored = Producers::decode(&mut Decoder::new(&bytes)).unwrap();
        restored.expire(10);
        assert_eq!(restored.known.len(), 10);
        assert_eq!(restored.check(&batch_of(10)), Verdict::Duplicate(10));
    }
}
