//! Whether clients should be sent here, as decided by whoever starts and stops the process.

use std::sync::Arc;

use tokio::sync::watch;

/// Where the process stands. It only ever moves down this list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum State {
    /// Recovering, or not listening yet.
    Starting,
    /// Serving.
    Ready,
    /// Stopping: what was begun is finished, nothing new should come.
    Draining,
    /// Not serving any more, and why. Only a restart helps.
    Failed(String),
}

impl State {
    /// One word for it.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Starting => "starting",
            Self::Ready => "ready",
            Self::Draining => "draining",
            Self::Failed(_) => "failed",
        }
    }

    fn rank(&self) -> u8 {
        match self {
            Self::Starting => 0,
            Self::Ready => 1,
            Self::Draining => 2,
            Self::Failed(_) => 3,
        }
    }
}

/// A handle to the state. Clones share it.
#[derive(Clone, Debug)]
pub struct Readiness(Arc<watch::Sender<State>>);

impl Default for Readiness {
    fn default() -> Self {
        Self(Arc::new(watch::Sender::new(State::Starting)))
    }
}

impl Readiness {
    /// Says that clients may come.
    pub fn ready(&self) {
        self.advance(State::Ready);
    }

    /// Says that the process is stopping.
    pub fn draining(&self) {
        self.advance(State::Draining);
    }

    /// Says that it cannot go on. The first reason stays: later failures follow from it.
    pub fn failed(&self, reason: impl Into<String>) {
        self.advance(State::Failed(reason.into()));
    }

    /// Where it stands.
    pub fn state(&self) -> State {
        self.0.borrow().clone()
    }

    /// A late word from a slower thread must not call clients back to a process that is going.
    fn advance(&self, to: State) {
        self.0.send_if_modified(|state| {
            let forward = to.rank() > state.rank();
            if forward {
                *state = to;
            }
            forward
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_state_never_moves_back() {
        let readiness = Readiness::default();
        assert_eq!(readiness.state(), State::Starting);
        readiness.ready();
        readiness.clone().draining();
        readiness.ready();
        assert_eq!(readiness.state(), State::Draining);
        readiness.failed("the disk is gone");
        readiness.failed("and so is everything else");
        readiness.draining();
        assert_eq!(
            readiness.state(),
            State::Failed("the disk is gone".to_owned())
        );
    }
}
