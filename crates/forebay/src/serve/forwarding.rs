//! Threads and time for what goes from topics to queues.

use std::time::Duration;

use forebay_broker::forwarding::{Forwarding, Task};

/// The runtime's.
#[derive(Debug)]
pub(super) struct OnRuntime;

impl Forwarding for OnRuntime {
    fn spawn(&self, task: Task) {
        tokio::spawn(task);
    }

    fn block(&self, work: Box<dyn FnOnce() + Send>) {
        tokio::task::spawn_blocking(work);
    }

    fn pause(&self, time: Duration) -> Task {
        Box::pin(tokio::time::sleep(time))
    }
}
