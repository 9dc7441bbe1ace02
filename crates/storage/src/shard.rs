//! A shard in production: the one thread that owns an engine and the state machine on top of it.
//!
//! The thread drains its mailbox, lets the state machine apply every command, writes what that
//! stored as one journal entry, makes it durable once, and releases all the replies that waited for
//! it. While that write is on its way the next commands gather. That is the whole group commit: no
//! timer, no linger, no lock around the state.
//!
//! All that is a [`Shard::turn`], which waits for nothing but its medium. [`Shard::run`] adds what
//! only a process can: the waiting, and threads for background jobs. A simulation adds its own.
//!
//! To wake a thread costs ten times what most commands take. So while the shard's thread waits, its
//! mailbox lends the shard to whoever sends a command that is soon done, and the sender's thread
//! serves it ([`Shard::turn_in_passing`]). What takes longer, above all a sync, is left to the
//! shard's own thread; and everything, for a while, once a write has taken long.

mod mailbox;
mod metrics;
mod replies;

use std::collections::VecDeque;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use crate::clock::{Clock, Now, SteadyWall};
use crate::codec::Encoder;
use crate::engine::{Engine, Job, Replay, Room};
use crate::error::{Result, StorageError};
use crate::limits::{KEPT_AFTER_SLOW, LENT_SLOW, TURN_DELAY_MAX};
use crate::media::Medium;

pub use mailbox::{Closed, Mailbox};
pub use metrics::{Counter, Histogram, ShardMetrics};
pub use replies::Replies;

use mailbox::{Message, Served};

/// Something the state machine is asked to do.
pub trait Command: Send + 'static {
    /// Bytes of batches that it brings to the journal.
    fn batch_bytes(&self) -> usize;
    /// Whether it keeps consumers going, so that it is served even when the medium is full.
    fn is_essential(&self) -> bool;
    /// Whether it is soon done, so that whoever sends it may serve it rather than wake the shard.
    fn is_quick(&self) -> bool;
}

/// The state machine on top of an engine: a function of (state, command, now).
pub trait Machine: Replay + Send + 'static {
    /// What it can be asked.
    type Command: Command;
    /// An answer, with whom it is for.
    type Reply: Send;

    /// Applies a command. What it stores through `engine` is durable before a reply is released
    /// that was given to `replies` as waiting for it.
    fn handle(
        &mut self,
        command: Self::Command,
        engine: &mut Engine,
        now: Now,
        replies: &mut Replies<Self::Reply>,
    );

    /// Does what time alone demands.
    fn tick(&mut self, engine: &mut Engine, now: Now, replies: &mut Replies<Self::Reply>);

    /// The shard has stood still although it had something to do: its process was stopped, its
    /// machine was paused, its disk hung. Whoever seems silent now may only not have been heard.
    fn stood_still(&mut self, _now: Now) {}

    /// The medium is full from now on, or has space again ([`Engine::is_full`]).
    fn space_changed(&mut self, _is_full: bool) {}

    /// When [`Machine::tick`] next has something to do, on the monotonic clock.
    fn next_deadline(&self) -> Option<Duration>;

    /// Answers a command that was not applied because the medium is full.
    fn refuse(&mut self, command: Self::Command);

    /// Lets a reply go. With an error, what it promises did not become durable.
    fn release(&mut self, reply: Self::Reply, outcome: Result<(), &StorageError>);

    /// Encodes the state as of now, for [`Replay::restore`].
    fn snapshot(&self, encoder: &mut Encoder);

    /// What is wrong, if the state is not whole any more. That is final, and nothing it says counts.
    fn failure(&self) -> Option<StorageError> {
        None
    }
}

/// A shard that is about to run.
pub struct Shard<M: Machine> {
    engine: Engine,
    machine: M,
    medium: Arc<dyn Medium>,
    clock: Arc<dyn Clock>,
    mailbox: Arc<Mailbox<M::Command>>,
    metrics: Arc<ShardMetrics>,
    jobs_running: usize,
    /// What the machine was last told.
    is_full: bool,
    /// Commands that wait for room in the journal, and what came after them.
    inbox: VecDeque<Message<M::Command>>,
    replies: Replies<M::Reply>,
    stopping: bool,
    /// When the next turn is to begin at the latest, on the monotonic clock.
    turn_due: Duration,
    wall: SteadyWall,
    /// What ended it while it was served in passing: its own thread is to hear of that.
    failure: Option<StorageError>,
    /// Until when nobody serves it in passing, on the monotonic clock.
    kept_until: Duration,
}

