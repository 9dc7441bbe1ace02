//! Streams that are called something else than their topics: those of other virtual hosts, and those with names
//! that no topic can have.

use bytes::Bytes;
use forebay_broker::access::AccessChange;
use forebay_broker::host::{HostError, Published, VirtualHost, VirtualHostId};
use forebay_broker::topic::config::{ConfigChange, Values};
use forebay_broker::{AlterConfig, NameError, NewTopic, TopicError};

use crate::harness::{ME, Running, binding, publication, queue};

/// A virtual host that is founded if it is not there.
async fn virtual_host(running: &Running, name: &str) -> VirtualHost {
    let put = AccessChange::virtual_host(name);
    running.broker.change_access(vec![put]).await.unwrap();
    let id = running.broker.directory().virtual_host(name).unwrap().id;
    running.broker.virtual_host(id)
}

async fn end(running: &Running, name: &str) {
    let name = name.to_owned();
    let delete = AccessChange::DeleteVirtualHost { name };
    running.broker.change_access(vec![delete]).await.unwrap();
}

/// Makes a stream. Returns the name of its topic.
async fn create(host: &VirtualHost, name: &str) -> Result<String, TopicError> {
    let name = Bytes::copy_from_slice(name.as_bytes());
    host.create_stream(name.clone(), Values::new()).await?;
    Ok(host.stream(&name).unwrap().name.to_string())
}

async fn publish(host: &VirtualHost, exchange: &str, key: &str) -> Published {
    let message = publication(exchange, key, "m");
    host.publish(vec![message]).await.remove(0).unwrap()
}

fn names(host: &VirtualHost) -> Vec<Bytes> {
    let streams = host.streams();
    streams.iter().map(|stream| stream.queue_name()).collect()
}

impl Running {
    fn held(&self, topic: &str) -> u64 {
        let topic = self.broker.topic(topic).unwrap();
        topic.partitions[0].end_offset()
    }

    async fn alter(&self, topic: &str, replace: bool, value: &str) -> Result<(), TopicError> {
        let alter = AlterConfig {
            topic: topic.to_owned(),
            replace,
            changes: vec![ConfigChange::Set(
                "forebay.stream".to_owned(),
                value.to_owned(),
            )],
        };
        self.broker
            .alter_configs(vec![alter], false)
            .await
            .remove(0)
    }
}

#[tokio::test]
async fn a_stream_is_known_to_kafka_by_the_names_of_its_virtual_host_and_its_queue() {
    let running = Running::new();
    let shop = virtual_host(&running, "/shop").await;
    assert_eq!(create(&shop, "events").await.unwrap(), "shop.events");
    shop.bind(binding("amq.fanout", "events", ""))
        .await
        .unwrap();
    assert_eq!(publish(&shop, "", "events").await, Published::Routed);
    assert_eq!(publish(&shop, "amq.fanout", "k").await, Published::Routed);
    assert_eq!(running.held("shop.events"), 2);
    let status = shop.check_queue(Bytes::from_static(b"events"), ME).await;
    assert_eq!(status.unwrap().ready, 2);
    // Elsewhere it is not there, and its name is free.
    for name in ["events", "shop.events"] {
        assert_eq!(running.publish("", name, "m").await, Published::Unroutable);
        running.declare(name).await;
        running.publish("", name, "m").await;
        assert_eq!(running.ready(name).await, 1);
    }
    assert_eq!(
        publish(&shop, "", "shop.events").await,
        Published::Unroutable
    );
    assert_eq!(running.held("shop.events"), 2);
    assert_eq!(names(&shop), ["events"]);
    assert!(names(&running.host).is_empty());
}

#[tokio::test]
async fn a_stream_may_be_called_what_no_topic_can_be_called() {
    let running = Running::new();
    assert_eq!(create(&running.host, "b:1").await.unwrap(), "b_1");
    assert_eq!(create(&running.host, "a").await.unwrap(), "a");
    assert_eq!(create(&running.host, "c").await.unwrap(), "c");
    assert_eq!(names(&running.host), ["a", "b:1", "c"]);
    running.publish("", "b:1", "m").await;
    let unknown = running.publish("", "b_1", "m").await;
    assert_eq!(unknown, Published::Unroutable);
    assert_eq!(running.held("b_1"), 1);
    let other = virtual_host(&running, "b:1").await;
    assert_eq!(create(&other, "a").await.unwrap(), "b_1.a");
}

