//! What operators look at.

use bytes::Bytes;
use forebay_broker::host::{Bind, BindingPlace, BindingsPart, Part, Passed};
use forebay_broker::routing::RouterKind;

use crate::harness::{Running, binding, exchange};

/// Names of queues, a few at a time, as they are asked for.
async fn queues_by(running: &Running, limit: usize) -> Vec<Bytes> {
    let mut names = Vec::new();
    loop {
        let after = names.last().cloned();
        let part = running.host.queues(Part { after, limit }).await.unwrap();
        assert!(part.len() <= limit);
        if part.is_empty() {
            return names;
        }
        names.extend(part.into_iter().map(|queue| queue.definition.name));
    }
}

/// The keys of bindings, a few at a time.
async fn keys_by(running: &Running, limit: usize, part: BindingsPart) -> Vec<Bytes> {
    let mut keys = Vec::new();
    let mut next = Some(BindingPlace::default());
    while let Some(from) = next {
        let part = BindingsPart {
            from,
            limit,
            ..part.clone()
        };
        let found = running.host.bindings(part).await.unwrap();
        assert!(found.bindings.len() <= limit);
        keys.extend(found.bindings.into_iter().map(|binding| binding.key));
        next = found.next;
    }
    keys
}

#[tokio::test]
async fn queues_are_shown_in_the_order_of_their_names_a_part_at_a_time() {
    let running = Running::new();
    for name in ["d", "a", "c", "e", "b"] {
        running.declare(name).await;
    }
    for limit in 1..=6 {
        assert_eq!(queues_by(&running, limit).await, ["a", "b", "c", "d", "e"]);
    }
    let gone = running
        .host
        .delete_queue("c".into(), false, false, crate::harness::ME);
    gone.await.unwrap();
    let running = running.restarted();
    assert_eq!(queues_by(&running, 2).await, ["a", "b", "d", "e"]);
}

#[tokio::test]
async fn messages_are_counted_over_a_part_of_the_queues() {
    let running = Running::new();
    for name in ["a", "b", "c"] {
        running.declare(name).await;
        running.publish("", name, "m").await;
    }
    let held = running.get("b").await;
    let count = async |after: Option<&'static str>, limit| {
        let after = after.map(Bytes::from);
        running.host.totals(Part { after, limit }).await.unwrap()
    };
    let all = count(None, 3).await;
    assert_eq!((all.queues, all.exchanges), (3, 6));
    assert_eq!((all.ready, all.locked, all.last), (2, 1, None));
    let first = count(None, 2).await;
    assert_eq!((first.ready, first.locked), (1, 1));
    assert_eq!(first.last.as_deref(), Some(&b"b"[..]));
    assert_eq!(count(Some("b"), 2).await.ready, 1);
    drop(held);
}

#[tokio::test]
async fn a_queue_is_shown_with_what_it_holds_and_has_seen() {
    let running = Running::new();
    running.declare("q").await;
    for body in ["one", "two", "three"] {
        running.publish("", "q", body).await;
    }
    let held = running.get("q").await;
    let queue = running.host.queue("q".into()).await.unwrap().unwrap();
    assert_eq!((queue.counters.ready, queue.counters.locked), (2, 1));
    assert_eq!(queue.counters.totals.enqueued, 3);
    assert_eq!(queue.counters.totals.delivered, 1);
    assert_eq!(queue.definition.name, "q");
    assert!(running.host.queue("other".into()).await.unwrap().is_none());
    drop(held);
}

#[tokio::test]
async fn bindings_are_shown_by_source_by_destination_and_in_parts() {
    let running = Running::new();
    running.exchange("none", RouterKind::Direct).await;
    running.exchange("x", RouterKind::Topic).await;
    running.exchange("y", RouterKind::Fanout).await;
    running.declare("q").await;
    running.declare("r").await;
    for (source, destination, key) in [("x", "q", "1"), ("x", "r", "2"), ("x", "q", "3")] {
        running.bind(source, destination, key).await;
    }
    running.bind("y", "q", "4").await;
    let to_exchange = Bind {
        to_exchange: true,
        ..binding("y", "x", "5")
    };
    running.host.bind(to_exchange).await.unwrap();
    let of =
        |source: Option<&'static str>, destination: Option<(&'static str, bool)>| BindingsPart {
            source: source.map(Bytes::from),
            destination: destination.map(|(name, to_exchange)| (name.into(), to_exchange)),
            ..BindingsPart::default()
        };
    for limit in [1, 2, 3, 100] {
        let keys = async |part| keys_by(&running, limit, part).await;
        assert_eq!(keys(of(None, None)).await, ["1", "2", "3", "4", "5"]);
        assert_eq!(keys(of(Some("x"), None)).await, ["1", "2", "3"]);
        assert_eq!(keys(of(Some("x"), Some(("q", false)))).await, ["1", "3"]);
        assert_eq!(keys(of(None, Some(("q", false)))).await, ["1", "3", "4"]);
        assert_eq!(keys(of(None, Some(("x", true)))).await, ["5"]);
        assert!(keys(of(Some("nope"), None)).await.is_empty());
        assert!(keys(of(None, Some(("nope", false)))).await.is_empty());
    }
}

#[tokio::test]
async fn exchanges_are_shown_with_those_that_are_always_there() {
    let running = Running::new();
    let mine = exchange("mine", RouterKind::Topic);
    running.host.declare_exchange(mine.clone()).await.unwrap();
    let all = running.host.exchanges(Part {
        after: None,
        limit: 100,
    });
    let names: Vec<_> = all
        .await
        .unwrap()
        .into_iter()
        .map(|found| found.definition.name)
        .collect();
    assert_eq!(names.len(), 7);
    assert!(names.is_sorted());
    let found = running.host.exchange("mine".into()).await.unwrap();
    assert_eq!(found.map(|found| found.definition), Some(mine));
}

#[tokio::test]
async fn an_exchange_counts_what_is_published_to_it_and_where_that_goes() {
    let running = Running::new();
    running.exchange("e", RouterKind::Topic).await;
    for queue in ["one", "two"] {
        running.declare(queue).await;
        running.bind("e", queue, "a.*").await;
    }
    for key in ["a.b", "a.c", "b"] {
        running.publish("e", key, "m").await;
    }
    running.publish("", "one", "m").await;
    let found = running.host.exchange("e".into()).await.unwrap().unwrap();
    let passed = |published_in, published_out| Passed {
        published_in,
        published_out,
    };
    assert_eq!(found.passed, passed(3, 4));
    let default = running.host.default_exchange().await.unwrap();
    assert_eq!(default, passed(1, 1));
}
