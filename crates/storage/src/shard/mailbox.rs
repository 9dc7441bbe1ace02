//! The queue into a shard. Its memory is bounded by who sends: every gateway admits requests against
//! a budget of bytes before it takes them off the wire.
//!
//! It also has the shard while that waits, and lends it to senders.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use parking_lot::{Condvar, Mutex, MutexGuard};

use super::{Command, Turn};
use crate::engine::JobDone;
use crate::error::Result;
use crate::limits::LENT_MAX;

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
    /// [`Shard::turn`](super::Shard::turn), with threads for jobs.
    fn turn(&mut self) -> Result<Turn>;

    /// [`Shard::turn_in_passing`](super::Shard::turn_in_passing). Returns whether the shard waits again.
    fn turn_in_passing(&mut self) -> bool;

    /// Whether its medium answers at once, as far as is known: a thread that serves it in passing has other
    /// things to do.
    fn may_be_lent(&self) -> bool;

    /// When it wants its next turn if nothing arrives, on the monotonic clock.
    fn due(&self) -> Duration;

    /// How long it is until then.
    fn patience(&self) -> Duration;
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
    /// When the shard's own thread looks again by itself, on the monotonic clock.
    alarm: Option<Duration>,
    /// The shard may be lent: its own thread is up every [`LENT_MAX`], to see that it comes back.
    is_watched: bool,
    /// How often it was lent.
    loans: u64,
    closed: bool,
}

struct Idle {
    shard: Box<dyn Served>,
    /// It wants a turn on its own thread, at once.
    is_wanted: bool,
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
        let may_lend = is_quick && is_alone && state.is_watched;
        let lent = state.idle.take_if(|idle| may_lend && !idle.is_wanted);
        match lent {
            Some(idle) => {
                state.loans += 1;
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
        let Ok(waits) = catch_unwind(turn) else {
            drop(shard);
            return;
        };
        let mut state = self.state.lock();
        let in_time = state.alarm.is_some_and(|alarm| alarm <= shard.due());
        let is_wanted = !waits;
        state.idle = Some(Idle { shard, is_wanted });
        if is_wanted || !in_time || !state.messages.is_empty() {
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
            is_watched: false,
            loans: 0,
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

    /// Lends the shard to senders until there is something for its own thread, at the latest when it is
    /// due. Calls `help` for as long as one keeps it. Panics if it does not come back.
    ///
    /// Nobody is woken to say that it was lent. So the thread looks by itself, and sleeps on, with nothing
    /// lent, once nobody has asked between two looks.
    pub(super) fn lend(&self, shard: Box<dyn Served>, help: &dyn Fn()) -> Box<dyn Served> {
        let mut state = self.state.lock();
        state.is_watched = shard.may_be_lent();
        state.idle = Some(Idle {
            shard,
            is_wanted: false,
        });
        let mut loans = state.loans;
        loop {
            let has_mail = !state.messages.is_empty();
            match state.idle.take() {
                Some(idle) => {
                    let patience = idle.shard.patience();
                    if has_mail || idle.is_wanted || patience.is_zero() {
                        return idle.shard;
                    }
                    state.alarm = Some(idle.shard.due());
                    state.idle = Some(idle);
                    let wait = match state.is_watched {
                        true => patience.min(LENT_MAX),
                        false => patience,
                    };
                    let is_over = self.wanted.wait_for(&mut state, wait).timed_out();
                    state.is_watched &= !is_over || state.loans > loans;
                }
                None => {
                    assert!(!state.closed, "the shard panicked on a sender's thread");
                    // Whoever has it brings it back.
                    state.alarm = None;
                    let is_over = self.wanted.wait_for(&mut state, LENT_MAX).timed_out();
                    if is_over && state.idle.is_none() && state.loans == loans {
                        MutexGuard::unlocked(&mut state, help);
                    }
                }
            }
            loans = state.loans;
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
    fn wake(&self, state: MutexGuard<'_, State<C>>) {
        let waiting = state.idle.is_some();
        drop(state);
        if waiting {
            self.wanted.notify_one();
        }
    }
}