/// What a shard wants after a turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Turn {
    /// Another turn at once.
    Again,
    /// Another turn when something is in its mailbox, or after this time.
    Wait(Duration),
    /// Nothing: it was told to stop, and everything is on the medium.
    Stopped,
}

/// A background job on its way, to be run where blocking is allowed; it reports to the mailbox.
pub struct BackgroundJob {
    name: &'static str,
    run: Box<dyn FnOnce() + Send>,
}

impl BackgroundJob {
    /// What it does.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// Does it. Blocks.
    pub fn run(self) {
        (self.run)();
    }
}

impl std::fmt::Debug for BackgroundJob {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name)
    }
}

/// Closes the mailbox when the shard ends, even by a panic: whoever still sends learns that nobody
/// answers.
impl<M: Machine> Drop for Shard<M> {
    fn drop(&mut self) {
        self.mailbox.close();
    }
}

impl<M: Machine> Shard<M> {
    /// Joins an opened engine and the machine that was replayed with it.
    pub fn new(engine: Engine, machine: M, medium: Arc<dyn Medium>, clock: Arc<dyn Clock>) -> Self {
        Self {
            engine,
            machine,
            medium,
            clock,
            mailbox: Arc::new(Mailbox::new()),
            metrics: Arc::default(),
            jobs_running: 0,
            is_full: false,
            inbox: VecDeque::new(),
            replies: Replies::default(),
            stopping: false,
            turn_due: Duration::MAX,
            wall: SteadyWall::default(),
            failure: None,
            kept_until: Duration::ZERO,
        }
    }

    /// Where commands are sent.
    pub fn mailbox(&self) -> Arc<Mailbox<M::Command>> {
        Arc::clone(&self.mailbox)
    }

    /// What the shard counts.
    pub fn metrics(&self) -> Arc<ShardMetrics> {
        Arc::clone(&self.metrics)
    }

    /// Runs until it is told to stop, or until the journal fails. Blocks the thread.
    ///
    /// `help` is called over and over while a sender is kept by what it serves in passing: the medium hangs, and
    /// whatever else that sender's thread had to do needs another one.
    pub fn run(self, help: impl Fn()) -> Result<()> {
        let mailbox = self.mailbox();
        let outcome = serve(&mailbox, Box::new(self), &help);
        if let Err(error) = &outcome {
            tracing::error!(%error, "the journal failed; no more writes are taken");
        }
        outcome
    }

    /// One round: takes what has arrived, applies it, commits it, and releases the replies. Jobs that
    /// are due are handed to `start`. An error is final.
    pub fn turn(&mut self, start: &mut dyn FnMut(BackgroundJob)) -> Result<Turn> {
        if let Some(error) = self.failure.take() {
            return Err(error);
        }
        self.mailbox.take(&mut self.inbox);
        let now = self.wall.believe(self.clock.now());
        self.note_delay(self.turn_due, now);
        self.take_news(now);
        self.apply(now);
        self.commit(now)?;

        let began = now.monotonic;
        let now = self.wall.believe(self.clock.now());
        self.note_delay(began, now);
        self.start_jobs(now, start)?;
        let idle = self.inbox.is_empty() && !self.engine.has_work() && self.jobs_running == 0;
        if self.stopping && idle && self.mailbox.is_empty() {
            return self.close().map(|()| Turn::Stopped);
        }
        let patience = self.patience(now);
        self.turn_due = now.monotonic.saturating_add(patience);
        Ok(if patience.is_zero() || !self.mailbox.is_empty() {
            Turn::Again
        } else {
            Turn::Wait(patience)
        })
    }

