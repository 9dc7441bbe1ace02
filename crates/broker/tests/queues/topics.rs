//! Topics that are streams among the queues, and topics that are not.

use bytes::Bytes;
use forebay_broker::host::{
    Envelope, HostError, MessageHeaders, Publication, Published, TopicAddress,
};
use forebay_broker::topic::config::ConfigChange;
use forebay_broker::{AlterConfig, NewTopic, TopicError};

use super::harness::*;

impl Running {
    async fn create(
        &self,
        name: &str,
        is_stream: bool,
        partitions: usize,
    ) -> Result<(), TopicError> {
        let topic = NewTopic {
            name: name.to_owned(),
            partitions: Some(partitions),
            configs: [("forebay.stream".to_owned(), is_stream.to_string())].into(),
        };
        let mut created = self.broker.create_topics(vec![topic], false).await;
        created.remove(0).map(drop)
    }

    async fn set_stream(&self, name: &str, is_stream: bool) -> Result<(), TopicError> {
        let set = ConfigChange::Set("forebay.stream".to_owned(), is_stream.to_string());
        let alter = AlterConfig {
            topic: name.to_owned(),
            replace: false,
            changes: vec![set],
        };
        self.broker
            .alter_configs(vec![alter], false)
            .await
            .remove(0)
    }

    /// How many records each partition has.
    fn records(&self, name: &str) -> Vec<u64> {
        let topic = self.broker.topic(name).unwrap();
        topic
            .partitions
            .iter()
            .map(|log| log.end_offset())
            .collect()
    }
}

fn addressed(name: &str, key: Option<&str>) -> Publication {
    let address = TopicAddress {
        name: Bytes::copy_from_slice(name.as_bytes()),
        key: key.map(|key| Bytes::copy_from_slice(key.as_bytes())),
    };
    Publication {
        envelope: Envelope {
            headers: Some(Box::new(MessageHeaders {
                topic: Some(address),
                ..MessageHeaders::default()
            })),
            ..Envelope::default()
        },
        ..publication("", "", "m")
    }
}

#[tokio::test]
async fn a_queue_may_have_the_name_of_a_topic_that_is_no_stream() {
    let running = Running::new();
    running.declare("before").await;
    assert_eq!(
        running.create("before", true, 1).await,
        Err(TopicError::IsQueue("before".to_owned()))
    );
    running.create("before", false, 1).await.unwrap();
    running.create("after", false, 1).await.unwrap();
    running.declare("after").await;
    running.create("stream", true, 1).await.unwrap();
    let refused = running.declare_as(queue("stream")).await;
    assert!(matches!(refused, Err(HostError::Inequivalent(_))));
    for name in ["before", "after"] {
        running.publish("", name, "for the queue").await;
        assert_eq!(running.records(name), [0]);
        assert_eq!(running.declare(name).await.ready, 1);
    }
}

#[tokio::test]
async fn a_topic_becomes_a_stream_where_no_queue_has_its_name() {
    let running = Running::new();
    running.create("t", false, 1).await.unwrap();
    running.declare("t").await;
    let refused = running.set_stream("t", true).await;
    assert_eq!(refused, Err(TopicError::IsQueue("t".to_owned())));
    running
        .host
        .delete_queue("t".into(), false, false, ME)
        .await
        .unwrap();
    running.set_stream("t", true).await.unwrap();
    assert!(running.declare_as(queue("t")).await.is_err());
    running.publish("", "t", "for the stream").await;
    assert_eq!(running.records("t"), [1]);
}

#[tokio::test]
async fn a_message_for_a_topic_goes_there_and_nowhere_else() {
    let running = Running::new();
    running.create("t", false, 3).await.unwrap();
    running.declare("t").await;
    for _ in 0..5 {
        let published = running.try_publish(addressed("t", Some("k"))).await;
        assert_eq!(published, Ok(Published::Routed));
    }
    let mut records = running.records("t");
    records.sort_unstable();
    assert_eq!(records, [0, 0, 5]);
    assert_eq!(running.declare("t").await.ready, 0);
    let nowhere = running.try_publish(addressed("gone", None)).await;
    assert_eq!(nowhere, Ok(Published::Unroutable));
}
