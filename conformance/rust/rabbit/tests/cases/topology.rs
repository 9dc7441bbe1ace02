//! Exchanges and queues: declaring, routing, deleting.

use std::collections::BTreeSet;

use forebay_conformance_rabbit::{
    Client, arguments, connect, fresh, number, numbered, persistent, refused, text,
};
use lapin::ExchangeKind;
use lapin::options::{
    BasicCancelOptions, BasicConsumeOptions, ExchangeBindOptions, ExchangeDeclareOptions,
    ExchangeDeleteOptions, ExchangeUnbindOptions, QueueDeclareOptions, QueueDeleteOptions,
    QueuePurgeOptions,
};
use lapin::types::FieldTable;

#[tokio::test]
async fn default_exchange_routes_by_queue_name() {
    let client = Client::open().await;
    let queue = client.queue(FieldTable::default()).await;
    client.fill(&queue, &["a", "b"]).await;
    assert_eq!(client.take(&queue).await, ["a", "b"]);
}

/// Binds a queue and says with which keys messages arrive in it, until the binding is gone.
async fn routes(kind: &str, binding: &str, keys: &[&str]) -> Vec<String> {
    let client = Client::open().await;
    let queue = client.queue(FieldTable::default()).await;
    let exchange = client.exchange(kind, FieldTable::default()).await;
    let none = FieldTable::default;
    client.bind(&queue, &exchange, binding, none()).await;
    for key in keys {
        client.send(&exchange, key, key).await;
    }
    let arrived = client.take(&queue).await;
    let (name, source) = (queue.as_str().into(), exchange.as_str().into());
    let unbound = client
        .channel
        .queue_unbind(name, source, binding.into(), none());
    unbound.await.expect("unbound");
    for key in keys {
        client.send(&exchange, key, key).await;
    }
    assert!(client.take(&queue).await.is_empty());
    let unused = ExchangeDeleteOptions {
        if_unused: true,
        ..Default::default()
    };
    let deleted = client.channel.exchange_delete(exchange.into(), unused);
    deleted.await.expect("nothing uses it");
    arrived
}

#[tokio::test]
async fn direct_exchange() {
    assert_eq!(routes("direct", "a", &["b", "a", "a.b"]).await, ["a"]);
}

#[tokio::test]
async fn fanout_exchange() {
    let arrived = routes("fanout", "ignored", &["a", "", "b"]).await;
    assert_eq!(arrived, ["a", "", "b"]);
}

#[tokio::test]
async fn topic_exchange() {
    let keys = ["a", "a.b", "b.b", "a.b.c", "a..c"];
    assert_eq!(
        routes("topic", "a.*.#", &keys).await,
        ["a.b", "a.b.c", "a..c"]
    );
}

#[tokio::test]
async fn headers_exchange() {
    let client = Client::open().await;
    let exchange = client.exchange("headers", FieldTable::default()).await;
    let all = client.queue(FieldTable::default()).await;
    let any = client.queue(FieldTable::default()).await;
    for (queue, kind) in [(&all, "all"), (&any, "any")] {
        let wanted = [
            ("x-match", text(kind)),
            ("a", number(1)),
            ("b", text("two")),
        ];
        client.bind(queue, &exchange, "", arguments(wanted)).await;
    }
    for (body, headers) in [
        (
            "both",
            arguments([("a", number(1)), ("b", text("two")), ("c", number(3))]),
        ),
        ("one", arguments([("a", number(1)), ("b", text("three"))])),
        ("none", arguments([("a", number(2))])),
    ] {
        let properties = persistent().with_headers(headers);
        let sent = client.send_with(&exchange, "", body.as_bytes(), properties);
        sent.await;
    }
    assert_eq!(client.take(&all).await, ["both"]);
    assert_eq!(client.take(&any).await, ["both", "one"]);
}

#[tokio::test]
async fn consistent_hash_exchange() {
    let client = Client::open().await;
    let none = FieldTable::default;
    let exchange = client.exchange("x-consistent-hash", none()).await;
    let queues = [client.queue(none()).await, client.queue(none()).await];
    for queue in &queues {
        client.bind(queue, &exchange, "10", none()).await;
    }
    for key in numbered(0..100).iter().chain(&numbered(0..100)) {
        client.send(&exchange, key, key).await;
    }
    let mut total = 0;
    for queue in &queues {
        let taken = client.take(queue).await;
        let unique: BTreeSet<_> = taken.iter().collect();
        assert_eq!(taken.len(), 2 * unique.len(), "a key stays with its queue");
        assert!(unique.len() >= 10, "one queue has got {}", unique.len());
        total += unique.len();
    }
    assert_eq!(total, 100);
}

