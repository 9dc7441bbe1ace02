//! What a durable commit costs: producers of 1 KiB messages, each waiting for its acknowledgement
//! before it sends the next, against one committing thread.
//!
//! `cargo run --release -p forebay-storage --example commit_curve -- DIR [SECONDS]`
//!
//! *fdatasync* and *direct* (`O_DIRECT | O_DSYNC`) are bare loops over a zero-filled file, without
//! checksums, index or memory of what was written: the limit. *engine* is a whole shard.

#![allow(
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a measurement reads the clock and prints what it found"
)]

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::thread::{self, Thread};
use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use forebay_record::{BatchBuilder, BatchHeader};
use forebay_storage::media::{LocalDisk, Medium};
use forebay_storage::shard::{Command, Machine, Mailbox, Replies, Shard};
use forebay_storage::{
    Clock, Durability, Engine, LogId, Now, Options, Replay, Result, StorageError,
};
use rustix::fs::OFlags;

const FILE_BYTES: u64 = 64 << 20;
const MESSAGE_BYTES: usize = 1024;
const PAGE: usize = 4096;

fn main() {
    let mut arguments = std::env::args().skip(1);
    let folder = arguments.next().expect("usage: commit_curve DIR [SECONDS]");
    let seconds = arguments.next();
    let seconds = seconds.map_or(3, |text| text.parse().expect("SECONDS is a number"));
    let folder = Path::new(&folder);
    std::fs::create_dir_all(folder).expect("DIR can be created");
    println!("| writer | producers | messages/s | p50 ms | p99 ms | messages per sync |");
    println!("|---|---|---|---|---|---|");
    for producers in [1, 16, 256] {
        let run = Run { producers, seconds };
        run.bare(folder, "fdatasync");
        run.bare(folder, "direct");
        run.engine(folder);
    }
}

/// Somebody who waits for an acknowledgement.
struct Waiter {
    acknowledged: AtomicBool,
    thread: Thread,
}

impl Waiter {
    fn acknowledge(&self) {
        self.acknowledged.store(true, Ordering::Release);
        self.thread.unpark();
    }
}

trait Target: Send + Sync {
    fn send(&self, waiter: Arc<Waiter>);
}

struct Run {
    producers: usize,
    seconds: u64,
}

impl Run {
    fn bare(&self, folder: &Path, name: &str) {
        let path = folder.join("commit_curve.bin");
        zero_fill(&path);
        let direct = name == "direct";
        let mut options = OpenOptions::new();
        options.write(true);
        if direct {
            options.custom_flags((OFlags::DIRECT | OFlags::DSYNC).bits().cast_signed());
        }
        let file = options.open(&path).expect("the file was just made");
        let queue = Arc::new(Queue::default());
        let committer = {
            let queue = Arc::clone(&queue);
            thread::spawn(move || commit_all(&file, &queue, direct))
        };
        let target: Arc<dyn Target> = queue.clone();
        let latencies = self.produce(&target);
        queue.stop();
        let syncs = committer.join().expect("the committer does not panic");
        self.report(name, latencies, syncs);
        std::fs::remove_file(&path).expect("the file is there");
    }

    fn engine(&self, folder: &Path) {
        let root = folder.join("commit_curve.data");
        let _ = std::fs::remove_dir_all(&root);
        let medium: Arc<dyn Medium> = Arc::new(LocalDisk::open(&root).expect("a fresh folder"));
        let clock = Arc::new(SystemClock(Instant::now()));
        let mut machine = Appender;
        let (options, now) = (Options::default(), clock.now());
        let (mut engine, _) = Engine::open(Arc::clone(&medium), options, &mut machine, now)
            .expect("a fresh folder opens");
        engine.create_log(LogId(1), Durability::Fsync, now);
        let shard = Shard::new(engine, machine, medium, clock);
        let metrics = shard.metrics();
        let mailbox = shard.mailbox();
        let running = thread::spawn(move || shard.run());
        let target: Arc<dyn Target> = Arc::new(ShardTarget {
            mailbox: Arc::clone(&mailbox),
            batch: batch(),
        });
        // The first file is small; let the next be made before the clock starts.
        thread::sleep(Duration::from_millis(700));
        let before = metrics.commits.value();
        let latencies = self.produce(&target);
        let syncs = metrics.commits.value() - before;
        mailbox.stop();
        let outcome = running.join().expect("the shard does not panic");
        outcome.expect("the disk works");
        self.report("engine", latencies, syncs);
        std::fs::remove_dir_all(&root).expect("the folder is there");
    }

    fn produce(&self, target: &Arc<dyn Target>) -> Vec<Duration> {
        let until = Instant::now() + Duration::from_secs(self.seconds);
        let start = || {
            let target = Arc::clone(target);
            thread::spawn(move || producer(target.as_ref(), until))
        };
        let producers: Vec<_> = (0..self.producers).map(|_| start()).collect();
        let outcomes = producers.into_iter().map(|producer| producer.join());
        outcomes
            .flat_map(|latencies| latencies.expect("a producer does not panic"))
            .collect()
    }

