use std::sync::Arc;

use forebay_broker::topic::Topic;
use forebay_broker::{NewTopic, TopicRef};

use super::harness::*;

/// What clients of Kafka read: keys, values and headers, as text.
type Read = Vec<(Option<String>, String, Vec<(String, String)>)>;

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn read(log: &Topic) -> Read {
    let mut all = Read::new();
    for partition in &log.partitions {
        let read = partition.read(partition.start_offset(), 1 << 20, true);
        for part in read.unwrap().run().unwrap().parts {
            for batch in forebay_record::Batches::new(&part) {
                for record in &batch.unwrap().records(1 << 20).unwrap() {
                    let record = record.unwrap();
                    let headers = record.headers.into_iter();
                    let headers = headers.map(Result::unwrap);
                    let headers = headers.map(|one| (text(one.key), text(one.value.unwrap())));
                    let value = text(record.value.unwrap());
                    all.push((record.key.map(text), value, headers.collect()));
                }
            }
        }
    }
    all
}

impl Bench {
    fn log(&self, topic: &str) -> Option<Arc<Topic>> {
        self.broker.topic(topic.rsplit(':').next().unwrap())
    }

    async fn make_log(&self, name: &str, partitions: usize) -> Arc<Topic> {
        let log = NewTopic {
            name: name.to_owned(),
            partitions: Some(partitions),
            configs: Default::default(),
        };
        for created in self.broker.create_topics(vec![log], false).await {
            created.unwrap();
        }
        self.broker.topic(name).unwrap()
    }

    async fn archive(&self, topic: &str, policy: &str) -> Result<String, crate::wire::Fault> {
        let value = escaped(policy);
        self.ask(&format!(
            "Action=SetTopicAttributes&TopicArn={topic}&AttributeName=ArchivePolicy&AttributeValue={value}"
        ))
        .await
    }
}

#[tokio::test]
async fn everything_that_is_published_is_in_the_log() {
    let bench = Bench::start();
    let topic = bench.topic("t").await;
    let form = format!(
        "Action=Publish&TopicArn={topic}&Message=body&Subject=about&MessageGroupId=g\
         &MessageAttributes.entry.1.Name=n&MessageAttributes.entry.1.Value.DataType=Number\
         &MessageAttributes.entry.1.Value.StringValue=7\
         &MessageAttributes.entry.2.Name=b&MessageAttributes.entry.2.Value.DataType=Binary\
         &MessageAttributes.entry.2.Value.BinaryValue=eA%3D%3D"
    );
    let answer = bench.ask(&form).await.unwrap();
    let mut read = read(&bench.log(&topic).unwrap());
    let (key, value, headers) = read.remove(0);
    assert_eq!((key.as_deref(), &*value), (Some("g"), "body"));
    let headers: Vec<_> = headers
        .iter()
        .map(|(name, value)| (&**name, &**value))
        .collect();
    assert_eq!(
        headers,
        [
            ("forebay.sns.message-id", &*element(&answer, "MessageId")),
            ("forebay.sns.types", r#"["Number","Binary"]"#),
            ("Subject", "about"),
            ("n", "7"),
            ("b", "x"),
        ]
    );
}

#[tokio::test]
async fn a_queue_may_be_called_like_a_topic_and_is_told_nothing_by_its_log() {
    let bench = Bench::start();
    let topic = bench.topic("same").await;
    let queue = bench.queue("same").await;
    bench
        .ask(&format!("Action=Publish&TopicArn={topic}&Message=x"))
        .await
        .unwrap();
    assert!(bench.take(&queue).await.is_empty());
    assert_eq!(read(&bench.log(&topic).unwrap()).len(), 1);
    // And the other way round.
    bench.queue("first").await;
    let later = bench.topic("first").await;
    assert!(bench.log(&later).is_some());
}

#[tokio::test]
async fn a_log_ends_with_the_topic_that_it_was_made_for() {
    let bench = Bench::start();
    let own = bench.topic("own").await;
    bench.make_log("shared", 2).await;
    let shared = bench.topic("shared").await;
    for topic in [&own, &shared] {
        let form = format!("Action=Publish&TopicArn={topic}&Message=x");
        bench.ask(&form).await.unwrap();
        bench
            .ask(&format!("Action=DeleteTopic&TopicArn={topic}"))
            .await
            .unwrap();
    }
    assert!(bench.log(&own).is_none());
    assert_eq!(read(&bench.log(&shared).unwrap()).len(), 1);
}

#[tokio::test]
async fn a_topic_whose_log_was_deleted_goes_on_without() {
    let bench = Bench::start();
    let topic = bench.topic("t").await;
    let id = bench.log(&topic).unwrap().id;
    for deleted in bench.broker.delete_topics(vec![TopicRef::Id(id)]).await {
        deleted.unwrap();
    }
    let form = format!("Action=Publish&TopicArn={topic}&Message=x");
    bench.ask(&form).await.unwrap();
    // Until it is asked for again.
    bench.topic("t").await;
    bench.ask(&form).await.unwrap();
    assert_eq!(read(&bench.log(&topic).unwrap()).len(), 1);
}

#[tokio::test]
async fn other_accounts_have_no_logs() {
    let bench = Bench::start();
    let create = "Action=CreateTopic&Name=elsewhere";
    bench.ask_as("111111111111", REGION, create).await.unwrap();
    assert!(bench.broker.topic("elsewhere").is_none());
}

#[tokio::test]
async fn an_archive_is_a_log_that_is_kept_for_so_long() {
    let bench = Bench::start();
    let topic = bench.topic("t.fifo").await;
    let retention = || {
        let log = bench.log(&topic).unwrap();
        log.config.overrides().get("retention.ms").cloned()
    };
    assert_eq!(retention(), None);
    let days = r#"{"MessageRetentionPeriod": "30"}"#;
    bench.archive(&topic, days).await.unwrap();
    assert_eq!(retention().as_deref(), Some("2592000000"));
    let more = r#"{"MessageRetentionPeriod": "366"}"#;
    assert!(bench.archive(&topic, more).await.is_err());
    bench.archive(&topic, "{}").await.unwrap();
    assert_eq!(retention(), None);
}

#[tokio::test]
async fn an_archive_has_an_order() {
    let bench = Bench::start();
    bench.make_log("t.fifo", 2).await;
    let topic = bench.topic("t.fifo").await;
    let refused = bench
        .archive(&topic, r#"{"MessageRetentionPeriod": 1}"#)
        .await;
    assert!(refused.unwrap_err().message.contains("several partitions"));
}
