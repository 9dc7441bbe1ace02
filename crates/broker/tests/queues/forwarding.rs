//! Queues that are subscribed to topics.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use forebay_broker::forwarding::{Forwarding, Task};
use forebay_broker::host::{HostError, TopicStart};
use forebay_broker::queue::{Bounds, Overflow, QueueSettings};
use forebay_broker::routing::RouterKind;
use forebay_broker::{Append, NewTopic, TopicRef};
use forebay_record::{BatchBuilder, Compression};
use tokio::time::timeout;

use crate::harness::{ME, OTHER, Running, mortal, queue};

struct Tokio;

impl Forwarding for Tokio {
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

impl Running {
    /// Has it forward what its queues are subscribed to.
    fn forwarding(self) -> Self {
        let broker = self.broker.clone();
        tokio::spawn(async move { broker.forward(Arc::new(Tokio)).await });
        self
    }

    async fn topic(&self, name: &str, partitions: usize) {
        let topic = NewTopic {
            name: name.to_owned(),
            partitions: Some(partitions),
            configs: BTreeMap::new(),
        };
        let created = self.broker.create_topics(vec![topic], false).await;
        created
            .into_iter()
            .for_each(|created| drop(created.unwrap()));
    }

    async fn produce(&self, topic: &str, partition: i32, values: &[String]) {
        let mut builder = BatchBuilder::new().compression(Compression::Lz4);
        for value in values {
            let value = Some(value.as_bytes());
            builder
                .add(1_700_000_000_000, Some(b"k"), value, &[])
                .unwrap();
        }
        let append = Append {
            topic: self.broker.topic(topic).unwrap(),
            partition,
            batch: BytesMut::from(&builder.build().unwrap()[..]),
        };
        self.broker.append(vec![append]).await.remove(0).unwrap();
    }

    async fn subscribe_topic(
        &self,
        queue: &'static str,
        topic: &'static str,
        start: TopicStart,
    ) -> Result<bool, HostError> {
        let subscribed = self
            .host
            .subscribe_topic(queue.into(), topic.into(), start, ME);
        subscribed.await
    }

    async fn positions(&self, queue: &'static str) -> Vec<u64> {
        let found = self.host.queue(queue.into()).await.unwrap().unwrap();
        let topics = found.topics.into_iter();
        let partitions = topics.flat_map(|topic| topic.partitions);
        partitions.map(|(position, _)| position).collect()
    }

    /// The bodies of the next messages, each of which is taken.
    async fn take(&self, queue: &'static str, count: usize) -> Vec<String> {
        let taken = async {
            let mut bodies = Vec::new();
            while bodies.len() < count {
                bodies.extend(self.bodies(queue).await);
                tokio::task::yield_now().await;
            }
            bodies
        };
        timeout(Duration::from_secs(20), taken).await.unwrap()
    }

