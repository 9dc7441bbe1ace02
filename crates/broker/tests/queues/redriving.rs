//! Dead messages that are sent on their way again.

use std::time::Duration;

use forebay_broker::host::{HostError, Peek, Redrive, RedriveTarget, Redriven};
use forebay_broker::queue::{Bounds, DeathReason, Outcome, Overflow, QueueSettings};
use forebay_broker::routing::RouterKind;
use forebay_broker::storage::media::Fault;

use crate::harness::{Running, mortal, queue};

const SOURCE: RedriveTarget = RedriveTarget::Source;

/// A queue `work`, whose dead are in `grave`, bound to the exchange `x` by `k.#`.
async fn mortuary(settings: QueueSettings) -> Running {
    let running = Running::new();
    running.declare("grave").await;
    running.exchange("x", RouterKind::Topic).await;
    running.exchange("dlx", RouterKind::Fanout).await;
    running.bind("dlx", "grave", "").await;
    let work = mortal("work", "dlx", settings);
    running.declare_as(work).await.unwrap();
    running.bind("x", "work", "k.#").await;
    running
}

/// The same with messages that were rejected.
async fn with_dead(bodies: &[&str]) -> Running {
    let running = mortuary(QueueSettings::default()).await;
    for body in bodies {
        running.publish("x", "k.1", body).await;
    }
    running.reject_all("work").await;
    // The dead wait for room in the journal.
    while running.ready("grave").await < bodies.len() as u64 {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    running
}

impl Running {
    async fn reject_all(&self, name: &str) {
        while let Some((got, _)) = self.get(name).await {
            self.settle_delivery(&got.delivery, Outcome::Reject).await;
        }
    }

    /// Moves every message of a queue that can be moved, in one step.
    async fn redrive(&self, from: &str, to: RedriveTarget) -> Result<Redriven, HostError> {
        self.redrive_some(from, to, 1_000).await
    }

    /// Moves the first messages of a queue.
    async fn redrive_some(
        &self,
        from: &str,
        to: RedriveTarget,
        limit: usize,
    ) -> Result<Redriven, HostError> {
        let peek = Peek {
            queue: from.to_owned().into(),
            from: 0,
            below: u64::MAX,
            limit,
        };
        let peeked = self.host.peek(peek).await?;
        let found = peeked.read(usize::MAX).unwrap().messages;
        let redrive = Redrive {
            queue: from.to_owned().into(),
            messages: found.into_iter().map(|(_, message)| message).collect(),
            to,
        };
        self.host.redrive(redrive).await
    }
}

fn moved(count: u64) -> Redriven {
    Redriven {
        moved: count,
        ..Redriven::default()
    }
}

#[tokio::test]
async fn the_dead_go_back_to_their_source_as_they_had_been_published() {
    let running = with_dead(&["a", "b"]).await;
    assert_eq!(running.redrive("grave", SOURCE).await, Ok(moved(2)));
    assert_eq!(running.ready("grave").await, 0);
    let back = running.drain("work").await;
    let bodies: Vec<_> = back.iter().map(|seen| seen.body.as_str()).collect();
    assert_eq!(bodies, ["a", "b"]);
    for seen in back {
        assert_eq!((seen.exchange.as_str(), seen.key.as_str()), ("x", "k.1"));
        let death = seen.deaths.last().unwrap();
        assert_eq!((death.reason, death.count), (DeathReason::Rejected, 1));
    }
    let grave = running.host.queue("grave".into()).await.unwrap().unwrap();
    let totals = grave.counters.totals;
    assert_eq!((totals.moved, totals.acked, totals.delivered), (2, 0, 0));
}

#[tokio::test]
async fn a_redriven_message_that_dies_again_says_so() {
    let running = with_dead(&["a"]).await;
    running.redrive("grave", SOURCE).await.unwrap();
    running.pass(5_000).await;
    running.reject_all("work").await;
    let dead = running.drain("grave").await;
    let death = dead[0].deaths.last().unwrap();
    assert_eq!((death.count, &death.queue[..]), (2, &b"work"[..]));
    assert_eq!(death.last_ms - death.time_ms, 5_000);
}

#[tokio::test]
async fn a_redrive_into_a_cycle_loses_nothing() {
    // `work` expires into `wait`, which expires into `grave`.
    let expiring = || QueueSettings {
        ttl_ms: Some(1_000),
        ..QueueSettings::default()
    };
    let running = Running::new();
    running.declare("grave").await;
    for (name, next) in [("wait", "grave"), ("work", "wait")] {
        let mut definition = mortal(name, "", expiring());
        definition.dead_letter.as_mut().unwrap().routing_key = Some(next.into());
        running.declare_as(definition).await.unwrap();
    }
    running.publish("", "work", "m").await;
    for round in 1..=3 {
        running.pass(2_000).await;
        running.pass(2_000).await;
        assert_eq!(running.ready("grave").await, 1, "round {round}");
        assert_eq!(running.redrive("grave", SOURCE).await, Ok(moved(1)));
        assert_eq!(running.ready("work").await, 1, "round {round}");
    }
    let seen = running.drain("work").await.remove(0);
    let counts = seen.deaths.deaths.iter().map(|death| death.count);
    assert_eq!(counts.collect::<Vec<_>>(), [3, 3]);
}

#[tokio::test]
async fn messages_go_to_another_queue_or_to_an_exchange() {
    let running = with_dead(&["a"]).await;
    running.declare("repair").await;
    let to = RedriveTarget::Queue("repair".into());
    assert_eq!(running.redrive("grave", to).await, Ok(moved(1)));
    let (_, seen) = running.get("repair").await.unwrap();
    assert_eq!((seen.exchange.as_str(), seen.key.as_str()), ("", "repair"));

    let running = with_dead(&["a"]).await;
    let through =
        |exchange: &'static str, routing_key: Option<&'static str>| RedriveTarget::Exchange {
            exchange: exchange.into(),
            routing_key: routing_key.map(Into::into),
        };
    // By another key nothing is bound: it stays.
    let lost = running.redrive("grave", through("x", Some("other"))).await;
    assert_eq!(lost.unwrap().unroutable, 1);
    assert_eq!(running.ready("grave").await, 1);
    // By the key that it had been published with.
    let found = running.redrive("grave", through("x", None)).await;
    assert_eq!(found, Ok(moved(1)));
    let (_, seen) = running.get("work").await.unwrap();
    assert_eq!((seen.exchange.as_str(), seen.key.as_str()), ("x", "k.1"));
}

#[tokio::test]
async fn what_cannot_go_stays() {
    let settings = QueueSettings {
        bounds: Bounds {
            messages: Some(2),
            bytes: None,
            overflow: Overflow::RejectPublish,
        },
        ..QueueSettings::default()
    };
    let running = mortuary(settings).await;
    for body in ["a", "b", "c"] {
        running.publish("x", "k", body).await;
        running.reject_all("work").await;
    }
    running.publish("", "grave", "never died").await;
    let done = running.redrive("grave", SOURCE).await.unwrap();
    assert_eq!((done.moved, done.refused, done.unroutable), (2, 1, 1));
    assert_eq!(running.ready("grave").await, 2);

    // Somebody has one of them.
    let held = running.get("grave").await.unwrap();
    let done = running.redrive("grave", SOURCE).await.unwrap();
    assert_eq!((done.not_ready, done.unroutable), (1, 1));
    drop(held);

    // Into itself nothing moves.
    let to = RedriveTarget::Queue("grave".into());
    let done = running.redrive("grave", to).await.unwrap();
    assert_eq!((done.moved, done.unroutable), (0, 1));
}

#[tokio::test]
async fn a_target_that_is_not_there_is_named() {
    let running = with_dead(&["a"]).await;
    let to = RedriveTarget::Queue("none".into());
    let refused = running.redrive("grave", to).await;
    assert_eq!(refused, Err(HostError::NoQueue("none".into())));
    let to = RedriveTarget::Exchange {
        exchange: "none".into(),
        routing_key: None,
    };
    let refused = running.redrive("grave", to).await;
    assert_eq!(refused, Err(HostError::NoExchange("none".into())));
    let mut mine = queue("mine");
    mine.exclusive = Some(crate::harness::ME);
    running.declare_as(mine).await.unwrap();
    let to = RedriveTarget::Queue("mine".into());
    let refused = running.redrive("grave", to).await;
    assert_eq!(refused, Err(HostError::ExclusiveToOther("mine".into())));
    assert_eq!(running.ready("grave").await, 1);
}

#[tokio::test]
async fn what_is_moved_is_in_one_place_after_a_kill_and_a_power_cut() {
    let bodies: Vec<_> = (0..20).map(|number| number.to_string()).collect();
    let running = with_dead(&bodies.iter().map(String::as_str).collect::<Vec<_>>()).await;
    assert_eq!(running.redrive("grave", SOURCE).await, Ok(moved(20)));
    for after in [running.killed(), running.cut()] {
        assert_eq!(after.ready("grave").await, 0);
        assert_eq!(after.bodies("work").await, bodies);
    }
}

/// What the queues hold together, in order.
async fn everywhere(running: &Running) -> Vec<String> {
    let mut all = running.bodies("work").await;
    all.extend(running.bodies("grave").await);
    all.sort_unstable();
    all
}

#[tokio::test]
async fn whatever_ends_a_redrive_every_message_is_in_one_place() {
    let bodies = ["a", "b", "c", "d", "e", "f"];
    let faults = [Fault::Write, Fault::ShortWrite, Fault::Sync];
    for (seed, (fault, broken_step)) in (1u64..).zip(
        faults
            .into_iter()
            .flat_map(|fault| (0..3).map(move |step| (fault, step))),
    ) {
        let running = with_dead(&bodies).await;
        let mut failed = false;
        for step in 0..3 {
            if step == broken_step {
                running.inject(fault);
            }
            match running.redrive_some("grave", SOURCE, 2).await {
                Ok(done) => assert_eq!(done.moved, 2),
                Err(error) => {
                    assert_eq!(error, HostError::Stopped);
                    failed = true;
                    break;
                }
            }
        }
        assert!(failed, "{fault:?} in step {broken_step} broke nothing");
        let promised = 2 * broken_step;
        assert_eq!(everywhere(&running.killed()).await, bodies);
        // What of the last write reached the disk is a matter of luck.
        for luck in 0..16u64 {
            let mut bits = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ luck;
            let after = running.cut_keeping(|| {
                bits = bits.rotate_left(7).wrapping_mul(0xd129_42f5_3b6b_2c85) + 1;
                bits >> 63 == 1
            });
            assert!(after.ready("work").await >= promised, "{fault:?}");
            assert_eq!(everywhere(&after).await, bodies, "{fault:?}");
        }
    }
}

#[tokio::test]
async fn a_redrive_stops_where_the_journal_has_no_room_and_goes_on_from_there() {
    // Together they are larger than a file of the journal.
    let bodies: Vec<_> = (0..20)
        .map(|number| format!("{number}{}", "x".repeat(100_000)))
        .collect();
    let running = with_dead(&bodies.iter().map(String::as_str).collect::<Vec<_>>()).await;
    let (mut steps, mut back) = (0, 0);
    while back < 20 {
        let done = running.redrive("grave", SOURCE).await.unwrap();
        assert_eq!(
            done,
            Redriven {
                stopped_at: done.stopped_at,
                ..moved(done.moved)
            }
        );
        assert_eq!(done.stopped_at.is_none(), back + done.moved == 20);
        (steps, back) = (steps + 1, back + done.moved);
        let killed = running.killed();
        assert_eq!(killed.ready("work").await, back);
        assert_eq!(killed.ready("grave").await, 20 - back);
    }
    assert!(steps > 1);
    assert_eq!(running.bodies("work").await, bodies);
}

#[tokio::test]
async fn nothing_moves_on_a_full_disk() {
    let running = with_dead(&["a", "b"]).await;
    running.fill().await;
    let refused = running.redrive("grave", SOURCE).await;
    assert_eq!(refused, Err(HostError::StorageFull));
    assert_eq!(running.ready("grave").await, 2);
}
