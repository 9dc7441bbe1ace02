//! Printing records: in a format or as JSON, many in one write.

use std::time::Instant;

use bytes::Bytes;
use forebay_record::{Batch, BatchHeader, Record};

use crate::cli::failure::{Cause, Failure};
use crate::cli::format_string::FormatString;
use crate::cli::record::Received;
use crate::cli::{output, progress, record_json};

/// Bytes that are gathered before they are written.
const GATHERED_BYTES_MAX: usize = 64 << 10;

/// How a record is printed.
pub(super) enum Form {
    Format(FormatString),
    Json,
}

/// Prints records until there were enough.
pub(super) struct Printer {
    form: Form,
    /// How many more to print, if somebody counts.
    left: Option<u64>,
    gathered: Vec<u8>,
    records: u64,
    bytes: u64,
    started: Instant,
}

impl Printer {
    pub(super) fn new(form: Form, count: Option<u64>) -> Self {
        Self {
            form,
            left: count,
            gathered: Vec::new(),
            records: 0,
            bytes: 0,
            started: Instant::now(),
        }
    }

    /// Whether all that were wanted are printed.
    pub(super) fn is_done(&self) -> bool {
        self.left == Some(0)
    }

    /// Prints the records of a batch from `from` on and before `end`. Answers where to go on: behind
    /// the batch, or behind the last record that was wanted.
    pub(super) fn batch(
        &mut self,
        topic: &str,
        partition: i32,
        batch: &Batch<'_>,
        from: i64,
        end: Option<i64>,
    ) -> Result<i64, Failure> {
        let header = *batch.header();
        let damaged = |error: forebay_record::Error| {
            let at = header.base_offset;
            let message = format!("damaged batch at offset {at} of {topic}[{partition}]: {error}");
            Failure::new(Cause::Failed, message)
        };
        batch.verify_stored().map_err(damaged)?;
        // Marks of transactions are the brokers' own.
        if header.is_control() {
            return Ok(header.next_offset());
        }
        let limit = forebay_record::limits::DECOMPRESSED_BYTES_MAX;
        let records = batch.records(limit).map_err(damaged)?;
        for record in &records {
            let record = record.map_err(damaged)?;
            let offset = header.offset_of(&record);
            if offset < from {
                continue;
            }
            if self.is_done() || end.is_some_and(|end| offset >= end) {
                return Ok(offset);
            }
            let received = received(topic, partition, &header, &record).map_err(damaged)?;
            self.record(&received)?;
        }
        Ok(header.next_offset())
    }

    fn record(&mut self, record: &Received) -> Result<(), Failure> {
        match &self.form {
            Form::Format(format) => format.write(record, &mut self.gathered),
            Form::Json => record_json::write_line(record, &mut self.gathered),
        }
        let length = |bytes: &Option<Bytes>| bytes.as_ref().map_or(0, Bytes::len) as u64;
        self.records += 1;
        self.bytes += length(&record.key) + length(&record.value);
        if let Some(left) = &mut self.left {
            *left -= 1;
        }
        if self.gathered.len() >= GATHERED_BYTES_MAX {
            self.flush()?;
        }
        Ok(())
    }

    /// Writes what was gathered.
    pub(super) fn flush(&mut self) -> Result<(), Failure> {
        if !self.gathered.is_empty() {
            output::write_data(&self.gathered)?;
            self.gathered.clear();
        }
        Ok(())
    }

    /// How many were printed, and how fast.
    pub(super) fn summary(&self) -> String {
        progress::summary(self.records, self.bytes, self.started.elapsed())
    }
}

fn received(
    topic: &str,
    partition: i32,
    header: &BatchHeader,
    record: &Record<'_>,
) -> Result<Received, forebay_record::Error> {
    let mut headers = Vec::with_capacity(record.headers.len());
    for header in record.headers {
        let header = header?;
        let name = String::from_utf8_lossy(header.key).into_owned();
        headers.push((name, header.value.map(Bytes::copy_from_slice)));
    }
    Ok(Received {
        topic: topic.to_owned(),
        partition,
        offset: header.offset_of(record),
        timestamp_ms: header.timestamp_of(record),
        key: record.key.map(Bytes::copy_from_slice),
        value: record.value.map(Bytes::copy_from_slice),
        headers,
    })
}

#[cfg(test)]
mod tests {
    use forebay_record::BatchBuilder;

    use super::*;

    fn batch() -> Bytes {
        let mut builder = BatchBuilder::new().base_offset(10);
        for value in ["a", "b", "c"] {
            builder
                .add(1_000, None, Some(value.as_bytes()), &[])
                .unwrap();
        }
        builder.build().unwrap()
    }

    fn printer(count: Option<u64>) -> Printer {
        Printer::new(Form::Format(FormatString::parse("%o%v ").unwrap()), count)
    }

    fn print(printer: &mut Printer, from: i64, end: Option<i64>) -> (String, i64) {
        let bytes = batch();
        let batch = Batch::only(&bytes).unwrap();
        let next = printer.batch("orders", 3, &batch, from, end).unwrap();
        (String::from_utf8(printer.gathered.clone()).unwrap(), next)
    }

    #[test]
    fn only_the_wanted_records_of_a_batch_are_printed() {
        assert_eq!(
            print(&mut printer(None), 0, None),
            ("10a 11b 12c ".to_owned(), 13)
        );
        assert_eq!(
            print(&mut printer(None), 11, Some(12)),
            ("11b ".to_owned(), 12)
        );
        assert_eq!(print(&mut printer(None), 13, None), (String::new(), 13));
    }

    #[test]
    fn the_count_ends_printing_inside_a_batch() {
        let mut printer = printer(Some(2));
        assert_eq!(print(&mut printer, 10, None), ("10a 11b ".to_owned(), 12));
        assert!(printer.is_done());
        assert_eq!((printer.records, printer.bytes), (2, 2));
    }

    #[test]
    fn damage_is_told_with_its_place() {
        let mut bytes = batch().to_vec();
        let last = bytes.len() - 1;
        bytes[last] ^= 1;
        let batch = Batch::only(&bytes).unwrap();
        let failure = printer(None)
            .batch("orders", 3, &batch, 0, None)
            .unwrap_err();
        let message = failure.to_string();
        assert!(
            message.starts_with("damaged batch at offset 10 of orders[3]"),
            "{message}"
        );
    }
}
