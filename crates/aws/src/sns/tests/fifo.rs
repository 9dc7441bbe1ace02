use forebay_broker::TopicRef;

use super::harness::*;

fn publish(topic: &str, group: &str, message: &str) -> String {
    format!("Action=Publish&TopicArn={topic}&MessageGroupId={group}&Message={message}")
}

#[tokio::test]
async fn a_message_is_taken_once_in_five_minutes() {
    let bench = Bench::start();
    let topic = bench.topic("t.fifo").await;
    let ordered = bench.queue("q.fifo").await;
    let plain = bench.queue("q").await;
    let raw = [("RawMessageDelivery", "true")];
    bench.subscribe(&topic, "sqs", &ordered, &raw).await;
    bench.subscribe(&topic, "sqs", &plain, &raw).await;
    let first = bench.ask(&publish(&topic, "g", "a")).await.unwrap();
    let again = bench.ask(&publish(&topic, "h", "a")).await.unwrap();
    for name in ["MessageId", "SequenceNumber"] {
        assert_eq!(element(&first, name), element(&again, name));
    }
    let explicit = format!("{}&MessageDeduplicationId=other", publish(&topic, "g", "a"));
    let other = bench.ask(&explicit).await.unwrap();
    assert!(element(&other, "SequenceNumber") > element(&first, "SequenceNumber"));
    assert_eq!(element(&other, "SequenceNumber").len(), 20);
    assert_eq!(bench.bodies(&ordered).await, ["a", "a"]);
    assert_eq!(bench.bodies(&plain).await, ["a", "a"]);
}

#[tokio::test]
async fn a_restart_is_not_forgetting() {
    let bench = Bench::start();
    let topic = bench.topic("t.fifo").await;
    let queue = bench.queue("q").await;
    bench.subscribe(&topic, "sqs", &queue, &[]).await;
    let first = bench.ask(&publish(&topic, "g", "a")).await.unwrap();
    let bench = bench.restart();
    let again = bench.ask(&publish(&topic, "g", "a")).await.unwrap();
    for name in ["MessageId", "SequenceNumber"] {
        assert_eq!(element(&first, name), element(&again, name));
    }
    let other = bench.ask(&publish(&topic, "g", "b")).await.unwrap();
    assert!(element(&other, "SequenceNumber") > element(&first, "SequenceNumber"));
    assert_eq!(bench.take(&queue).await.len(), 2);
}

#[tokio::test]
async fn without_a_log_queues_know_what_they_took() {
    let bench = Bench::start();
    let topic = bench.topic("t.fifo").await;
    let queue = bench.queue("q.fifo").await;
    bench.subscribe(&topic, "sqs", &queue, &[]).await;
    let first = bench.ask(&publish(&topic, "g", "a")).await.unwrap();
    let log = TopicRef::Name("t.fifo".to_owned());
    for deleted in bench.broker.delete_topics(vec![log]).await {
        deleted.unwrap();
    }
    let bench = bench.restart();
    let again = bench.ask(&publish(&topic, "g", "a")).await.unwrap();
    assert!(element(&again, "SequenceNumber") > element(&first, "SequenceNumber"));
    assert_eq!(bench.take(&queue).await.len(), 1);
}

#[tokio::test]
async fn groups_may_have_ids_of_their_own() {
    let bench = Bench::start();
    let topic = bench.topic("t.fifo").await;
    let set = format!(
        "Action=SetTopicAttributes&TopicArn={topic}&AttributeName=FifoThroughputScope&AttributeValue=MessageGroup"
    );
    bench.ask(&set).await.unwrap();
    let id = |answer: Result<String, _>| element(&answer.unwrap(), "MessageId");
    let in_g = id(bench.ask(&publish(&topic, "g", "a")).await);
    assert_ne!(id(bench.ask(&publish(&topic, "h", "a")).await), in_g);
    assert_eq!(id(bench.ask(&publish(&topic, "g", "a")).await), in_g);
}

#[tokio::test]
async fn groups_and_ids_are_asked_for() {
    let bench = Bench::start();
    let topic = bench.topic("t.fifo").await;
    let without = format!("Action=Publish&TopicArn={topic}&Message=x");
    assert_eq!(
        bench.refusal(&without).await.1,
        "Invalid parameter: The MessageGroupId parameter is required for FIFO topics"
    );
    let set = format!(
        "Action=SetTopicAttributes&TopicArn={topic}&AttributeName=ContentBasedDeduplication&AttributeValue=false"
    );
    bench.ask(&set).await.unwrap();
    assert_eq!(
        bench.refusal(&publish(&topic, "g", "x")).await.1,
        "Invalid parameter: The topic should either have ContentBasedDeduplication enabled or MessageDeduplicationId provided explicitly"
    );
}
