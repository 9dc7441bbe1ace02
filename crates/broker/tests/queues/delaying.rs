//! Exchanges that keep messages until a time of their own.

use bytes::Bytes;
use forebay_broker::host::{Bind, ExchangeDefinition, MessageHeaders, Publication, Published};
use forebay_broker::queue::QueueSettings;
use forebay_broker::routing::{RouterKind, Value};

use crate::harness::{Running, binding, exchange, mortal, publication, queue};

fn delayed(kind: RouterKind) -> RouterKind {
    RouterKind::Delayed(Box::new(kind))
}

fn waiting(exchange: &str, key: &str, body: &str, delay_ms: u64) -> Publication {
    let mut publication = publication(exchange, key, body);
    publication.envelope.headers = Some(Box::new(MessageHeaders {
        delay_ms: Some(delay_ms),
        ..MessageHeaders::default()
    }));
    publication
}

/// A topic exchange `x` that keeps messages, with a queue `q` bound by `k.#`.
async fn with_exchange() -> Running {
    let running = Running::new();
    running.exchange("x", delayed(RouterKind::Topic)).await;
    running.declare("q").await;
    running.bind("x", "q", "k.#").await;
    running
}

async fn publish(running: &Running, key: &str, body: &str, delay_ms: u64) {
    let published = running.try_publish(waiting("x", key, body, delay_ms)).await;
    assert_eq!(published, Ok(Published::Routed));
}

#[tokio::test]
async fn messages_come_when_they_are_due_and_as_their_exchange_routes_them() {
    let running = with_exchange().await;
    publish(&running, "k.1", "later", 2_000).await;
    publish(&running, "k.2", "sooner", 1_000).await;
    publish(&running, "other", "unroutable", 1_500).await;
    assert_eq!(running.publish("x", "k.3", "now").await, Published::Routed);
    assert_eq!(running.bodies("q").await, ["now"]);
    running.pass(999).await;
    assert_eq!(running.ready("q").await, 0);
    running.pass(1).await;
    let seen = running.drain("q").await.remove(0);
    assert_eq!((&seen.body[..], &seen.exchange[..]), ("sooner", "x"));
    assert_eq!((&seen.key[..], seen.deaths.0.len()), ("k.2", 0));
    running.pass(1_000).await;
    assert_eq!(running.bodies("q").await, ["later"]);
}

#[tokio::test]
async fn what_waits_survives_and_comes_once() {
    let ends: [fn(Running) -> Running; 3] = [
        |running| running.killed(),
        |running| running.cut(),
        Running::restarted,
    ];
    let expected: Vec<_> = (0..100).map(|number| number.to_string()).collect();
    for end in ends {
        let running = with_exchange().await;
        for number in 0..100 {
            publish(&running, "k", &number.to_string(), 1_000 + number).await;
        }
        let after = end(running);
        assert_eq!(after.ready("q").await, 0);
        after.pass(1_049).await;
        assert_eq!(after.ready("q").await, 50);
        let after = end(after);
        assert_eq!(after.ready("q").await, 50);
        after.pass(1_000).await;
        assert_eq!(after.bodies("q").await, expected);
    }
}

#[tokio::test]
async fn bindings_count_when_a_message_is_due() {
    let running = with_exchange().await;
    publish(&running, "new", "kept", 1_000).await;
    publish(&running, "k", "lost", 1_000).await;
    running.bind("x", "q", "new").await;
    running.host.unbind(binding("x", "q", "k.#")).await.unwrap();
    running.pass(1_000).await;
    assert_eq!(running.bodies("q").await, ["kept"]);
}

#[tokio::test]
async fn a_time_to_live_begins_when_a_message_is_due() {
    let running = with_exchange().await;
    for (body, ttl_ms) in [("dies", 100), ("lives", 100_000)] {
        let mut publication = waiting("x", "k", body, 1_000);
        publication.ttl_ms = Some(ttl_ms);
        running.try_publish(publication).await.unwrap();
    }
    running.pass(1_000).await;
    assert_eq!(running.ready("q").await, 2);
    running.pass(100).await;
    assert_eq!(running.bodies("q").await, ["lives"]);
}

#[tokio::test]
async fn headers_and_copies_count_when_a_message_is_due() {
    let running = Running::new();
    running.exchange("x", delayed(RouterKind::Headers)).await;
    running
        .exchange("direct", delayed(RouterKind::Direct))
        .await;
    running.declare("q").await;
    let entry = || (Bytes::from("a"), Value::Integer(1));
    let bind = Bind {
        arguments: forebay_broker::routing::Arguments::new([entry()]),
        ..binding("x", "q", "")
    };
    running.host.bind(bind).await.unwrap();
    running.bind("direct", "q", "copy").await;
    let mut publication = waiting("x", "", "by header", 1_000);
    publication.envelope.headers.as_mut().unwrap().headers = vec![entry()];
    running.try_publish(publication).await.unwrap();
    let mut publication = waiting("direct", "nobody", "by copy", 2_000);
    publication.envelope.routing_keys.push(Bytes::from("copy"));
    running.try_publish(publication).await.unwrap();
    running.pass(2_000).await;
    assert_eq!(running.bodies("q").await, ["by header", "by copy"]);
}

#[tokio::test]
async fn a_message_waits_also_where_another_exchange_sends_it() {
    let running = with_exchange().await;
    running.exchange("front", RouterKind::Fanout).await;
    running.declare("at once").await;
    running.bind("front", "at once", "").await;
    let to_exchange = Bind {
        to_exchange: true,
        ..binding("front", "x", "")
    };
    running.host.bind(to_exchange).await.unwrap();
    let published = running.try_publish(waiting("front", "k", "m", 1_000)).await;
    assert_eq!(published, Ok(Published::Routed));
    assert_eq!(running.bodies("at once").await, ["m"]);
    assert_eq!(running.ready("q").await, 0);
    running.pass(1_000).await;
    assert_eq!(running.bodies("q").await, ["m"]);
    assert_eq!(running.ready("at once").await, 0);
}

#[tokio::test]
async fn what_waits_goes_with_its_exchange() {
    let running = with_exchange().await;
    publish(&running, "k", "lost", 1_000).await;
    let deleted = running.host.delete_exchange(Bytes::from("x"), false);
    deleted.await.unwrap();
    running.exchange("x", delayed(RouterKind::Topic)).await;
    running.bind("x", "q", "k.#").await;
    publish(&running, "k", "kept", 2_000).await;
    let transient = ExchangeDefinition {
        durable: false,
        ..exchange("transient", delayed(RouterKind::Fanout))
    };
    running.host.declare_exchange(transient).await.unwrap();
    let unkept = running.try_publish(waiting("transient", "", "lost", 1_000));
    assert_eq!(unkept.await, Ok(Published::Routed));
    let after = running.killed();
    after.pass(5_000).await;
    assert_eq!(after.bodies("q").await, ["kept"]);
}

#[tokio::test]
async fn who_died_of_what_does_not_wait() {
    let running = with_exchange().await;
    let settings = QueueSettings {
        ttl_ms: Some(100),
        ..QueueSettings::default()
    };
    let dying = mortal("dying", "x", settings);
    running.declare_as(dying).await.unwrap();
    running.bind("x", "q", "dying").await;
    running.declare_as(queue("other")).await.unwrap();
    running.publish("", "dying", "m").await;
    running.pass(100).await;
    assert_eq!(running.bodies("q").await, ["m"]);
}
