//! The queue into a shard. Its memory is bounded by who sends: every gateway admits requests against
//! a budget of bytes before it takes them off the wire.

use std::collections::VecDeque;
use std::time::Duration;

use parking_lot::{Condvar, Mutex};

use crate::engine::JobDone;

/// The shard has stopped and will answer nothing more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the shard has stopped")]
pub struct Closed;

pub(super) enum Message<C> {
    Command(C),
    JobDone(JobDone),
    Stop,
}

/// Commands on their way to a shard.
pub struct Mailbox<C> {
    state: Mutex<State<C>>,
    arrived: Condvar,
}

struct State<C> {
    messages: VecDeque<Message<C>>,
    waiting: bool,
    closed: bool,
}

impl<C> Mailbox<C> {
    pub(super) fn new() -> Self {
        let state = State {
            messages: VecDeque::new(),
            waiting: false,
            closed: false,
        };
        Self {
            state: Mutex::new(state),
            arrived: Condvar::new(),
        }
    }

    /// Sends a command; it comes back when the shard has stopped.
    pub fn send(&self, command: C) -> Result<(), C> {
        let mut state = self.state.lock();
        if state.closed {
            return Err(command);
        }
        state.messages.push_back(Message::Command(command));
        self.wake(state);
        Ok(())
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

    /// Waits until there is something, or until `patience` is over.
    pub(super) fn wait(&self, patience: Duration) {
        let mut state = self.state.lock();
        if state.messages.is_empty() {
            state.waiting = true;
            self.arrived.wait_for(&mut state, patience);
            state.waiting = false;
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
    }

    /// A shard that is at work looks into its mailbox anyway; only a waiting one needs a system call.
    fn wake(&self, state: parking_lot::MutexGuard<'_, State<C>>) {
        let waiting = state.waiting;
        drop(state);
        if waiting {
            self.arrived.notify_one();
        }
    }
}
