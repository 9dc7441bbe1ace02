//! What is due much later waits on disk, and where messages stand that are many and mixed, for as long as the broker
//! runs.

use std::cmp::Reverse;

use bytes::Bytes;
use forebay_broker::host::{HostError, Publication, QueueDefinition};
use forebay_broker::queue::{Outcome, QueueSettings};
use forebay_broker::storage::media::Fault;

use crate::harness::{ME, Running, queue, run};

const HOUR_MS: i64 = 3_600_000;
const BATCHES: u64 = 250;
const MESSAGES: u64 = BATCHES * 1_000;
const MIXED: u32 = 70_000;

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

/// A queue `q` of messages of so many priorities that their places are not all in memory.
async fn with_mixed() -> Running {
    let running = Running::new();
    let settings = QueueSettings {
        max_priority: 255,
        ..QueueSettings::default()
    };
    let definition = QueueDefinition {
        settings,
        ..queue("q")
    };
    running.declare_as(definition).await.unwrap();
    for pair in 0..MIXED / 2 {
        let publication = Publication {
            priority: priority(pair),
            ..run("", "q", &[&format!("{pair} a"), &format!("{pair} b")])
        };
        running.try_publish(publication).await.unwrap();
    }
    running
}

fn priority(pair: u32) -> u8 {
    (pair * 31 % 256) as u8
}

#[tokio::test]
async fn what_is_ready_comes_in_its_turn_wherever_its_place_is_kept() {
    let mut expected: Vec<u32> = (0..MIXED / 2).collect();
    expected.sort_by_key(|pair| Reverse(priority(*pair)));
    let first = |pairs: &[u32]| -> Vec<String> {
        let both = pairs
            .iter()
            .flat_map(|pair| ["a", "b"].map(|one| format!("{pair} {one}")));
        both.collect()
    };
    let running = with_mixed().await;
    // A part of it before a power cut, and a part after it.
    let (before, behind) = expected.split_at(100);
    assert_eq!(some_of(&running, 200).await, first(before));
    let after = running.cut();
    assert_eq!(some_of(&after, 200).await, first(&behind[..100]));
    let purged = after.host.purge_queue(Bytes::from_static(b"q"), ME).await;
    assert_eq!(purged, Ok(u64::from(MIXED) - 400));
    assert_eq!(after.cut().ready("q").await, 0);
}

/// Takes and acknowledges the next messages.
async fn some_of(running: &Running, messages: u32) -> Vec<String> {
    let mut bodies = Vec::new();
    for _ in 0..messages {
        let (got, seen) = running.get("q").await.unwrap();
        running.settle_delivery(&got.delivery, Outcome::Ack).await;
        bodies.push(seen.body);
    }
    bodies
}

#[tokio::test]
async fn a_place_that_cannot_be_read_is_the_end_and_the_next_start_has_all() {
    let running = with_mixed().await;
    running.inject(Fault::ScratchRead);
    let purged = running.host.purge_queue(Bytes::from_static(b"q"), ME).await;
    assert_eq!(purged, Err(HostError::Stopped));
    let (error, after) = running.lost(0).await;
    assert!(error.to_string().contains("`SCRATCH`"), "{error}");
    assert_eq!(after.ready("q").await, u64::from(MIXED));
}

#[tokio::test]
async fn a_page_that_cannot_be_read_is_the_end_and_the_next_start_has_all() {
    let running = with_many().await;
    running.inject(Fault::ScratchRead);
    let (error, after) = running.lost(HOUR_MS).await;
    assert!(error.to_string().contains("`SCRATCH`"), "{error}");
    pass_until(&after, HOUR_MS, MESSAGES).await;
}
