//! aws-sdk-rust's view of SNS: a test's name is the promise.

use std::collections::BTreeSet;

use aws_sdk_sns::Client;
use aws_sdk_sns::error::ProvideErrorMetadata;
use aws_sdk_sns::types::{MessageAttributeValue, PublishBatchRequestEntry};
use forebay_conformance_aws::{Queue, body, fresh, sns};
use serde_json::{Value, json};

/// A topic of a case's own.
struct Topic {
    client: Client,
    arn: String,
}

impl Topic {
    async fn new() -> Self {
        let client = sns();
        let created = client.create_topic().name(fresh("topic")).send().await;
        let arn = created.unwrap().topic_arn.unwrap();
        Self { client, arn }
    }

    async fn fifo() -> Self {
        let client = sns();
        let create = client.create_topic().name(fresh("topic") + ".fifo");
        let create = create
            .attributes("FifoTopic", "true")
            .attributes("ContentBasedDeduplication", "true");
        let arn = create.send().await.unwrap().topic_arn.unwrap();
        Self { client, arn }
    }

    /// Subscribes a queue. Returns the subscription's ARN.
    async fn tell(&self, queue: &Queue, attributes: &[(&str, &str)]) -> String {
        let mut subscribe = self.client.subscribe().topic_arn(&self.arn);
        subscribe = subscribe.protocol("sqs").endpoint(queue.arn().await);
        for (name, value) in attributes {
            subscribe = subscribe.attributes(*name, *value);
        }
        let subscribed = subscribe.return_subscription_arn(true).send().await;
        subscribed.unwrap().subscription_arn.unwrap()
    }
}

#[tokio::test]
async fn who_is_subscribed_is_told() {
    let (topic, queue, raw) = (Topic::new().await, Queue::new().await, Queue::new().await);
    topic.tell(&queue, &[]).await;
    topic.tell(&raw, &[("RawMessageDelivery", "true")]).await;
    let colour = MessageAttributeValue::builder()
        .data_type("String")
        .string_value("red");
    let publish = topic.client.publish().topic_arn(&topic.arn);
    let published = publish
        .message("größe 🐙")
        .subject("about")
        .message_attributes("colour", colour.build().unwrap())
        .send()
        .await
        .unwrap();
    let told: Value = serde_json::from_str(body(&queue.take_one().await)).unwrap();
    assert_eq!(told["Type"], "Notification");
    assert_eq!(told["MessageId"], published.message_id().unwrap());
    assert_eq!(told["TopicArn"], topic.arn);
    assert_eq!(told["Message"], "größe 🐙");
    assert_eq!(told["Subject"], "about");
    assert_eq!(told["MessageAttributes"]["colour"]["Value"], "red");
    let message = raw.take_one().await;
    assert_eq!(body(&message), "größe 🐙");
    let attributes = message.message_attributes().unwrap();
    assert_eq!(attributes["colour"].string_value(), Some("red"));
}

