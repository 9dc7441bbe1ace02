//! A shard that waits is lent to whoever sends it something that is soon done.

#![allow(clippy::unwrap_used, reason = "a test may panic")]
#![allow(
    clippy::disallowed_methods,
    reason = "threads that wait for each other take real time"
)]

mod support;

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::{self, JoinHandle, ThreadId};
use std::time::{Duration, Instant};

use bytes::BytesMut;
use forebay_record::BatchHeader;
use forebay_storage::codec::Encoder;
use forebay_storage::limits::{KEPT_AFTER_SLOW, LENT_MAX, LENT_SLOW};
use forebay_storage::media::{Fault, Medium, SimulatedDisk};
use forebay_storage::shard::{Command, Machine, Mailbox, Replies, Shard};
use forebay_storage::{
    Clock, Durability, Engine, LogId, Now, Options, Replay, Result, StorageError,
};
use support::{Recorder, World, all_values, at, small, values};

const LOG: LogId = LogId(1);
const PATIENCE: Duration = Duration::from_secs(20);

struct Elapsed(Instant);

impl Clock for Elapsed {
    fn now(&self) -> Now {
        let passed = self.0.elapsed();
        Now::new(passed, passed.as_millis().try_into().unwrap())
    }
}

enum What {
    Append(Durability),
    /// The same, said to take long.
    AppendSlowly,
    /// To be answered when so much time has passed.
    WakeIn(Duration),
    /// As a write to a disk that hangs so long.
    Hang(Duration),
    Panic,
}

struct Ask {
    what: What,
    answer: Sender<Said>,
}

#[derive(Debug)]
struct Said {
    handled_on: ThreadId,
    released_on: ThreadId,
    is_stored: bool,
}

impl Command for Ask {
    fn batch_bytes(&self) -> usize {
        100
    }

    fn is_essential(&self) -> bool {
        true
    }

    fn is_quick(&self) -> bool {
        !matches!(self.what, What::AppendSlowly)
    }
}

#[derive(Default)]
struct Asked {
    wanted: Option<(Duration, Sender<Said>)>,
}

impl Replay for Asked {
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

impl Machine for Asked {
    type Command = Ask;
    type Reply = (Sender<Said>, ThreadId);

    fn handle(
        &mut self,
        Ask { what, answer }: Ask,
        engine: &mut Engine,
        now: Now,
        replies: &mut Replies<Self::Reply>,
    ) {
        let durability = match what {
            What::Append(durability) => durability,
            What::AppendSlowly => Durability::Os,
            What::WakeIn(time) => {
                self.wanted = Some((now.monotonic + time, answer));
                return;
            }
            What::Hang(time) => {
                thread::sleep(time);
                Durability::Os
            }
            What::Panic => panic!("asked for"),
        };
        let batch = BytesMut::from(&values(&[b"x"])[..]);
        engine.append(LOG, batch, now).unwrap();
        replies.after(durability, (answer, thread::current().id()));
    }

    fn tick(&mut self, _: &mut Engine, now: Now, replies: &mut Replies<Self::Reply>) {
        let due = self.wanted.take_if(|(due, _)| *due <= now.monotonic);
        if let Some((_, answer)) = due {
            replies.at_once((answer, thread::current().id()));
        }
    }

    fn next_deadline(&self) -> Option<Duration> {
        self.wanted.as_ref().map(|(due, _)| *due)
    }

    fn refuse(&mut self, _: Ask) {}

    fn release(&mut self, (answer, handled_on): Self::Reply, outcome: Result<(), &StorageError>) {
        let _ = answer.send(Said {
            handled_on,
            released_on: thread::current().id(),
            is_stored: outcome.is_ok(),
        });
    }

    fn snapshot(&self, encoder: &mut Encoder) {
        Recorder::default().snapshot(encoder);
    }
}

struct Running {
    disk: SimulatedDisk,
    mailbox: Arc<Mailbox<Ask>>,
    thread: JoinHandle<Result<()>>,
    /// How often help was asked for.
    helped: Arc<AtomicU32>,
}

impl Running {
    fn start() -> Self {
        Self::with(Options::default())
    }

    fn with(options: Options) -> Self {
        let disk = SimulatedDisk::new();
        let medium: Arc<dyn Medium> = Arc::new(disk.clone());
        let opened = Engine::open(Arc::clone(&medium), options, &mut Asked::default(), at(0));
        let (mut engine, _) = opened.unwrap();
        engine.create_log(LOG, Durability::Os, at(0));
        let clock = Arc::new(Elapsed(Instant::now()));
        let helped = Arc::new(AtomicU32::new(0));
        let counter = Arc::clone(&helped);
        let help = move || {
            counter.fetch_add(1, Ordering::Relaxed);
        };
        let shard = Shard::new(engine, Asked::default(), medium, clock);
        Self {
            disk,
            mailbox: shard.mailbox(),
            thread: thread::spawn(move || shard.run(help)),
            helped,
        }
    }

    fn ask(&self, what: What) -> Receiver<Said> {
        let (answer, said) = channel();
        assert!(self.mailbox.send(Ask { what, answer }).is_ok());
        said
    }

    fn said(&self, what: What) -> Said {
        self.ask(what).recv_timeout(PATIENCE).unwrap()
    }

    /// Comes back when the shard waits: it was lent.
    fn until_idle(&self) {
        let begun = Instant::now();
        while self.said(What::Append(Durability::Os)).handled_on != thread::current().id() {
            assert!(begun.elapsed() < PATIENCE, "the shard is not lent");
        }
    }

