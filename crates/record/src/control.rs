//! Control records: what the broker writes into a log for consumers, never for applications. Here
//! the end of a transaction (KIP-98); the other kinds belong to Kafka's own controller.

use bytes::Bytes;

use crate::builder::{BatchBuilder, ProducerStamp};
use crate::error::{Error, Result};
use crate::header::NO_SEQUENCE;
use crate::record::Record;

/// Version of the key and of the value that are written. Newer ones may only add fields at the end,
/// so they are read as if they were this one.
const VERSION: i16 = 0;
const ABORT: i16 = 0;
const COMMIT: i16 = 1;

/// How a transaction ended. The type field of a control record's key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TransactionResult {
    /// Its records are not to be delivered to who reads committed ones only.
    Abort,
    /// Its records are valid.
    Commit,
}

/// The marker at the end of a transaction's records in a partition. Key: version i16, type i16.
/// Value: version i16, coordinator epoch i32.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EndTransactionMarker {
    /// How the transaction ended.
    pub result: TransactionResult,
    /// Epoch of the coordinator that wrote the marker, which fences older ones.
    pub coordinator_epoch: i32,
}

impl EndTransactionMarker {
    /// The marker as a control batch of one record.
    ///
    /// # Errors
    /// [`Error::Timestamp`] if it is negative, [`Error::Batch`] if the producer id is.
    pub fn to_batch(
        self,
        producer_id: i64,
        producer_epoch: i16,
        timestamp_ms: i64,
    ) -> Result<Bytes> {
        let kind = match self.result {
            TransactionResult::Abort => ABORT,
            TransactionResult::Commit => COMMIT,
        };
        let [[v0, v1], [t0, t1]] = [VERSION.to_be_bytes(), kind.to_be_bytes()];
        let [e0, e1, e2, e3] = self.coordinator_epoch.to_be_bytes();
        let mut batch = BatchBuilder::new()
            .producer(ProducerStamp {
                id: producer_id,
                epoch: producer_epoch,
                base_sequence: NO_SEQUENCE,
            })
            .transactional()
            .control();
        batch.add(
            timestamp_ms,
            Some(&[v0, v1, t0, t1]),
            Some(&[v0, v1, e0, e1, e2, e3]),
            &[],
        )?;
        batch.build()
    }

    /// Parses a record of a control batch; `None` if it is another kind of control record, which
    /// readers are to pass over.
    ///
    /// # Errors
    /// [`Error::Record`], as record 0: a control batch has one record.
    pub fn parse(record: &Record<'_>) -> Result<Option<Self>> {
        let bad = |what| Error::Record { index: 0, what };
        let Some(&[v0, v1, t0, t1]) = record.key.and_then(|key| key.first_chunk()) else {
            return Err(bad("the key of a control record is too short"));
        };
        if i16::from_be_bytes([v0, v1]) < 0 {
            return Err(bad("the key of a control record has a negative version"));
        }
        let result = match i16::from_be_bytes([t0, t1]) {
            ABORT => TransactionResult::Abort,
            COMMIT => TransactionResult::Commit,
            _ => return Ok(None),
        };
        let Some(&[v0, v1, epoch @ ..]) = record.value.and_then(|value| value.first_chunk::<6>())
        else {
            return Err(bad("the value of a transaction marker is too short"));
        };
        if i16::from_be_bytes([v0, v1]) < 0 {
            return Err(bad(
                "the value of a transaction marker has a negative version",
            ));
        }
        Ok(Some(Self {
            result,
            coordinator_epoch: i32::from_be_bytes(epoch),
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::batch::Batch;
    use crate::record::Records;

    #[test]
    fn a_marker_round_trips_as_a_control_batch() {
        for result in [TransactionResult::Abort, TransactionResult::Commit] {
            let marker = EndTransactionMarker {
                result,
                coordinator_epoch: 7,
            };
            let bytes = marker.to_batch(1234, 5, 1_700_000_000_000).unwrap();
            // Kafka: 61 bytes of header and CURRENT_END_TXN_SCHEMA_RECORD_SIZE.
            assert_eq!(bytes.len(), 61 + 17);
            let batch = Batch::only(&bytes).unwrap();
            batch.verify_stored().unwrap();
            assert!(batch.header().is_control() && batch.header().is_transactional());
            assert_eq!(batch.header().base_sequence, NO_SEQUENCE);
            let records = batch.records(0).unwrap();
            let record = records.iter().next().unwrap().unwrap();
            assert_eq!(EndTransactionMarker::parse(&record), Ok(Some(marker)));
        }
    }

    #[test]
    fn other_kinds_are_passed_over_and_short_ones_refused() {
        // length, attributes, deltas, key (version 0, type, ...), value, no headers
        let parse = |record: &[u8]| {
            EndTransactionMarker::parse(&Records::new(record, 1).next().unwrap().unwrap())
        };
        assert_eq!(parse(&[20, 0, 0, 0, 8, 0, 0, 0, 2, 1, 0]), Ok(None));
        assert!(parse(&[20, 0, 0, 0, 8, 0, 0, 0, 1, 1, 0]).is_err());
        assert!(parse(&[20, 0, 0, 0, 8, 0xff, 0xff, 0, 1, 1, 0]).is_err());
        assert!(parse(&[12, 0, 0, 0, 1, 1, 0]).is_err());
    }
}