#[tokio::test]
async fn a_subscription_is_told_what_its_filter_wants() {
    let (topic, queue) = (Topic::new().await, Queue::new().await);
    let filter = json!({"number": [{"numeric": [">", 1]}]}).to_string();
    let attributes = [
        ("RawMessageDelivery", "true"),
        ("FilterPolicy", filter.as_str()),
        ("FilterPolicyScope", "MessageBody"),
    ];
    topic.tell(&queue, &attributes).await;
    for number in 0..4 {
        let message = json!({"number": number}).to_string();
        let publish = topic.client.publish().topic_arn(&topic.arn);
        publish.message(message).send().await.unwrap();
    }
    let found: BTreeSet<String> = queue
        .take(2)
        .await
        .iter()
        .map(|message| body(message).to_owned())
        .collect();
    let wanted = [r#"{"number":2}"#, r#"{"number":3}"#];
    assert_eq!(found, wanted.map(str::to_owned).into());
    assert!(queue.receive(1, 1).await.is_empty());
}

#[tokio::test]
async fn a_batch_is_told_of_each_message() {
    let (topic, queue) = (Topic::new().await, Queue::new().await);
    topic.tell(&queue, &[("RawMessageDelivery", "true")]).await;
    let entry = |id: &str, message: &str| {
        let entry = PublishBatchRequestEntry::builder();
        entry.id(id).message(message).build().unwrap()
    };
    let publish = |entries| {
        let batch = topic.client.publish_batch().topic_arn(&topic.arn);
        let batch = batch.set_publish_batch_request_entries(Some(entries));
        batch.send()
    };
    let published = publish(vec![entry("1", "a"), entry("2", "b")]).await;
    let published = published.unwrap();
    let ids: Vec<_> = published.successful().iter().map(|it| it.id()).collect();
    assert_eq!(ids, [Some("1"), Some("2")]);
    assert!(published.failed().is_empty());
    assert_eq!(queue.take(2).await.len(), 2);
    let refused = publish(vec![entry("same", "a"), entry("same", "b")]).await;
    let refused = refused.unwrap_err().into_service_error();
    assert!(
        refused.is_batch_entry_ids_not_distinct_exception(),
        "{refused:?}"
    );
}

#[tokio::test]
async fn fifo_topics_keep_the_order_and_know_duplicates() {
    let (topic, queue) = (Topic::fifo().await, Queue::fifo().await);
    topic.tell(&queue, &[("RawMessageDelivery", "true")]).await;
    let mut numbers = Vec::new();
    for message in ["1", "2", "2", "3"] {
        let publish = topic.client.publish().topic_arn(&topic.arn);
        let published = publish.message(message).message_group_id("g").send().await;
        numbers.push(published.unwrap().sequence_number.unwrap());
    }
    assert_eq!(numbers[1], numbers[2]);
    assert!(numbers.is_sorted(), "{numbers:?}");
    let mut told = Vec::new();
    for _ in 0..3 {
        let message = queue.take_one().await;
        told.push(body(&message).to_owned());
        queue.delete(&message).await;
    }
    assert_eq!(told, ["1", "2", "3"]);
    assert!(queue.receive(1, 1).await.is_empty());
}

#[tokio::test]
async fn errors_of_topics_have_their_types() {
    let topic = Topic::new().await;
    let missing = format!("{}-not", topic.arn);
    let publish = topic.client.publish().topic_arn(missing).message("a");
    let refused = publish.send().await.unwrap_err().into_service_error();
    assert!(refused.is_not_found_exception(), "{refused:?}");
    let subscribe = topic.client.subscribe().topic_arn(&topic.arn);
    let refused = subscribe.protocol("pigeon").endpoint("roof").send().await;
    let refused = refused.unwrap_err().into_service_error();
    assert!(refused.is_invalid_parameter_exception(), "{refused:?}");
    assert_eq!(refused.code(), Some("InvalidParameter"));
}

#[tokio::test]
async fn who_is_subscribed_is_listed_and_ends() {
    let (topic, queue) = (Topic::new().await, Queue::new().await);
    let subscription = topic.tell(&queue, &[]).await;
    let list = || {
        topic
            .client
            .list_subscriptions_by_topic()
            .topic_arn(&topic.arn)
    };
    let mut pages = list().into_paginator().items().send();
    let listed = pages.next().await.unwrap().unwrap();
    assert_eq!(listed.subscription_arn(), Some(&*subscription));
    assert!(pages.next().await.is_none());
    let end = topic.client.unsubscribe().subscription_arn(subscription);
    end.send().await.unwrap();
    assert!(list().send().await.unwrap().subscriptions().is_empty());
    let publish = topic.client.publish().topic_arn(&topic.arn);
    publish.message("to nobody").send().await.unwrap();
    assert!(queue.receive(1, 1).await.is_empty());
}