#[tokio::test]
async fn a_name_is_given_once() {
    let running = Running::new();
    let other = virtual_host(&running, "other").await;
    let topic = NewTopic {
        name: "other.made-by-kafka".to_owned(),
        partitions: Some(1),
        configs: Values::new(),
    };
    let made = running.broker.create_topics(vec![topic], false).await;
    made.into_iter().for_each(|made| drop(made.unwrap()));
    let taken = |name: &str| Err(TopicError::Exists(name.to_owned()));
    let refused = create(&other, "made-by-kafka").await;
    assert_eq!(refused, taken("other.made-by-kafka"));
    create(&other, "a:b").await.unwrap();
    assert_eq!(create(&other, "a;b").await, taken("other.a_b"));
    assert_eq!(create(&other, "a:b").await, taken("other.a_b"));
    let too_long = NameError::TooLong {
        length: 256,
        limit: 249,
    };
    let refused = create(&other, &"q".repeat(250)).await;
    assert_eq!(refused, Err(TopicError::Name(too_long)));
    // A queue and a stream of one virtual host do not have one name.
    other.declare_queue(queue("queue"), ME).await.unwrap();
    let refused = create(&other, "queue").await;
    assert_eq!(refused, Err(TopicError::IsQueue("queue".to_owned())));
    let refused = other.declare_queue(queue("a:b"), ME).await;
    assert!(matches!(refused, Err(HostError::Inequivalent(_))));
    running.declare("a:b").await;
}

#[tokio::test]
async fn it_stays_the_stream_that_it_is_whatever_its_configuration_says() {
    let running = Running::new();
    let other = virtual_host(&running, "other").await;
    create(&other, "s").await.unwrap();
    running.alter("other.s", true, "true").await.unwrap();
    publish(&other, "", "s").await;
    assert_eq!(running.held("other.s"), 1);
    running.alter("other.s", false, "false").await.unwrap();
    assert!(names(&other).is_empty());
    other.declare_queue(queue("s"), ME).await.unwrap();
    let refused = running.alter("other.s", false, "true").await;
    assert_eq!(refused, Err(TopicError::IsQueue("s".to_owned())));
    let name = Bytes::from_static(b"s");
    other.delete_queue(name, false, false, ME).await.unwrap();
    running.alter("other.s", false, "true").await.unwrap();
    publish(&other, "", "s").await;
    assert_eq!(running.held("other.s"), 2);
}

#[tokio::test]
async fn streams_of_virtual_hosts_survive_every_end() {
    let mut running = Running::new();
    let other = virtual_host(&running, "other").await;
    create(&other, "s").await.unwrap();
    create(&running.host, "of:default").await.unwrap();
    other.bind(binding("amq.fanout", "s", "")).await.unwrap();
    let ends = [Running::killed, Running::cut];
    for (published, end) in (0u64..).zip(ends.into_iter().cycle().take(4)) {
        publish(&virtual_host(&running, "other").await, "amq.fanout", "").await;
        // What it is after one of them is what is restarted, so that snapshots are read as well.
        running = end(&running).restarted();
        let other = virtual_host(&running, "other").await;
        assert_eq!(names(&other), ["s"]);
        assert_eq!(names(&running.host), ["of:default"]);
        assert_eq!(running.held("other.s"), published + 1);
    }
}

#[tokio::test]
async fn streams_end_with_their_virtual_host() {
    let running = Running::new();
    let other = virtual_host(&running, "other").await;
    create(&other, "s").await.unwrap();
    create(&other, "hidden").await.unwrap();
    running.alter("other.hidden", false, "false").await.unwrap();
    create(&running.host, "stays").await.unwrap();
    create(&running.host, "it:stays").await.unwrap();
    publish(&other, "", "s").await;
    let log = running.broker.topic("other.s").unwrap().partitions[0].clone();
    end(&running, "other").await;
    assert!(log.is_deleted());
    let refused = other.create_stream(Bytes::from_static(b"s"), Values::new());
    assert_eq!(refused.await.unwrap_err(), TopicError::NoVirtualHost);
    end(&running, "/").await;
    for again in [running.killed(), running.cut(), running.restarted()] {
        let topics = again.broker.catalog().all();
        let topics: Vec<_> = topics.iter().map(|topic| topic.name.as_str()).collect();
        assert_eq!(
            topics,
            ["it_stays", "stays"],
            "those of `/` are Kafka's as well"
        );
        // One of the same name has nothing of it.
        let other = virtual_host(&again, "other").await;
        assert!(names(&other).is_empty());
        create(&other, "s").await.unwrap();
        assert_eq!(again.held("other.s"), 0);
        let default = virtual_host(&again, "/").await;
        assert_eq!(default.id(), VirtualHostId::DEFAULT);
        assert_eq!(names(&default), ["it:stays", "stays"]);
    }
}
