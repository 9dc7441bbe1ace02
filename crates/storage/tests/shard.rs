//! The thread that owns an engine: no positive answer before its durability, and none lost.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod support;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::time::Duration;

use bytes::BytesMut;
use forebay_record::BatchHeader;
use forebay_storage::codec::Encoder;
use forebay_storage::limits::TURN_DELAY_MAX;
use forebay_storage::media::{BlobKind, Fault, Medium, SimulatedDisk};
use forebay_storage::shard::{BackgroundJob, Command, Machine, Mailbox, Replies, Shard, Turn};
use forebay_storage::{
    BlobId, Clock, Durability, Engine, LogId, LogReader, Now, Options, Replay, Result, StorageError,
};
use support::{LOG, Recorder, World, all_values, at, noise, small, values};

const OS: LogId = LogId(2);

/// Moves a millisecond at every look, so that everything comes due without waiting.
#[derive(Default)]
struct Ticking(AtomicU64);

impl Clock for Ticking {
    fn now(&self) -> Now {
        at(self.0.fetch_add(1, Ordering::Relaxed))
    }
}

#[derive(Debug, PartialEq)]
enum Outcome {
    Stored(u64),
    Failed,
    Refused,
}

struct Append {
    log: LogId,
    durability: Durability,
    batch: BytesMut,
    answer: Sender<Outcome>,
}

impl Command for Append {
    fn batch_bytes(&self) -> usize {
        self.batch.len()
    }

    fn is_essential(&self) -> bool {
        false
    }

    fn is_quick(&self) -> bool {
        true
    }
}

/// Appends what it is asked to, and counts how often it is told that its shard stood still.
#[derive(Default)]
struct Appender {
    still: Arc<AtomicU64>,
    /// Whether its state is not whole, which a snapshot shows.
    is_broken: bool,
    is_known: AtomicBool,
}

impl Replay for Appender {
    fn restore(&mut self, _: &[u8]) -> Result<(), String> {
        Ok(())
    }

    fn appended(&mut self, _: LogId, _: &BatchHeader, _: &[u8], _: i64) -> Result<(), String> {
        Ok(())
    }

    fn event(&mut self, _: &[u8], _: i64) -> Result<(), String> {
        Ok(())
    }
}

impl Machine for Appender {
    type Command = Append;
    type Reply = (Sender<Outcome>, u64);

    fn handle(
        &mut self,
        command: Append,
        engine: &mut Engine,
        now: Now,
        replies: &mut Replies<Self::Reply>,
    ) {
        let base = engine.append(command.log, command.batch, now).unwrap();
        replies.after(command.durability, (command.answer, base));
    }

    fn tick(&mut self, _: &mut Engine, _: Now, _: &mut Replies<Self::Reply>) {}

    fn stood_still(&mut self, _: Now) {
        self.still.fetch_add(1, Ordering::Relaxed);
    }

    fn next_deadline(&self) -> Option<Duration> {
        None
    }

    fn refuse(&mut self, command: Append) {
        let _ = command.answer.send(Outcome::Refused);
    }

    fn release(&mut self, (answer, base): Self::Reply, outcome: Result<(), &StorageError>) {
        let outcome = outcome.map_or(Outcome::Failed, |()| Outcome::Stored(base));
        let _ = answer.send(outcome);
    }

    fn snapshot(&self, encoder: &mut Encoder) {
        self.is_known.store(self.is_broken, Ordering::Relaxed);
        Recorder::default().snapshot(encoder);
    }

    fn failure(&self) -> Option<StorageError> {
        let is_known = self.is_known.load(Ordering::Relaxed);
        is_known.then_some(StorageError::Poisoned)
    }
}

struct Running {
    mailbox: Arc<Mailbox<Append>>,
    thread: thread::JoinHandle<Result<()>>,
    reader: LogReader,
}

fn start(disk: &SimulatedDisk, options: Options) -> Running {
    start_with(disk, options, Appender::default())
}

fn start_with(disk: &SimulatedDisk, options: Options, machine: Appender) -> Running {
    let medium: Arc<dyn Medium> = Arc::new(disk.clone());
    let (mut engine, _) = Engine::open(
        Arc::clone(&medium),
        options,
        &mut Appender::default(),
        at(0),
    )
    .unwrap();
    if engine.reader(LOG).is_none() {
        engine.create_log(LOG, Durability::Fsync, at(0));
        engine.create_log(OS, Durability::Os, at(0));
    }
    let reader = engine.reader(LOG).unwrap();
    let shard = Shard::new(engine, machine, medium, Arc::new(Ticking::default()));
    let mailbox = shard.mailbox();
    let thread = thread::spawn(move || shard.run(|| {}));
    Running {
        mailbox,
        thread,
        reader,
    }
}

