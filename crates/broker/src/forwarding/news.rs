//! What wakes a follower: partitions that grew, and the end.

use std::collections::BTreeSet;

use forebay_storage::Observer;
use parking_lot::Mutex;
use tokio::sync::Notify;

/// What has happened that a follower has not looked at.
#[derive(Debug, Default)]
pub(super) struct News {
    state: Mutex<State>,
    changed: Notify,
}

#[derive(Debug, Default)]
struct State {
    /// The partitions that may have something.
    partitions: BTreeSet<u64>,
    /// The one that was looked at last.
    last: Option<u64>,
    /// The topic may have grown.
    look: bool,
    ended: bool,
}

/// What a follower is to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// To look which partitions there are.
    Look,
    /// To read this partition.
    Partition(u64),
    /// To end.
    End,
}

impl Observer for News {
    fn log_changed(&self, key: u64, _bytes: u64) {
        self.tell(|state| {
            state.partitions.insert(key);
        });
    }
}

impl News {
    fn tell(&self, what: impl FnOnce(&mut State)) {
        what(&mut self.state.lock());
        self.changed.notify_one();
    }

    /// A partition may have more.
    pub(super) fn partition(&self, partition: u64) {
        self.tell(|state| {
            state.partitions.insert(partition);
        });
    }

    /// There may be more partitions.
    pub(super) fn look_again(&self) {
        self.tell(|state| state.look = true);
    }

    /// There is nothing to follow any more.
    pub(super) fn end(&self) {
        self.tell(|state| state.ended = true);
    }

    pub(super) fn has_ended(&self) -> bool {
        self.state.lock().ended
    }

    /// Waits for something to do. Partitions have their turn one after the other.
    pub(super) async fn next(&self) -> Next {
        loop {
            if let Some(next) = self.take() {
                return next;
            }
            self.changed.notified().await;
        }
    }

    fn take(&self) -> Option<Next> {
        let mut state = self.state.lock();
        if state.ended {
            return Some(Next::End);
        }
        if std::mem::take(&mut state.look) {
            return Some(Next::Look);
        }
        let after = state.last.map_or(0, |last| last + 1);
        let next = state.partitions.range(after..).next().copied();
        let next = next.or_else(|| state.partitions.first().copied())?;
        state.partitions.remove(&next);
        state.last = Some(next);
        Some(Next::Partition(next))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_partition_that_always_has_more_does_not_keep_the_others_waiting() {
        let news = News::default();
        (0..3).for_each(|partition| news.partition(partition));
        let mut seen = Vec::new();
        for _ in 0..6 {
            let Some(Next::Partition(partition)) = news.take() else {
                panic!("there is something to do")
            };
            seen.push(partition);
            news.partition(partition);
        }
        assert_eq!(seen, [0, 1, 2, 0, 1, 2]);
    }

    #[test]
    fn the_end_comes_before_everything_else() {
        let news = News::default();
        news.look_again();
        news.partition(0);
        assert_eq!(news.take(), Some(Next::Look));
        news.end();
        assert_eq!(news.take(), Some(Next::End));
        assert!(news.has_ended());
    }
}