    /// A round on a thread that has other things to do, instead of one that the shard waits for. It ends
    /// where it would wait for the medium to sync, and where something larger is due. Returns after
    /// which time the shard wants another one, or none if what is left is for [`Shard::turn`].
    pub fn turn_in_passing(&mut self) -> Option<Duration> {
        self.mailbox.take(&mut self.inbox);
        if self.has_news() {
            return None;
        }
        let now = self.wall.believe(self.clock.now());
        self.note_delay(self.turn_due, now);
        self.turn_due = now.monotonic;
        self.apply(now);
        let waits_for_sync = !self.replies.after_sync.is_empty();
        if waits_for_sync || !self.inbox.is_empty() || !self.engine.is_write_quick() {
            return None;
        }
        if let Err(error) = self.commit(now) {
            self.failure = Some(error);
            return None;
        }
        let ended = self.clock.now().monotonic;
        let took = ended.saturating_sub(now.monotonic);
        if took > LENT_SLOW {
            tracing::debug!(?took, "a sender was kept by what it served in passing");
            self.kept_until = ended.saturating_add(KEPT_AFTER_SLOW);
            return None;
        }
        if self.engine.wants_maintenance(now) || !self.mailbox.is_empty() {
            return None;
        }
        let patience = self.patience(now);
        self.turn_due = now.monotonic.saturating_add(patience);
        (!patience.is_zero()).then_some(patience)
    }

    /// Applies what is in the inbox, and what time demands.
    fn apply(&mut self, now: Now) {
        if self.is_full != self.engine.is_full() {
            self.is_full = self.engine.is_full();
            self.machine.space_changed(self.is_full);
        }
        self.handle_commands(now);
        // What a tick stores needs room as a command's does.
        if self.has_room_for_tick() {
            self.machine.tick(&mut self.engine, now, &mut self.replies);
        }
    }

    fn note_delay(&mut self, due: Duration, now: Now) {
        let late = now.monotonic.saturating_sub(due);
        if late > TURN_DELAY_MAX {
            tracing::debug!(?late, "the shard stood still");
            self.machine.stood_still(now);
        }
    }

    /// Finished jobs and the word to stop come before commands that may wait for them.
    fn take_news(&mut self, now: Now) {
        if !self.has_news() {
            return;
        }
        let mut jobs = Vec::new();
        let mut commands = VecDeque::with_capacity(self.inbox.len());
        for message in self.inbox.drain(..) {
            match message {
                Message::Command(_) => commands.push_back(message),
                Message::JobDone(done) => jobs.push(done),
                Message::Stop => self.stopping = true,
            }
        }
        self.inbox = commands;
        for done in jobs {
            self.jobs_running -= 1;
            self.engine.finish_job(done, now);
        }
    }

    fn has_news(&self) -> bool {
        let is_command = |message: &Message<_>| matches!(message, Message::Command(_));
        !self.inbox.iter().all(is_command)
    }

    /// Applies commands in order, as far as the journal has room.
    fn handle_commands(&mut self, now: Now) {
        while let Some(Message::Command(command)) = self.inbox.front() {
            match self
                .engine
                .room(command.batch_bytes(), command.is_essential())
            {
                Room::Now => {
                    let Some(Message::Command(command)) = self.inbox.pop_front() else {
                        return;
                    };
                    self.metrics.commands.add(1);
                    self.machine
                        .handle(command, &mut self.engine, now, &mut self.replies);
                }
                Room::Full => {
                    let Some(Message::Command(command)) = self.inbox.pop_front() else {
                        return;
                    };
                    self.metrics.refused_full.add(1);
                    self.machine.refuse(command);
                }
                Room::AfterCommit | Room::AfterSpare => return,
            }
        }
    }

    fn commit(&mut self, now: Now) -> Result<()> {
        let mut replies = std::mem::take(&mut self.replies);
        let outcome = self.commit_and_release(now, &mut replies);
        if let Err(error) = &outcome {
            self.release(&mut replies.after_write, Err(error));
            self.release(&mut replies.after_sync, Err(error));
        }
        // Their room is used again.
        self.replies = replies;
        outcome
    }

    fn commit_and_release(&mut self, now: Now, replies: &mut Replies<M::Reply>) -> Result<()> {
        self.check()?;
        self.release(&mut replies.at_once, Ok(()));
        let started = self.clock.now().monotonic;
        let bytes = self.engine.gathered_bytes();
        if !replies.after_sync.is_empty() {
            self.engine.require_sync();
        }
        if !self.engine.has_work() {
            self.release(&mut replies.after_write, Ok(()));
            self.release(&mut replies.after_sync, Ok(()));
            return Ok(());
        }
        self.engine.write(now)?;
        self.release(&mut replies.after_write, Ok(()));
        if self.engine.sync_due() {
            self.engine.sync()?;
            let took = self.clock.now().monotonic.saturating_sub(started);
            self.metrics.commit_seconds.observe(took.as_secs_f64());
        }
        self.metrics.commits.add(1);
        self.metrics.commit_bytes.observe(bytes as f64);
        self.metrics
            .commit_replies
            .observe(replies.after_sync.len() as f64);
        self.release(&mut replies.after_sync, Ok(()));
        Ok(())
    }

