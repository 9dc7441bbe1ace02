//! Reads that may have to wait for the disk, on threads that may block: never on those that serve
//! connections.

use std::sync::Arc;

use tokio::sync::Semaphore;

use crate::protocol::ErrorCode;

/// The turns of such reads. There are fewer than threads, so that whoever else needs one (metrics, health)
/// does not stand in line behind a slow disk.
#[derive(Debug)]
pub(crate) struct DiskReads {
    turns: Arc<Semaphore>,
}

impl DiskReads {
    /// At most so many reads at a time, and at least one.
    pub(crate) fn new(at_once: usize) -> Self {
        let turns = at_once.clamp(1, Semaphore::MAX_PERMITS);
        Self {
            turns: Arc::new(Semaphore::new(turns)),
        }
    }

    /// Runs `read` when it is its turn. Who is no longer interested while it waits takes no turn. Once it
    /// runs it cannot be stopped: it keeps its turn, and what it owns, until it is over.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        read: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, ErrorCode> {
        let turn = Arc::clone(&self.turns).acquire_owned().await;
        let turn = turn.expect("the semaphore is never closed");
        let running = tokio::task::spawn_blocking(move || {
            let _turn = turn;
            read()
        });
        running.await.map_err(|_| ErrorCode::KafkaStorageError)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;
    use std::time::Duration;

    use super::*;

    #[tokio::test]
    async fn a_read_that_nobody_waits_for_any_more_keeps_its_turn_and_one_that_has_not_begun_has_none()
     {
        let reads = DiskReads::new(1);
        let (release, released) = mpsc::channel::<()>();
        let owned = Arc::new(());
        let kept = Arc::clone(&owned);
        let first = reads.run(move || {
            let _ = released.recv();
            drop(kept);
        });
        let soon = Duration::from_millis(20);
        assert!(tokio::time::timeout(soon, first).await.is_err());
        assert_eq!(Arc::strong_count(&owned), 2, "it still runs");

        let waiting = Arc::clone(&owned);
        let second = reads.run(move || drop(waiting));
        assert!(tokio::time::timeout(soon, second).await.is_err());
        assert_eq!(Arc::strong_count(&owned), 2, "it never began");

        release.send(()).unwrap();
        reads.run(|| ()).await.unwrap();
        assert_eq!(Arc::strong_count(&owned), 1);
    }
}
