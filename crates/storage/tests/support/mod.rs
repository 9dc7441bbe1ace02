//! What the tests of the engine share: a disk, a clock that is moved by hand, batches, and a state
//! machine that only remembers.

#![allow(
    dead_code,
    clippy::unwrap_used,
    reason = "each test file uses its part, and a test may panic"
)]

use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use forebay_record::{Batch, BatchBuilder, BatchHeader, Batches as Walk};
use forebay_storage::codec::{Decoder, Encoder};
use forebay_storage::media::{BlobKind, Medium, SimulatedDisk};
use forebay_storage::{
    Durability, Engine, Job, JobDone, LogId, LogReader, Now, Options, ReadError, Recovered, Replay,
    Result,
};

pub(crate) const LOG: LogId = LogId(1);

/// A state machine that remembers what it was handed.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Recorder {
    pub(crate) events: Vec<Vec<u8>>,
    /// Log and first offset of each batch replayed.
    pub(crate) appended: Vec<(LogId, u64)>,
}

impl Recorder {
    pub(crate) fn snapshot(&self, encoder: &mut Encoder) {
        encoder.list(&self.events, |encoder, event| {
            encoder.bytes(event);
        });
    }
}

impl Replay for Recorder {
    fn restore(&mut self, snapshot: &[u8]) -> Result<(), String> {
        let events = Decoder::new(snapshot).list(|decoder| decoder.bytes().map(<[u8]>::to_vec));
        self.events = events.map_err(|error| error.to_string())?;
        Ok(())
    }

    fn appended(
        &mut self,
        log: LogId,
        header: &BatchHeader,
        _: &[u8],
        _: i64,
    ) -> Result<(), String> {
        self.appended.push((log, header.base_offset as u64));
        Ok(())
    }

    fn event(&mut self, payload: &[u8], _: i64) -> Result<(), String> {
        self.events.push(payload.to_vec());
        Ok(())
    }
}

/// Small files, no reserve: what a test fills quickly.
pub(crate) fn small() -> Options {
    Options {
        journal_file_bytes: 1 << 20,
        tail_cache_bytes: 1 << 20,
        reserve_bytes: 0,
        sealed_files_left: 0,
        ..Options::default()
    }
}

pub(crate) fn at(ms: u64) -> Now {
    Now::new(Duration::from_millis(ms), 1_000_000 + ms as i64)
}

/// An engine on a simulated disk.
pub(crate) struct World {
    pub(crate) disk: SimulatedDisk,
    pub(crate) engine: Engine,
    pub(crate) machine: Recorder,
    pub(crate) recovered: Recovered,
    pub(crate) now: Now,
    pub(crate) options: Options,
}

impl World {
    pub(crate) fn new() -> Self {
        Self::with(small())
    }

    pub(crate) fn with(options: Options) -> Self {
        Self::open(SimulatedDisk::new(), options, at(0)).unwrap()
    }

    pub(crate) fn open(disk: SimulatedDisk, options: Options, now: Now) -> Result<Self> {
        let mut machine = Recorder::default();
        let medium: Arc<dyn Medium> = Arc::new(disk.clone());
        let (engine, recovered) = Engine::open(medium, options.clone(), &mut machine, now)?;
        Ok(Self {
            disk,
            engine,
            machine,
            recovered,
            now,
            options,
        })
    }

    /// The world after the process was killed and started again.
    pub(crate) fn killed(&self) -> Self {
        Self::open(self.disk.after_kill(), self.options.clone(), self.now).unwrap()
    }

    /// The world after a power cut that lost everything unsynced.
    pub(crate) fn cut(&self) -> Self {
        self.cut_keeping(|| false)
    }

    pub(crate) fn cut_keeping(&self, keep: impl FnMut() -> bool) -> Self {
        let disk = self.disk.after_power_cut(keep);
        Self::open(disk, self.options.clone(), self.now).unwrap()
    }

    pub(crate) fn pass(&mut self, ms: u64) {
        self.now.monotonic += Duration::from_millis(ms);
        self.now.wall_ms += ms as i64;
        self.now.aging_ms += ms as i64;
    }

    pub(crate) fn create(&mut self, log: LogId, durability: Durability) {
        self.engine.create_log(log, durability, self.now);
    }

    pub(crate) fn append(&mut self, log: LogId, batch: Bytes) -> u64 {
        self.engine
            .append(log, BytesMut::from(&batch[..]), self.now)
            .unwrap()
    }

    pub(crate) fn append_to_many(&mut self, logs: &[LogId], batch: &Bytes) -> Vec<u64> {
        self.engine
            .append_to_many(logs, BytesMut::from(&batch[..]), self.now)
            .unwrap()
    }

    pub(crate) fn event(&mut self, payload: &[u8]) {
        self.engine.event(payload);
        self.machine.events.push(payload.to_vec());
    }

    pub(crate) fn write(&mut self) {
        self.engine.write(self.now).unwrap();
    }

    pub(crate) fn commit(&mut self) {
        self.write();
        self.engine.sync().unwrap();
    }

    pub(crate) fn jobs(&mut self) -> Vec<Job> {
        let machine = &self.machine;
        self.engine
            .maintain(self.now, |encoder| machine.snapshot(encoder))
            .unwrap()
    }

