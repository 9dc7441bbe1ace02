//! The queue into a shard. Its memory is bounded by who sends: every gateway admits requests against
//! a budget of bytes before it takes them off the wire.
//!
//! It also has the shard while that waits, and lends it to senders.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};

use super::{Command, Turn};
use crate::engine::JobDone;
use crate::error::Result;

/// The shard has stopped and will answer nothing more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the shard has stopped")]
pub struct Closed;

pub(super) enum Message<C> {
    Command(C),
    JobDone(JobDone),
    Stop,
}

/// A shard as its mailbox knows it.
pub(super) trait Served: Send {
    /// One round, on the shard's own thread.
    fn turn(&mut self) -> Result<Turn>;

    /// One round on a thread that has other things to do: it ends where it would wait for the medium
    /// to sync or where something larger is due. Returns after which time the shard wants another one,
    /// or none if what is left is for its own thread.
    fn turn_in_passing(&mut self) -> Option<Duration>;
}

/// Commands on their way to a shard.
pub struct Mailbox<C> {
    state: Mutex<State<C>>,
    /// The shard's own thread is wanted.
    wanted: Condvar,
}

struct State<C> {
    messages: VecDeque<Message<C>>,
    /// The shard, while its own thread waits and no sender has it.
    idle: Option<Idle>,
    /// When the shard's own thread looks again by itself.
    alarm: Option<Instant>,
    closed: bool,
}

struct Idle {
    shard: Box<dyn Served>,
    /// When it wants its next turn; none is at once, on its own thread.
    due: Due,
}

#[derive(Clone, Copy)]
enum Due {
    /// At once, on its own thread.
    Now,
    At(Instant),
    /// In longer than anybody can say.
    Never,
}

impl Due {
    fn is_now(self) -> bool {
        matches!(self, Self::Now)
    }

    fn after(patience: Duration) -> Self {
        Instant::now()
            .checked_add(patience)
            .map_or(Self::Never, Self::At)
    }
}

impl<C: Command> Mailbox<C> {
    /// Sends a command; it comes back when the shard has stopped. If the shard waits and the command is
    /// quick, the calling thread serves it: call without locks that anything on the way to an answer
    /// may want.
    pub fn send(&self, command: C) -> Result<(), C> {
        let is_quick = command.is_quick();
        let mut state = self.state.lock();
        if state.closed {
            return Err(command);
        }
        state.messages.push_back(Message::Command(command));
        // If it is not alone, or the shard wants its own thread, that is on its way.
        let is_alone = state.messages.len() == 1;
        let lent = state
            .idle
            .take_if(|idle| is_quick && is_alone && !idle.due.is_now());
        match lent {
            Some(idle) => {
                drop(state);
                self.serve_in_passing(idle.shard);
            }
            None => self.wake(state),
        }
        Ok(())
    }

    fn serve_in_passing(&self, mut shard: Box<dyn Served>) {
        // A sender outlives what it runs into here. The shard does not: dropping it closes the mailbox.
        let turn = AssertUnwindSafe(|| shard.turn_in_passing());
        let Ok(turn) = catch_unwind(turn) else {
            drop(shard);
            return;
        };
        let due = turn.map_or(Due::Now, Due::after);
        let mut state = self.state.lock();
        state.idle = Some(Idle { shard, due });
        let in_time = match (due, state.alarm) {
            (Due::Never, _) => true,
            (Due::At(due), Some(alarm)) => alarm <= due,
            (Due::At(_), None) | (Due::Now, _) => false,
        };
        if !in_time || !state.messages.is_empty() {
            self.wake(state);
        }
    }
}

impl<C> Mailbox<C> {
    pub(super) fn new() -> Self {
        let state = State {
            messages: VecDeque::new(),
            idle: None,
            alarm: None,
            closed: false,
        };
        Self {
            state: Mutex::new(state),
            wanted: Condvar::new(),
        }
    }

    /// Has the shard finish what it was sent, take a snapshot and stop.
    pub fn stop(&self) {
        let mut state = self.state.lock();
        state.messages.push_back(Message::Stop);
        self.wake(state);
    }

    pub(super) fn job_done(&self, done: JobDone) {
        let mut state = self.state.lock();
        state.messages.push_back(Message::JobDone(done));
        self.wake(state);
    }

    /// Lends the shard to senders until there is something for its own thread, at the latest for
    /// `patience`. Panics if it does not come back.
    pub(super) fn lend(&self, shard: Box<dyn Served>, patience: Duration) -> Box<dyn Served> {
        let due = Due::after(patience);
        let mut state = self.state.lock();
        state.idle = Some(Idle { shard, due });
        loop {
            let wanted = !state.messages.is_empty();
            match state.idle.take_if(|idle| wanted || idle.is_due()) {
                Some(idle) => return idle.shard,
                None => assert!(!state.closed, "the shard panicked on a sender's thread"),
            }
            state.alarm = match &state.idle {
                Some(Idle {
                    due: Due::At(due), ..
                }) => Some(*due),
                // Whoever has it brings it back.
                _ => None,
            };
            match state.alarm {
                Some(alarm) => drop(self.wanted.wait_until(&mut state, alarm)),
                None => self.wanted.wait(&mut state),
            }
        }
    }

    /// Moves what has arrived to the end of `inbox`.
    pub(super) fn take(&self, inbox: &mut VecDeque<Message<C>>) {
        let mut state = self.state.lock();
        if inbox.is_empty() {
            std::mem::swap(inbox, &mut state.messages);
        } else {
            inbox.append(&mut state.messages);
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.state.lock().messages.is_empty()
    }

    pub(super) fn close(&self) {
        let mut state = self.state.lock();
        state.closed = true;
        // Dropping a command drops the way back to whoever asked, which tells them.
        state.messages.clear();
        self.wanted.notify_one();
    }

    /// A shard that is at work, on whatever thread, looks into its mailbox anyway; only a waiting one
    /// needs a system call.
    fn wake(&self, state: parking_lot::MutexGuard<'_, State<C>>) {
        let waiting = state.idle.is_some();
        drop(state);
        if waiting {
            self.wanted.notify_one();
        }
    }
}

impl Idle {
    fn is_due(&self) -> bool {
        match self.due {
            Due::Now => true,
            Due::At(due) => due <= Instant::now(),
            Due::Never => false,
        }
    }
}
