//! What is due much later waits on disk, for as long as the broker runs.

use forebay_broker::host::QueueDefinition;
use forebay_broker::queue::QueueSettings;
use forebay_broker::storage::media::Fault;

use crate::harness::{Running, queue, run};

const HOUR_MS: i64 = 3_600_000;
const BATCHES: u64 = 250;
const MESSAGES: u64 = BATCHES * 1_000;

/// A queue `q` of more messages than it keeps the times of in memory. They are due an hour later.
async fn with_many() -> Running {
    let running = Running::new();
    let settings = QueueSettings {
        delay_ms: HOUR_MS.unsigned_abs(),
        ..QueueSettings::default()
    };
    let definition = QueueDefinition {
        settings,
        ..queue("q")
    };
    running.declare_as(definition).await.unwrap();
    let bodies = vec!["m"; 1_000];
    for _ in 0..BATCHES {
        running.try_publish(run("", "q", &bodies)).await.unwrap();
        running.pass(1).await;
    }
    assert_eq!(running.ready("q").await, 0);
    running
}

/// Lets time pass, after which so many are ready and no more: in between others are served.
async fn pass_until(running: &Running, ms: i64, ready: u64) {
    running.pass(ms).await;
    let mut looks = 0;
    while running.ready("q").await < ready {
        looks += 1;
        assert!(looks < MESSAGES, "they do not become ready");
    }
    running.pass(0).await;
    assert_eq!(running.ready("q").await, ready);
    assert!(looks > 10, "all were ready at once");
}

#[tokio::test]
async fn what_waits_on_disk_comes_when_it_is_due_whatever_happened_before() {
    let ends: [fn(Running) -> Running; 3] = [
        |running| running,
        |running| running.cut(),
        Running::restarted,
    ];
    for end in ends {
        let after = end(with_many().await);
        pass_until(&after, HOUR_MS - 101, MESSAGES - 100_000).await;
        let after = end(after);
        pass_until(&after, 100, MESSAGES).await;
    }
}

#[tokio::test]
async fn a_page_that_cannot_be_read_is_the_end_and_the_next_start_has_all() {
    let running = with_many().await;
    running.inject(Fault::ScratchRead);
    let (error, after) = running.lost(HOUR_MS).await;
    assert!(error.to_string().contains("`SCRATCH`"), "{error}");
    pass_until(&after, HOUR_MS, MESSAGES).await;
}