impl Running {
    fn append(&self, log: LogId, durability: Durability, value: &[u8]) -> Receiver<Outcome> {
        let (answer, outcome) = channel();
        let batch = BytesMut::from(&values(&[value])[..]);
        let command = Append {
            log,
            durability,
            batch,
            answer,
        };
        assert!(self.mailbox.send(command).is_ok());
        outcome
    }

    fn stop(self) -> Result<()> {
        self.mailbox.stop();
        self.thread.join().unwrap()
    }
}

#[test]
fn what_was_acknowledged_survives_a_power_cut_at_that_moment() {
    let disk = SimulatedDisk::new();
    let running = start(&disk, small());
    for n in 0..300u64 {
        let outcome = running.append(LOG, Durability::Fsync, &noise(n, 10_000));
        assert_eq!(outcome.recv().unwrap(), Outcome::Stored(n));
        if n % 20 == 0 {
            let cut = World::open(disk.after_power_cut(|| false), small(), at(0)).unwrap();
            assert!(cut.reader(LOG).end_offset() > n);
        }
    }
    let reader = running.reader.clone();
    running.stop().unwrap();
    assert_eq!(all_values(&reader).len(), 300);
    // A clean stop leaves a snapshot of everything.
    let again = World::open(disk, small(), at(0)).unwrap();
    assert_eq!(again.recovered.replayed, 0);
    assert_eq!(all_values(&again.reader(LOG)).len(), 300);
}

#[test]
fn an_answer_that_promises_a_sync_gets_one_whatever_its_log_asks_for() {
    let disk = SimulatedDisk::new();
    let running = start(&disk, small());
    for n in 0..20u64 {
        let outcome = running.append(OS, Durability::Fsync, b"x");
        assert_eq!(outcome.recv().unwrap(), Outcome::Stored(n));
        let cut = World::open(disk.after_power_cut(|| false), small(), at(0)).unwrap();
        assert!(cut.reader(OS).end_offset() > n);
    }
    running.stop().unwrap();
}

#[test]
fn producers_at_once_are_all_answered_in_order() {
    let disk = SimulatedDisk::new();
    let running = Arc::new(start(&disk, small()));
    let producers: Vec<_> = (0..8u8)
        .map(|producer| {
            let running = Arc::clone(&running);
            thread::spawn(move || {
                let mut last = None;
                for n in 0..100u8 {
                    let outcome = running.append(LOG, Durability::Fsync, &[producer, n]);
                    let Outcome::Stored(offset) = outcome.recv().unwrap() else {
                        panic!("nothing is wrong with the disk")
                    };
                    assert!(last.is_none_or(|last| last < offset));
                    last = Some(offset);
                }
            })
        })
        .collect();
    for producer in producers {
        producer.join().unwrap();
    }
    let values = all_values(&running.reader);
    assert_eq!(values.len(), 800);
    for producer in 0..8u8 {
        let own: Vec<_> = values.iter().filter(|value| value[0] == producer).collect();
        assert!(
            own.iter()
                .enumerate()
                .all(|(n, value)| usize::from(value[1]) == n)
        );
    }
    Arc::into_inner(running).unwrap().stop().unwrap();
}

#[test]
fn a_failed_sync_fails_what_waited_for_it_and_ends_the_shard() {
    let disk = SimulatedDisk::new();
    let running = start(&disk, small());
    let first = running.append(LOG, Durability::Fsync, b"kept");
    assert_eq!(first.recv().unwrap(), Outcome::Stored(0));
    disk.inject(Fault::Sync);
    let outcome = running.append(LOG, Durability::Fsync, b"lost");
    assert_eq!(outcome.recv().unwrap(), Outcome::Failed);
    let Running {
        mailbox, thread, ..
    } = running;
    assert!(thread.join().unwrap().is_err());
    let (answer, _) = channel();
    let late = Append {
        log: LOG,
        durability: Durability::Fsync,
        batch: BytesMut::from(&values(&[b"late"])[..]),
        answer,
    };
    assert!(mailbox.send(late).is_err());
    let cut = World::open(disk.after_power_cut(|| false), small(), at(0)).unwrap();
    assert_eq!(all_values(&cut.reader(LOG)), [b"kept"]);
}

