//! A whole shard under the same producers.

use std::path::Path;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use forebay_record::{BatchBuilder, BatchHeader};
use forebay_storage::codec::Encoder;
use forebay_storage::shard::{Command, Machine, Mailbox, Replies, Shard};
use forebay_storage::{
    Clock, Durability, Engine, LocalDisk, LogId, Medium, Now, Options, Replay, Result, StorageError,
};

use super::{MESSAGE_BYTES, Measured, Target, Waiter, produce};

const LOG: LogId = LogId(1);
/// Messages of one producer that fill the first journal file, which is small, before the clock starts.
const WARM_UP: Duration = Duration::from_millis(700);

/// Has the producers send to a shard with a data folder in `folder`.
pub fn measure(folder: &Path, producers: usize, time: Duration) -> Measured {
    let root = folder.join("group_commit.data");
    let _ = std::fs::remove_dir_all(&root);
    let medium: Arc<dyn Medium> = Arc::new(LocalDisk::open(&root).expect("a fresh folder"));
    let clock = Arc::new(SystemClock(Instant::now()));
    let mut machine = Appender;
    let (options, now) = (Options::default(), clock.now());
    let opened = Engine::open(Arc::clone(&medium), options, &mut machine, now);
    let (mut engine, _) = opened.expect("a fresh folder opens");
    engine.create_log(LOG, Durability::Fsync, now);
    let shard = Shard::new(engine, machine, medium, clock);
    let metrics = shard.metrics();
    let mailbox = shard.mailbox();
    let running = thread::spawn(move || shard.run(|| {}));
    let target: Arc<dyn Target> = Arc::new(ShardTarget {
        mailbox: Arc::clone(&mailbox),
        batch: batch(),
    });
    produce(&target, producers, WARM_UP);
    let written = || (metrics.commits.value(), metrics.commit_bytes.sum());
    let before = written();
    let (latencies, took) = produce(&target, producers, time);
    let after = written();
    mailbox.stop();
    let outcome = running.join().expect("the shard does not panic");
    outcome.expect("the disk works");
    std::fs::remove_dir_all(&root).expect("the folder is there");
    Measured {
        latencies,
        time: took,
        commits: after.0 - before.0,
        bytes: (after.1 - before.1) as u64,
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

    fn is_quick(&self) -> bool {
        true
    }
}

struct Appender;

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
    type Reply = Arc<Waiter>;

    fn handle(
        &mut self,
        command: Append,
        engine: &mut Engine,
        now: Now,
        replies: &mut Replies<Arc<Waiter>>,
    ) {
        let appended = engine.append(LOG, command.batch, now);
        appended.expect("the log exists");
        replies.after(Durability::Fsync, command.waiter);
    }

    fn tick(&mut self, _: &mut Engine, _: Now, _: &mut Replies<Arc<Waiter>>) {}

    fn next_deadline(&self) -> Option<Duration> {
        None
    }

    fn refuse(&mut self, command: Append) {
        panic!("the disk has space for {} bytes", command.batch.len());
    }

    fn release(&mut self, reply: Arc<Waiter>, outcome: Result<(), &StorageError>) {
        outcome.expect("the disk works");
        reply.acknowledge();
    }

    fn snapshot(&self, _encoder: &mut Encoder) {}
}

struct SystemClock(Instant);

impl Clock for SystemClock {
    fn now(&self) -> Now {
        Now::new(self.0.elapsed(), 0)
    }
}