    /// Hangs so long in a shard that it was lent.
    fn hang(&self, time: Duration) {
        let begun = Instant::now();
        loop {
            self.until_idle();
            // Its own thread may have been woken after that.
            if self.said(What::Hang(time)).handled_on == thread::current().id() {
                return;
            }
            assert!(begun.elapsed() < PATIENCE, "the shard is not lent");
        }
    }

    fn stored(&self) -> usize {
        let cut = self.disk.after_power_cut(|| false);
        let cut = World::open(cut, small(), at(0)).unwrap();
        all_values(&cut.reader(LOG)).len()
    }

    fn stop(self) -> Result<()> {
        self.mailbox.stop();
        self.thread.join().unwrap()
    }
}

#[test]
fn what_is_quick_is_served_by_the_thread_that_sends_it() {
    let running = Running::start();
    running.until_idle();
    running.stop().unwrap();
}

#[test]
fn what_is_not_quick_is_left_to_the_shards_own_thread() {
    let running = Running::start();
    let me = thread::current().id();
    for _ in 0..100 {
        running.until_idle();
        let said = running.said(What::AppendSlowly);
        assert!(said.is_stored && said.handled_on != me && said.released_on != me);
    }
    running.stop().unwrap();
}

#[test]
fn nobody_who_sends_waits_for_a_sync() {
    let running = Running::start();
    let me = thread::current().id();
    let mut stored = 0;
    let mut handled_here = 0;
    for _ in 0..100 {
        running.until_idle();
        let said = running.said(What::Append(Durability::Fsync));
        assert!(said.is_stored && said.released_on != me);
        handled_here += usize::from(said.handled_on == me);
        let now = running.stored();
        assert!(now > stored, "it was answered and is not durable");
        stored = now;
    }
    assert!(
        handled_here > 0,
        "what needs no sync is done by whoever sends"
    );
    running.stop().unwrap();
}

#[test]
fn a_deadline_that_was_set_in_passing_is_kept() {
    let running = Running::start();
    for _ in 0..10 {
        running.until_idle();
        let begun = Instant::now();
        let time = Duration::from_millis(20);
        let said = running.said(What::WakeIn(time));
        assert!(said.is_stored && begun.elapsed() >= time);
        assert_ne!(said.handled_on, thread::current().id());
    }
    running.stop().unwrap();
}

#[test]
fn a_write_that_fails_in_passing_ends_the_shard_with_what_it_was() {
    let running = Running::start();
    running.until_idle();
    running.disk.inject(Fault::Write);
    assert!(!running.said(What::Append(Durability::Os)).is_stored);
    let ended = running.thread.join().unwrap();
    assert!(matches!(ended, Err(StorageError::Io { .. })), "{ended:?}");
    let (answer, _said) = channel();
    let what = What::Append(Durability::Os);
    assert!(running.mailbox.send(Ask { what, answer }).is_err());
}

#[test]
fn help_is_called_while_a_sender_is_kept() {
    let running = Running::start();
    let before = running.helped.load(Ordering::Relaxed);
    running.hang(5 * LENT_MAX);
    assert!(running.helped.load(Ordering::Relaxed) > before);
    running.stop().unwrap();
}

#[test]
fn after_something_slow_the_shard_is_not_lent_for_a_while() {
    let running = Running::start();
    running.hang(2 * LENT_SLOW);
    let begun = Instant::now();
    while begun.elapsed() < KEPT_AFTER_SLOW / 2 {
        let said = running.said(What::Append(Durability::Os));
        assert_ne!(said.handled_on, thread::current().id());
    }
    running.until_idle();
    assert!(begun.elapsed() + LENT_SLOW >= KEPT_AFTER_SLOW);
    running.stop().unwrap();
}

#[test]
fn nothing_is_lent_that_nobody_watches() {
    let running = Running::start();
    running.until_idle();
    thread::sleep(3 * LENT_MAX);
    let said = running.said(What::Append(Durability::Os));
    assert_ne!(said.handled_on, thread::current().id(), "its thread slept");
    running.until_idle();
    running.stop().unwrap();
}

#[test]
fn a_panic_in_passing_ends_the_shard_and_not_the_sender() {
    let running = Running::start();
    running.until_idle();
    assert!(running.ask(What::Panic).recv_timeout(PATIENCE).is_err());
    assert!(running.thread.join().is_err());
    let (answer, _said) = channel();
    let what = What::Append(Durability::Os);
    assert!(running.mailbox.send(Ask { what, answer }).is_err());
}

#[test]
fn senders_at_once_are_all_served_over_rolls_and_jobs() {
    let running = Arc::new(Running::with(small()));
    let senders: Vec<_> = (0..4u32)
        .map(|sender| {
            let running = Arc::clone(&running);
            thread::spawn(move || {
                for n in 0..500 {
                    let what = match (sender + n) % 5 {
                        0 => What::Append(Durability::Fsync),
                        1 => What::AppendSlowly,
                        _ => What::Append(Durability::Os),
                    };
                    assert!(running.said(what).is_stored);
                }
            })
        })
        .collect();
    for sender in senders {
        sender.join().unwrap();
    }
    let running = Arc::into_inner(running).unwrap();
    let disk = running.disk.clone();
    running.stop().unwrap();
    let again = World::open(disk, small(), at(0)).unwrap();
    assert_eq!(again.recovered.replayed, 0);
    assert_eq!(all_values(&again.reader(LOG)).len(), 2_000);
}
