//! Policies hold for queues and exchanges by their names, at once.

use bytes::Bytes;
use forebay_broker::access::{AccessChange, Pattern};
use forebay_broker::policy::{ApplyTo, Policy, PolicyKind, PolicyRules, QueueTypes};
use forebay_broker::queue::{Bounds, Overflow, QueueSettings};
use forebay_broker::routing::RouterKind;

use crate::harness::{Running, exchange, queue};
use forebay_broker::host::{Published, QueueDefinition};

pub(crate) fn policy(pattern: &str, rules: PolicyRules) -> Policy {
    Policy {
        pattern: Pattern::new(pattern).unwrap(),
        apply_to: ApplyTo::All,
        priority: 0,
        definition: "{}".to_owned(),
        rules,
        not_for: QueueTypes::default(),
    }
}

pub(crate) async fn put(running: &Running, kind: PolicyKind, name: &str, policy: Policy) {
    let put = AccessChange::PutPolicy {
        kind,
        virtual_host: "/".to_owned(),
        name: name.to_owned(),
        policy,
    };
    running.broker.change_access(vec![put]).await.unwrap();
}

pub(crate) async fn delete(running: &Running, kind: PolicyKind, name: &str) {
    let delete = AccessChange::DeletePolicy {
        kind,
        virtual_host: "/".to_owned(),
        name: name.to_owned(),
    };
    running.broker.change_access(vec![delete]).await.unwrap();
}

fn at_most(messages: u64) -> PolicyRules {
    PolicyRules {
        max_messages: Some(messages),
        overflow: Some(Overflow::RejectPublish),
        ..PolicyRules::default()
    }
}

async fn fits(running: &Running, queue: &str) -> u64 {
    while running.publish("", queue, "m").await == Published::Routed {}
    running.ready(queue).await
}

fn bounded(name: &str, messages: u64) -> QueueDefinition {
    QueueDefinition {
        settings: QueueSettings {
            bounds: Bounds {
                messages: Some(messages),
                overflow: Overflow::RejectPublish,
                ..Bounds::default()
            },
            ..QueueSettings::default()
        },
        ..queue(name)
    }
}

#[tokio::test]
async fn a_policy_holds_for_queues_there_are_and_queues_to_come() {
    let running = Running::new();
    running.declare("a.there").await;
    running.declare("b").await;
    put(&running, PolicyKind::User, "p", policy("^a\\.", at_most(2))).await;
    running.declare("a.later").await;
    assert_eq!(fits(&running, "a.there").await, 2);
    assert_eq!(fits(&running, "a.later").await, 2);
    running.publish("", "b", "1").await;
    for _ in 0..4 {
        assert_eq!(running.publish("", "b", "m").await, Published::Routed);
    }
    for again in [running.killed(), running.cut()] {
        assert_eq!(again.publish("", "a.there", "m").await, Published::Refused);
    }
    delete(&running, PolicyKind::User, "p").await;
    assert_eq!(running.publish("", "a.there", "m").await, Published::Routed);
    let again = running.restarted();
    assert_eq!(again.publish("", "a.later", "m").await, Published::Routed);
}

#[tokio::test]
async fn the_highest_priority_counts_and_of_limits_the_smallest() {
    let running = Running::new();
    running.declare_as(bounded("own", 5)).await.unwrap();
    running.declare("free").await;
    put(&running, PolicyKind::User, "low", policy("", at_most(1))).await;
    let all = policy(".*", at_most(9));
    put(&running, PolicyKind::User, "all", all.clone()).await;
    assert_eq!(
        fits(&running, "own").await,
        5,
        "what it was declared with is less"
    );
    assert_eq!(fits(&running, "free").await, 9);
    let important = Policy {
        priority: 7,
        ..policy("free", at_most(10))
    };
    put(&running, PolicyKind::User, "important", important).await;
    assert_eq!(fits(&running, "free").await, 10);
    let operators = policy(".*", at_most(3));
    put(&running, PolicyKind::Operator, "o", operators).await;
    for queue in ["own", "free"] {
        while running.get(queue).await.is_some() {}
        running
            .host
            .purge_queue(Bytes::copy_from_slice(queue.as_bytes()), crate::harness::ME)
            .await
            .unwrap();
        assert_eq!(fits(&running, queue).await, 3, "{queue}");
    }
}

#[tokio::test]
async fn a_policy_says_where_the_dead_and_the_unroutable_go() {
    let running = Running::new();
    running.exchange("dlx", RouterKind::Fanout).await;
    running.declare("grave").await;
    running.bind("dlx", "grave", "").await;
    running.declare("q").await;
    running
        .host
        .declare_exchange(exchange("x", RouterKind::Direct))
        .await
        .unwrap();
    let rules = PolicyRules {
        ttl_ms: Some(1_000),
        dead_letter_exchange: Some(Bytes::from_static(b"dlx")),
        alternate_exchange: Some(Bytes::from_static(b"dlx")),
        ..PolicyRules::default()
    };
    put(&running, PolicyKind::User, "p", policy("^(q|x)$", rules)).await;
    running.publish("", "q", "old").await;
    running.pass(2_000).await;
    assert_eq!(running.bodies("grave").await, ["old"]);
    assert_eq!(
        running.publish("x", "nowhere", "lost").await,
        Published::Routed
    );
    assert_eq!(running.bodies("grave").await, ["lost"]);
    let again = running.restarted();
    again.publish("", "q", "again").await;
    again.pass(2_000).await;
    again.publish("x", "nowhere", "again").await;
    assert_eq!(again.bodies("grave").await, ["again", "again"]);
}