#[tokio::test]
async fn exchange_to_exchange_and_alternate() {
    let client = Client::open().await;
    let none = FieldTable::default;
    let unrouted = client.exchange("fanout", none()).await;
    let alternate = arguments([("alternate-exchange", text(&unrouted))]);
    let first = client.exchange("direct", alternate).await;
    let second = client.exchange("fanout", none()).await;
    let ends = || (second.as_str().into(), first.as_str().into());
    let (destination, source) = ends();
    let options = ExchangeBindOptions::default();
    let bound = client
        .channel
        .exchange_bind(destination, source, "k".into(), options, none());
    bound.await.expect("bound");
    let through = client.queue(none()).await;
    let other = client.queue(none()).await;
    client.bind(&through, &second, "", none()).await;
    client.bind(&other, &unrouted, "", none()).await;
    client.send(&first, "k", "through").await;
    client.send(&first, "else", "alternate").await;
    assert_eq!(client.take(&through).await, ["through"]);
    assert_eq!(client.take(&other).await, ["alternate"]);
    let (destination, source) = ends();
    let options = ExchangeUnbindOptions::default();
    let unbound = client
        .channel
        .exchange_unbind(destination, source, "k".into(), options, none());
    unbound.await.expect("unbound");
    client.send(&first, "k", "unbound").await;
    assert_eq!(client.take(&other).await, ["unbound"]);
}

#[tokio::test]
async fn server_named_queue() {
    let client = Client::open().await;
    let options = QueueDeclareOptions::exclusive();
    let declared = client
        .channel
        .queue_declare("".into(), options, FieldTable::default());
    let queue = declared.await.expect("a queue").name().to_string();
    assert!(queue.starts_with("amq.gen-"), "named {queue}");
    client.fill(&queue, &["m"]).await;
    assert_eq!(client.take(&queue).await, ["m"]);
}

/// How the broker answers who asks for a queue.
async fn missing(client: &Client, queue: &str) -> (u16, String) {
    let options = QueueDeclareOptions::default().passive();
    let table = FieldTable::default();
    refused(
        client
            .channel
            .queue_declare(queue.into(), options, table)
            .await,
    )
}

fn not_found(kind: &str, name: &str) -> (u16, String) {
    (404, format!("NOT_FOUND - no {kind} '{name}' in vhost '/'"))
}

#[tokio::test]
async fn exclusive_queue_ends_with_its_connection() {
    let owner = Client::open().await;
    let name = fresh("mine");
    let options = QueueDeclareOptions::exclusive();
    let table = FieldTable::default();
    let declared = owner
        .channel
        .queue_declare(name.as_str().into(), options, table);
    declared.await.expect("a queue");
    let (code, words) = missing(&Client::open().await, &name).await;
    assert_eq!(code, 405);
    let locked =
        format!("RESOURCE_LOCKED - cannot obtain exclusive access to locked queue '{name}'");
    assert!(words.starts_with(&locked), "{words}");
    let closed = owner.connection.close(200, "".into());
    closed.await.expect("closed");
    assert_eq!(
        missing(&Client::open().await, &name).await,
        not_found("queue", &name)
    );
}

#[tokio::test]
async fn auto_delete_queue_ends_with_its_last_consumer() {
    let client = Client::open().await;
    let name = fresh("auto");
    let options = QueueDeclareOptions::default().auto_delete();
    let table = FieldTable::default();
    let declared = client
        .channel
        .queue_declare(name.as_str().into(), options, table);
    assert_eq!(declared.await.expect("a queue").consumer_count(), 0);
    let consumer = client
        .consume_with(&name, BasicConsumeOptions::default())
        .await;
    let options = BasicCancelOptions::default();
    let cancelled = client.channel.basic_cancel(consumer.0.tag(), options);
    cancelled.await.expect("cancelled");
    assert_eq!(missing(&client, &name).await, not_found("queue", &name));
}

#[tokio::test]
async fn auto_delete_exchange_ends_with_its_last_binding() {
    let client = Client::of(connect().await).await;
    let name = fresh("auto");
    let declare = |passive| {
        let options = ExchangeDeclareOptions {
            auto_delete: true,
            passive,
            ..Default::default()
        };
        let (kind, table) = (ExchangeKind::Fanout, FieldTable::default());
        client
            .channel
            .exchange_declare(name.as_str().into(), kind, options, table)
    };
    declare(false).await.expect("an exchange");
    let queue = client.queue(FieldTable::default()).await;
    client.bind(&queue, &name, "", FieldTable::default()).await;
    let (queue, exchange) = (queue.into(), name.as_str().into());
    let table = FieldTable::default();
    let unbound = client
        .channel
        .queue_unbind(queue, exchange, "".into(), table);
    unbound.await.expect("unbound");
    assert_eq!(refused(declare(true).await), not_found("exchange", &name));
}

#[tokio::test]
async fn purge_and_delete_say_how_many() {
    let client = Client::open().await;
    let queue = client.queue(FieldTable::default()).await;
    client.fill(&queue, &["a", "b"]).await;
    let name = || queue.as_str().into();
    let purge = client
        .channel
        .queue_purge(name(), QueuePurgeOptions::default());
    assert_eq!(purge.await.expect("purged"), 2);
    client.fill(&queue, &["c"]).await;
    for expected in [1, 0] {
        let delete = client
            .channel
            .queue_delete(name(), QueueDeleteOptions::default());
        assert_eq!(delete.await.expect("deleted"), expected);
    }
}