    fn release(&mut self, replies: &mut Vec<M::Reply>, outcome: Result<(), &StorageError>) {
        for reply in replies.drain(..) {
            self.machine.release(reply, outcome);
        }
    }

    fn start_jobs(&mut self, now: Now, start: &mut dyn FnMut(BackgroundJob)) -> Result<()> {
        let machine = &self.machine;
        let jobs = self
            .engine
            .maintain(now, |encoder| machine.snapshot(encoder))?;
        self.check()?;
        for job in jobs {
            self.jobs_running += 1;
            start(self.background(job));
        }
        Ok(())
    }

    /// Whether the machine's state is whole. A snapshot may be what shows that it is not.
    fn check(&self) -> Result<()> {
        self.machine.failure().map_or(Ok(()), Err)
    }

    fn background(&self, job: Job) -> BackgroundJob {
        let medium = Arc::clone(&self.medium);
        let mailbox = Arc::clone(&self.mailbox);
        BackgroundJob {
            name: job.name(),
            run: Box::new(move || mailbox.job_done(job.run(medium.as_ref()))),
        }
    }

    fn has_room_for_tick(&mut self) -> bool {
        self.engine.room(0, true) == Room::Now
    }

    /// How long to wait for mail: not at all while something can be done, otherwise until the engine
    /// or the machine has something to do by itself. A finished job wakes the shard as mail does.
    fn patience(&mut self, now: Now) -> Duration {
        let blocked = match self.inbox.front() {
            Some(Message::Command(command)) => {
                let room = self
                    .engine
                    .room(command.batch_bytes(), command.is_essential());
                room == Room::AfterSpare
            }
            Some(_) => false,
            None => true,
        };
        if !blocked || self.engine.has_work() {
            return Duration::ZERO;
        }
        let mut due = self.engine.next_due();
        if let Some(deadline) = self.machine.next_deadline()
            && self.has_room_for_tick()
        {
            due = due.min(deadline);
        }
        due.saturating_sub(now.monotonic)
    }

    /// A clean end: a snapshot, so that the next start replays nothing.
    fn close(&mut self) -> Result<()> {
        let machine = &self.machine;
        let job = self
            .engine
            .snapshot_job(|encoder| machine.snapshot(encoder))?;
        self.check()?;
        let done = job.run(self.medium.as_ref());
        let now = self.clock.now();
        self.engine.finish_job(done, now);
        Ok(())
    }
}

impl<M: Machine> Served for Shard<M> {
    fn turn(&mut self) -> Result<Turn> {
        Self::turn(self, &mut spawn)
    }

    fn turn_in_passing(&mut self) -> bool {
        Self::turn_in_passing(self).is_some()
    }

    fn may_be_lent(&self) -> bool {
        self.clock.now().monotonic >= self.kept_until
    }

    fn due(&self) -> Duration {
        self.turn_due
    }

    fn patience(&self) -> Duration {
        let now = self.clock.now().monotonic;
        self.turn_due.saturating_sub(now)
    }
}

/// Gives a shard its turns and lends it between them, until it ends.
fn serve<C>(mailbox: &Mailbox<C>, mut shard: Box<dyn Served>, help: &dyn Fn()) -> Result<()> {
    loop {
        match shard.turn()? {
            Turn::Again => {}
            Turn::Wait(_) => shard = mailbox.lend(shard, help),
            Turn::Stopped => return Ok(()),
        }
    }
}

fn spawn(job: BackgroundJob) {
    let spawned = thread::Builder::new()
        .name("forebay-job".to_owned())
        .spawn(move || {
            yield_to_clients();
            job.run();
        });
    // Without threads the process cannot go on anyway; saying so beats limping.
    spawned.expect("the operating system has a thread for a background job");
}

/// Lets threads that somebody waits for go first: 10 is what nice(1) adds. On Linux a thread has a
/// priority of its own, setpriority(2). Without it the job is only in the way.
#[cfg(target_os = "linux")]
fn yield_to_clients() {
    let _ = rustix::process::setpriority_process(None, 10);
}

#[cfg(not(target_os = "linux"))]
fn yield_to_clients() {}
