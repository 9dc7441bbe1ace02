//! Where messages go.

use bytes::Bytes;
use forebay_broker::host::{
    Bind, Difference, ExchangeDefinition, HostError, PublishError, Published,
};
use forebay_broker::routing::RouterKind;

use crate::harness::{ME, OTHER, Running, binding, exchange, publication, queue};

#[tokio::test]
async fn the_default_exchange_has_every_queue_by_its_name() {
    let running = Running::new();
    running.declare("q").await;
    assert_eq!(running.publish("", "q", "one").await, Published::Routed);
    assert_eq!(
        running.publish("", "nope", "two").await,
        Published::Unroutable
    );
    assert_eq!(running.bodies("q").await, ["one"]);
}

#[tokio::test]
async fn a_message_reaches_each_queue_once_whatever_the_bindings() {
    let running = Running::new();
    running.exchange("x", RouterKind::Topic).await;
    for name in ["a", "b", "c"] {
        running.declare(name).await;
    }
    running.bind("x", "a", "k.#").await;
    running.bind("x", "a", "k.*").await;
    running.bind("x", "b", "#").await;
    running.bind("x", "c", "other").await;
    assert_eq!(running.publish("x", "k.1", "m").await, Published::Routed);
    assert_eq!(running.bodies("a").await, ["m"]);
    assert_eq!(running.bodies("b").await, ["m"]);
    assert!(running.bodies("c").await.is_empty());
    running.host.unbind(binding("x", "b", "#")).await.unwrap();
    running.publish("x", "none", "m").await;
    assert!(running.bodies("b").await.is_empty());
}

#[tokio::test]
async fn exchanges_route_to_exchanges_even_in_a_circle() {
    let running = Running::new();
    running.exchange("one", RouterKind::Fanout).await;
    running.exchange("two", RouterKind::Fanout).await;
    running.declare("q").await;
    for (source, destination) in [("one", "two"), ("two", "one")] {
        let bind = Bind {
            to_exchange: true,
            ..binding(source, destination, "")
        };
        running.host.bind(bind).await.unwrap();
    }
    running.bind("two", "q", "").await;
    assert_eq!(running.publish("one", "k", "m").await, Published::Routed);
    assert_eq!(running.bodies("q").await, ["m"]);
}

#[tokio::test]
async fn what_an_exchange_has_no_binding_for_goes_to_its_alternate() {
    let running = Running::new();
    let alternate = ExchangeDefinition {
        alternate: Some("spare".into()),
        ..exchange("x", RouterKind::Direct)
    };
    running.host.declare_exchange(alternate).await.unwrap();
    running.exchange("spare", RouterKind::Fanout).await;
    running.declare("q").await;
    running.declare("rest").await;
    running.bind("x", "q", "k").await;
    running.bind("spare", "rest", "").await;
    running.publish("x", "k", "one").await;
    running.publish("x", "other", "two").await;
    assert_eq!(running.bodies("q").await, ["one"]);
    assert_eq!(running.bodies("rest").await, ["two"]);
}

#[tokio::test]
async fn what_cannot_be_published_to_says_why() {
    let running = Running::new();
    let missing = running.try_publish(publication("nope", "k", "m")).await;
    assert_eq!(missing, Err(PublishError::NoExchange("nope".into())));
    let internal = ExchangeDefinition {
        internal: true,
        ..exchange("x", RouterKind::Fanout)
    };
    running.host.declare_exchange(internal).await.unwrap();
    let refused = running.try_publish(publication("x", "k", "m")).await;
    assert_eq!(refused, Err(PublishError::Internal("x".into())));
}

#[tokio::test]
async fn declaring_again_is_the_same_or_an_error() {
    let running = Running::new();
    running.exchange("x", RouterKind::Topic).await;
    running.exchange("x", RouterKind::Topic).await;
    let other = running
        .host
        .declare_exchange(exchange("x", RouterKind::Fanout));
    let kinds = Difference::Kind {
        received: "Fanout".into(),
        current: "Topic".into(),
    };
    assert_eq!(other.await, Err(HostError::Inequivalent(kinds.into())));
    running.declare("q").await;
    let mut transient = queue("q");
    transient.durable = false;
    let differs = HostError::Inequivalent(Difference::Durable(false).into());
    assert_eq!(running.declare_as(transient).await, Err(differs));
}

#[tokio::test]
async fn an_exclusive_queue_is_its_connections_own_and_ends_with_it() {
    let running = Running::new();
    let mut own = queue("own");
    own.exclusive = Some(ME);
    own.durable = false;
    running.declare_as(own).await.unwrap();
    running.bind("amq.fanout", "own", "").await;
    let name = || Bytes::from("own");
    let locked = running.host.check_queue(name(), OTHER).await;
    assert_eq!(locked, Err(HostError::ExclusiveToOther(name())));
    running.broker.disconnected(OTHER).await.unwrap();
    assert!(running.host.check_queue(name(), ME).await.is_ok());
    running.broker.disconnected(ME).await.unwrap();
    let gone = running.host.check_queue(name(), ME).await;
    assert_eq!(gone, Err(HostError::NoQueue(name())));
    assert_eq!(
        running.publish("amq.fanout", "", "m").await,
        Published::Unroutable
    );
}

#[tokio::test]
async fn an_exchange_may_be_gone_with_its_last_binding() {
    let running = Running::new();
    let passing = ExchangeDefinition {
        auto_delete: true,
        ..exchange("x", RouterKind::Direct)
    };
    running.host.declare_exchange(passing).await.unwrap();
    running.declare("q").await;
    running.bind("x", "q", "k").await;
    assert!(running.host.check_exchange("x".into()).await.is_ok());
    let deleted = running.host.delete_queue("q".into(), false, false, ME);
    deleted.await.unwrap();
    assert!(running.host.check_exchange("x".into()).await.is_err());
}
