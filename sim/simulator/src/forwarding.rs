//! What goes from topics to the queues that are subscribed to them, as threads of a simulation.

use std::sync::Arc;
use std::time::Duration;

use forebay_broker::Broker;
use forebay_broker::forwarding::{Forwarding, Task};

use crate::schedule::{self, Schedule};

/// The world of those who forward.
#[derive(Clone)]
struct World {
    schedule: Arc<Schedule>,
    shard: schedule::Task,
}

/// Forwards for one life of the broker.
pub(crate) fn forward(schedule: &Arc<Schedule>, shard: schedule::Task, broker: &Broker) {
    let world = World {
        schedule: Arc::clone(schedule),
        shard,
    };
    let forwarding = broker.clone();
    let forwarders = Arc::new(world.clone());
    world.run(
        "forwarding",
        Box::pin(async move { forwarding.forward(forwarders).await }),
    );
}

impl World {
    fn run(&self, name: &str, task: Task) {
        let world = self.clone();
        self.schedule.spawn(name, move || {
            // Whoever finds the process dead has nothing more to do.
            let _ = world
                .schedule
                .drive(task, || world.schedule.wake(world.shard));
        });
    }
}

impl Forwarding for World {
    fn spawn(&self, task: Task) {
        self.run("follower", task);
    }

    fn block(&self, work: Box<dyn FnOnce() + Send>) {
        // The thread is the task's own, and others run while it waits for the disk.
        work();
    }

    fn pause(&self, time: Duration) -> Task {
        let schedule = Arc::clone(&self.schedule);
        Box::pin(async move {
            if schedule.sleep(time).is_err() {
                // The process is dead, and its time stands still.
                std::future::pending().await
            }
        })
    }
}