    fn report(&self, name: &str, mut latencies: Vec<Duration>, syncs: u64) {
        latencies.sort_unstable();
        let at = |percent: usize| latencies[latencies.len() * percent / 100].as_secs_f64() * 1e3;
        println!(
            "| {name} | {} | {} | {:.2} | {:.2} | {:.0} |",
            self.producers,
            latencies.len() as u64 / self.seconds,
            at(50),
            at(99),
            latencies.len() as f64 / syncs.max(1) as f64
        );
    }
}

fn producer(target: &dyn Target, until: Instant) -> Vec<Duration> {
    let mut latencies = Vec::new();
    while Instant::now() < until {
        let waiter = Arc::new(Waiter {
            acknowledged: AtomicBool::new(false),
            thread: thread::current(),
        });
        let sent = Instant::now();
        target.send(Arc::clone(&waiter));
        while !waiter.acknowledged.load(Ordering::Acquire) {
            thread::park();
        }
        latencies.push(sent.elapsed());
    }
    latencies
}

fn zero_fill(path: &Path) {
    let mut file = File::create(path).expect("the folder takes files");
    let zeros = vec![0; 1 << 20];
    for _ in 0..FILE_BYTES >> 20 {
        file.write_all(&zeros).expect("the disk has space");
    }
    file.sync_all().expect("the disk syncs");
}

#[derive(Default)]
struct Queue {
    waiting: Mutex<(Vec<Arc<Waiter>>, bool)>,
    arrived: Condvar,
}

impl Queue {
    fn stop(&self) {
        self.waiting.lock().expect("nobody panics").1 = true;
        self.arrived.notify_one();
    }
}

impl Target for Queue {
    fn send(&self, waiter: Arc<Waiter>) {
        self.waiting.lock().expect("nobody panics").0.push(waiter);
        self.arrived.notify_one();
    }
}

/// Writes whatever queued while the write before was under way, once for all of it.
fn commit_all(file: &File, queue: &Queue, direct: bool) -> u64 {
    let memory = vec![7; (4 << 20) + PAGE];
    let skip = memory.as_ptr().align_offset(PAGE);
    let buffer = &memory[skip..skip + (4 << 20)];
    let (mut position, mut syncs) = (0, 0);
    loop {
        let batch = {
            let mut waiting = queue.waiting.lock().expect("nobody panics");
            while waiting.0.is_empty() && !waiting.1 {
                waiting = queue.arrived.wait(waiting).expect("nobody panics");
            }
            if waiting.0.is_empty() {
                return syncs;
            }
            std::mem::take(&mut waiting.0)
        };
        let bytes = batch.len() * MESSAGE_BYTES;
        let length = if direct {
            bytes.next_multiple_of(PAGE)
        } else {
            bytes
        };
        if position + length as u64 > FILE_BYTES {
            position = 0;
        }
        let written = file.write_all_at(&buffer[..length], position);
        written.expect("the disk takes writes");
        if !direct {
            file.sync_data().expect("the disk syncs");
        }
        position += length as u64;
        syncs += 1;
        batch.iter().for_each(|waiter| waiter.acknowledge());
    }
}

fn batch() -> Bytes {
    let mut builder = BatchBuilder::new();
    let added = builder.add(1, None, Some(&[7; MESSAGE_BYTES]), &[]);
    added.expect("a small record");
    builder.build().expect("a batch of one record")
}

struct ShardTarget {
    mailbox: Arc<Mailbox<Append>>,
    batch: Bytes,
}

impl Target for ShardTarget {
    fn send(&self, waiter: Arc<Waiter>) {
        let batch = BytesMut::from(&self.batch[..]);
        let sent = self.mailbox.send(Append { batch, waiter });
        assert!(sent.is_ok(), "the shard runs");
    }
}

struct Append {
    batch: BytesMut,
    waiter: Arc<Waiter>,
}

impl Command for Append {
    fn batch_bytes(&self) -> usize {
        self.batch.len()
    }

    fn is_essential(&self) -> bool {
        false
    }
}

struct Appender;

impl Replay for Appender {
    fn restore(&mut self, _: &[u8]) -> Result<(), String> {
        Ok(())
    }

    fn appended(&mut self, _: LogId, _: &BatchHeader, _: i64) -> Result<(), String> {
        Ok(())
    }

    fn event(&mut self, _: &[u8], _: i64) -> Result<(), String> {
        Ok(())
    }
}

impl Machine for Appender {
    type Command = Append;
    type Reply = Arc<Waiter>;

    fn handle(
        &mut self,
        command: Append,
        engine: &mut Engine,
        now: Now,
        replies: &mut Replies<Arc<Waiter>>,
    ) {
        let appended = engine.append(LogId(1), command.batch, now);
        appended.expect("the log exists");
        replies.after(Durability::Fsync, command.waiter);
    }

    fn tick(&mut self, _: &mut Engine, _: Now, _: &mut Replies<Arc<Waiter>>) {}

    fn next_deadline(&self) -> Option<Duration> {
        None
    }

    fn refuse(&mut self, command: Append) {
        command.waiter.acknowledge();
    }

    fn release(&mut self, reply: Arc<Waiter>, outcome: Result<(), &StorageError>) {
        outcome.expect("the disk works");
        reply.acknowledge();
    }

    fn snapshot(&self) -> Vec<u8> {
        Vec::new()
    }
}

struct SystemClock(Instant);

impl Clock for SystemClock {
    fn now(&self) -> Now {
        Now {
            monotonic: self.0.elapsed(),
            wall_ms: 0,
        }
    }
}