    /// Waits until the queue has as many messages ready.
    async fn has(&self, queue: &'static str, ready: u64) {
        let waiting = async {
            while self.ready(queue).await != ready {
                tokio::task::yield_now().await;
            }
        };
        timeout(Duration::from_secs(20), waiting).await.unwrap();
    }
}

fn values(range: std::ops::Range<u64>) -> Vec<String> {
    range.map(|number| number.to_string()).collect()
}

fn bounded(overflow: Overflow) -> QueueSettings {
    QueueSettings {
        bounds: Bounds {
            messages: Some(2),
            overflow,
            ..Bounds::default()
        },
        ..QueueSettings::default()
    }
}

async fn with_topic() -> Running {
    let running = Running::new().forwarding();
    running.topic("t", 1).await;
    running.declare("q").await;
    running
}

#[tokio::test]
async fn a_queue_gets_what_is_produced_from_its_subscription_on() {
    let running = with_topic().await;
    running.produce("t", 0, &values(0..3)).await;
    assert_eq!(
        running.subscribe_topic("q", "t", TopicStart::Latest).await,
        Ok(true)
    );
    running.produce("t", 0, &values(3..1000)).await;
    running.publish("", "t", "by AMQP").await;
    let mut expected = values(3..1000);
    expected.push("by AMQP".to_owned());
    assert_eq!(running.take("q", expected.len()).await, expected);
    assert_eq!(running.positions("q").await, [1001]);
    assert_eq!(running.broker.forward_metrics().messages.value(), 998);
}

#[tokio::test]
async fn a_queue_gets_what_is_there_from_where_it_begins() {
    let running = with_topic().await;
    running.produce("t", 0, &values(0..10)).await;
    running.declare("late").await;
    running
        .subscribe_topic("q", "t", TopicStart::Earliest)
        .await
        .unwrap();
    let late = TopicStart::Offsets(vec![7]);
    running.subscribe_topic("late", "t", late).await.unwrap();
    assert_eq!(running.take("q", 10).await, values(0..10));
    assert_eq!(running.take("late", 3).await, values(7..10));
    // Subscribed again it stays where it is.
    let again = running
        .subscribe_topic("q", "t", TopicStart::Earliest)
        .await;
    assert_eq!(again, Ok(false));
    running.produce("t", 0, &values(10..11)).await;
    assert_eq!(running.take("q", 1).await, ["10"]);
}

#[tokio::test]
async fn every_partition_counts_also_those_that_come_later() {
    let running = with_topic().await;
    running.topic("wide", 2).await;
    running
        .subscribe_topic("q", "wide", TopicStart::Latest)
        .await
        .unwrap();
    running.produce("wide", 0, &values(0..1)).await;
    running.produce("wide", 1, &values(1..2)).await;
    running.has("q", 2).await;
    running
        .broker
        .create_partitions("wide", 4, false)
        .await
        .unwrap();
    running.produce("wide", 3, &values(2..3)).await;
    let mut bodies = running.take("q", 3).await;
    bodies.sort();
    assert_eq!(bodies, values(0..3));
    assert_eq!(running.positions("q").await, [1, 1, 0, 1]);
}

#[tokio::test]
async fn nothing_comes_twice_or_is_left_out_after_a_kill_a_power_cut_or_a_stop() {
    let running = with_topic().await;
    running
        .subscribe_topic("q", "t", TopicStart::Earliest)
        .await
        .unwrap();
    running.produce("t", 0, &values(0..50)).await;
    running.has("q", 50).await;
    // What is not forwarded when it ends is forwarded afterwards.
    running.produce("t", 0, &values(50..600)).await;
    for after in [running.killed(), running.cut()] {
        let after = after.forwarding();
        after.has("q", 600).await;
        assert_eq!(after.bodies("q").await, values(0..600));
        // The snapshot knows it, too.
        let after = after.restarted().restarted().forwarding();
        after.produce("t", 0, &values(600..601)).await;
        assert_eq!(after.take("q", 1).await, ["600"]);
        assert_eq!(after.positions("q").await, [601]);
    }
}

#[tokio::test]
async fn a_subscription_ends_when_it_is_told_to_or_its_queue_or_topic_goes() {
    let running = with_topic().await;
    running
        .subscribe_topic("q", "t", TopicStart::Latest)
        .await
        .unwrap();
    let end = || running.host.unsubscribe_topic("q".into(), "t".into(), ME);
    assert_eq!(end().await, Ok(true));
    assert_eq!(end().await, Ok(false));
    running.produce("t", 0, &values(0..1)).await;
    for after in [running.killed(), running.cut()] {
        assert_eq!(after.positions("q").await, [0; 0]);
    }
    running.declare("gone").await;
    running
        .subscribe_topic("gone", "t", TopicStart::Latest)
        .await
        .unwrap();
    running
        .host
        .delete_queue("gone".into(), false, false, ME)
        .await
        .unwrap();
    running.declare("gone").await;
    assert_eq!(running.positions("gone").await, [0; 0]);
    running
        .subscribe_topic("q", "t", TopicStart::Latest)
        .await
        .unwrap();
    let topic = vec![TopicRef::Name("t".to_owned())];
    running.broker.delete_topics(topic).await.remove(0).unwrap();
    assert_eq!(running.positions("q").await, [0; 0]);
    // It starts with what that left.
    assert_eq!(running.killed().positions("q").await, [0; 0]);
    assert_eq!(running.ready("q").await, 0);
}

#[tokio::test]
async fn what_is_not_there_is_refused() {
    let running = with_topic().await;
    let subscribe = |queue, topic| running.subscribe_topic(queue, topic, TopicStart::Latest);
    let no_topic = HostError::NoTopic(Bytes::from_static(b"none"));
    assert_eq!(subscribe("q", "none").await, Err(no_topic));
    let no_queue = HostError::NoQueue(Bytes::from_static(b"none"));
    assert_eq!(subscribe("none", "t").await, Err(no_queue));
    let mut own = queue("own");
    own.exclusive = Some(OTHER);
    running.host.declare_queue(own, OTHER).await.unwrap();
    assert!(matches!(
        subscribe("own", "t").await,
        Err(HostError::ExclusiveToOther(_))
    ));
}

#[tokio::test]
async fn a_full_queue_that_refuses_has_the_topic_wait() {
    let running = with_topic().await;
    let mut full = queue("full");
    full.settings = bounded(Overflow::RejectPublish);
    running.declare_as(full).await.unwrap();
    running
        .subscribe_topic("full", "t", TopicStart::Latest)
        .await
        .unwrap();
    running.produce("t", 0, &values(0..7)).await;
    running.has("full", 2).await;
    assert_eq!(running.positions("full").await, [2]);
    assert_eq!(running.take("full", 7).await, values(0..7));
}

#[tokio::test]
async fn a_full_queue_that_buries_or_drops_does_so() {
    let running = with_topic().await;
    running.exchange("dead", RouterKind::Fanout).await;
    running.declare("graves").await;
    running.bind("dead", "graves", "").await;
    for (name, overflow, kept, dead) in [
        ("drops", Overflow::DropHead, 5..7, 0..5),
        ("buries", Overflow::RejectPublishDeadLetter, 0..2, 2..7),
    ] {
        running
            .declare_as(mortal(name, "dead", bounded(overflow)))
            .await
            .unwrap();
        let from = TopicStart::Offsets(vec![0]);
        running.topic(&format!("{name}-topic"), 1).await;
        let topic = Bytes::from(format!("{name}-topic"));
        running
            .host
            .subscribe_topic(name.into(), topic, from, ME)
            .await
            .unwrap();
        running
            .produce(&format!("{name}-topic"), 0, &values(0..7))
            .await;
        running.has("graves", 5).await;
        assert_eq!(running.bodies("graves").await, values(dead));
        assert_eq!(running.take(name, 2).await, values(kept));
    }
}

#[tokio::test]
async fn what_retention_took_is_passed_over_and_counted() {
    let running = Running::new();
    running.topic("t", 1).await;
    running.declare("q").await;
    running.produce("t", 0, &values(0..5)).await;
    running
        .subscribe_topic("q", "t", TopicStart::Earliest)
        .await
        .unwrap();
    let topic = running.broker.topic("t").unwrap();
    running
        .broker
        .delete_records(vec![(topic, 0, Some(3))])
        .await
        .remove(0)
        .unwrap();
    let running = running.forwarding();
    assert_eq!(running.take("q", 2).await, values(3..5));
    assert_eq!(running.broker.forward_metrics().skipped.value(), 3);
}

#[tokio::test]
async fn a_full_disk_has_the_topic_wait() {
    let running = Running::new();
    running.topic("t", 1).await;
    running.declare("q").await;
    running
        .subscribe_topic("q", "t", TopicStart::Latest)
        .await
        .unwrap();
    running.produce("t", 0, &values(0..3)).await;
    running.fill().await;
    let running = running.forwarding();
    // Whoever forwards was refused.
    let refused = &running.broker.shard_metrics().refused_full;
    let waiting = async {
        while refused.value() == 0 {
            tokio::task::yield_now().await;
        }
    };
    timeout(Duration::from_secs(20), waiting).await.unwrap();
    assert_eq!(running.ready("q").await, 0);
    running.make_space().await;
    assert_eq!(running.take("q", 3).await, values(0..3));
}