#[test]
fn a_full_medium_refuses_and_heals() {
    let disk = SimulatedDisk::new();
    let running = start(&disk, small());
    let space = disk.space().unwrap();
    disk.set_capacity(space.total_bytes - space.free_bytes);
    let mut stored = 0;
    let refused = (0..500).any(|n| {
        let outcome = running.append(LOG, Durability::Fsync, &noise(n, 30_000));
        match outcome.recv().unwrap() {
            Outcome::Stored(_) => stored += 1,
            Outcome::Refused => return true,
            Outcome::Failed => panic!("a full medium is no failure"),
        }
        false
    });
    assert!(refused);
    disk.set_capacity(1 << 40);
    let healed = (0..100_000).any(|n| {
        let outcome = running.append(LOG, Durability::Fsync, &noise(n, 300));
        outcome.recv().unwrap() != Outcome::Refused
    });
    assert!(healed);
    assert_eq!(all_values(&running.reader).len(), stored + 1);
    running.stop().unwrap();
}

fn snapshots(disk: &SimulatedDisk) -> Vec<(BlobId, u64)> {
    disk.blobs(BlobKind::Snapshot).unwrap()
}

#[test]
fn a_snapshot_that_shows_that_the_state_is_not_whole_is_not_kept() {
    for is_broken in [false, true] {
        let disk = SimulatedDisk::new();
        let machine = Appender {
            is_broken,
            ..Appender::default()
        };
        let running = start_with(&disk, small(), machine);
        let stored = running.append(LOG, Durability::Fsync, b"a").recv().unwrap();
        assert_eq!(stored, Outcome::Stored(0));
        let before = snapshots(&disk);
        assert_eq!(running.stop().is_err(), is_broken);
        assert_eq!(snapshots(&disk) == before, is_broken);
        let after = start(&disk.after_kill(), small());
        assert_eq!(all_values(&after.reader).len(), 1);
        after.stop().unwrap();
    }
}

#[test]
fn nobody_waits_for_a_shard_that_panicked() {
    let running = start(&SimulatedDisk::new(), small());
    // The machine of this test takes no appends to logs that are not there.
    let outcome = running.append(LogId(99), Durability::Fsync, b"x");
    assert!(outcome.recv().is_err());
    assert!(running.thread.join().is_err());
    let (answer, outcome) = channel();
    let command = Append {
        log: LOG,
        durability: Durability::Fsync,
        batch: BytesMut::from(&values(&[b"x"])[..]),
        answer,
    };
    assert!(running.mailbox.send(command).is_err());
    assert!(outcome.recv().is_err());
}

/// Moves only when it is told to.
#[derive(Default)]
struct ByHand(AtomicU64);

impl ByHand {
    fn pass(&self, time: Duration) {
        let millis = time.as_millis().try_into().unwrap();
        self.0.fetch_add(millis, Ordering::Relaxed);
    }
}

impl Clock for ByHand {
    fn now(&self) -> Now {
        at(self.0.load(Ordering::Relaxed))
    }
}

#[test]
fn a_machine_is_told_when_its_shard_stood_still_and_not_when_it_waited() {
    let clock = Arc::new(ByHand::default());
    let told = Arc::new(AtomicU64::new(0));
    let medium: Arc<dyn Medium> = Arc::new(SimulatedDisk::new());
    let machine = Appender {
        still: Arc::clone(&told),
        ..Appender::default()
    };
    let (engine, _) = Engine::open(
        Arc::clone(&medium),
        small(),
        &mut Appender::default(),
        at(0),
    )
    .unwrap();
    let mut shard = Shard::new(
        engine,
        machine,
        medium,
        Arc::clone(&clock) as Arc<dyn Clock>,
    );
    let mut jobs = Vec::new();
    let mut turn = || loop {
        match shard.turn(&mut |job| jobs.push(job)).unwrap() {
            Turn::Wait(patience) if jobs.is_empty() => return patience,
            Turn::Wait(_) => jobs.drain(..).for_each(BackgroundJob::run),
            _ => {}
        }
    };
    let patience = turn();
    clock.pass(patience);
    let patience = turn();
    assert_eq!(
        told.load(Ordering::Relaxed),
        0,
        "it woke when it was meant to"
    );
    clock.pass(patience + TURN_DELAY_MAX + Duration::from_millis(1));
    turn();
    assert_eq!(told.load(Ordering::Relaxed), 1);
}