    pub(crate) fn finish(&mut self, done: JobDone) {
        self.engine.finish_job(done, self.now);
    }

    /// Runs jobs and commits until there is nothing left to do.
    pub(crate) fn settle(&mut self) {
        for _ in 0..100 {
            let jobs = self.jobs();
            let idle = jobs.is_empty() && !self.engine.has_work();
            for job in jobs {
                let done = job.run(&self.disk);
                self.finish(done);
            }
            self.commit();
            if idle {
                return;
            }
        }
        panic!("the engine never comes to rest");
    }

    /// Appends batches of about 100 KiB until `files` journal files were filled.
    pub(crate) fn fill(&mut self, log: LogId, files: usize) -> Vec<Bytes> {
        let mut all = Vec::new();
        for n in 0..files * 11 {
            let batch = values(&[&noise(n as u64, 100 << 10)]);
            self.append(log, batch.clone());
            all.push(batch);
            self.commit();
            let jobs = self.jobs();
            for job in jobs {
                if job.name() == "prepare a journal file" {
                    let done = job.run(&self.disk);
                    self.finish(done);
                } else {
                    panic!("use fill only below the threshold of a sort");
                }
            }
        }
        all
    }

    pub(crate) fn reader(&self, log: LogId) -> LogReader {
        self.engine.reader(log).unwrap()
    }

    pub(crate) fn segments(&self) -> usize {
        self.disk.blobs(BlobKind::Segment).unwrap().len()
    }

    pub(crate) fn stored_segment_bytes(&self) -> u64 {
        let segments = self.disk.blobs(BlobKind::Segment).unwrap();
        segments.iter().map(|(_, bytes)| bytes).sum()
    }

    pub(crate) fn journal_files(&self) -> usize {
        self.disk.journal_files().unwrap().len()
    }
}

pub(crate) fn read(
    reader: &LogReader,
    from: u64,
    bytes_max: usize,
) -> Result<Vec<Bytes>, ReadError> {
    let batches = reader.read(from, bytes_max, true)?.run()?;
    let mut out = Vec::new();
    for part in &batches.parts {
        for batch in Walk::new(part) {
            out.push(part.slice_ref(batch.unwrap().bytes()));
        }
    }
    Ok(out)
}

/// Every batch from `from` to the end.
pub(crate) fn read_all(reader: &LogReader, mut from: u64) -> Result<Vec<Bytes>, ReadError> {
    let mut all = Vec::new();
    while from < reader.end_offset() {
        let batches = reader.read(from, 256 << 10, true)?.run()?;
        assert!(batches.next > from, "a read makes progress");
        for part in &batches.parts {
            for batch in Walk::new(part) {
                all.push(part.slice_ref(batch.unwrap().bytes()));
            }
        }
        from = batches.next;
    }
    Ok(all)
}

/// Offset, key and value of a record.
pub(crate) type Found = (u64, Option<Vec<u8>>, Option<Vec<u8>>);

/// Every record from `from` to the end.
pub(crate) fn records(reader: &LogReader, from: u64) -> Vec<Found> {
    let mut out = Vec::new();
    for bytes in read_all(reader, from).unwrap() {
        let batch = Batch::only(&bytes).unwrap();
        batch.verify_stored().unwrap();
        let set = batch.records(1 << 30).unwrap();
        for record in &set {
            let record = record.unwrap();
            let offset = batch.header().offset_of(&record) as u64;
            let owned = |bytes: Option<&[u8]>| bytes.map(<[u8]>::to_vec);
            out.push((offset, owned(record.key), owned(record.value)));
        }
    }
    out
}

/// The values of every record from the start of the log.
pub(crate) fn all_values(reader: &LogReader) -> Vec<Vec<u8>> {
    let records = records(reader, reader.start_offset());
    records
        .into_iter()
        .map(|(_, _, value)| value.unwrap())
        .collect()
}

pub(crate) fn values(values: &[&[u8]]) -> Bytes {
    timed(1_000_000, values)
}

pub(crate) fn timed(timestamp_ms: i64, values: &[&[u8]]) -> Bytes {
    let mut builder = BatchBuilder::new();
    for value in values {
        builder.add(timestamp_ms, None, Some(value), &[]).unwrap();
    }
    builder.build().unwrap()
}

pub(crate) fn keyed(timestamp_ms: i64, records: &[(&str, Option<&str>)]) -> Bytes {
    let mut builder = BatchBuilder::new();
    for (key, value) in records {
        let value = value.map(str::as_bytes);
        builder
            .add(timestamp_ms, Some(key.as_bytes()), value, &[])
            .unwrap();
    }
    builder.build().unwrap()
}

/// Bytes that are the same for the same seed and do not compress.
pub(crate) fn noise(seed: u64, bytes: usize) -> Vec<u8> {
    let mut random = Random::new(seed);
    (0..bytes.div_ceil(8))
        .flat_map(|_| random.next().to_le_bytes())
        .take(bytes)
        .collect()
}

/// SplitMix64: enough randomness for tests, from a seed that can be printed.
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Self(
            seed.wrapping_mul(0x9e37_79b9_7f4a_7c15)
                .wrapping_add(0x1234_5678_9abc_def1),
        )
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }

    pub(crate) fn one_in(&mut self, n: u64) -> bool {
        self.below(n) == 0
    }
}
