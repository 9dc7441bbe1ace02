//! aws-sdk-rust's view of SQS: a test's name is the promise.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use aws_sdk_sqs::error::ProvideErrorMetadata;
use aws_sdk_sqs::primitives::Blob;
use aws_sdk_sqs::types::{
    MessageAttributeValue, MessageSystemAttributeName, QueueAttributeName,
    SendMessageBatchRequestEntry,
};
use forebay_conformance_aws::{PATIENCE, Queue, body, fresh, said, sqs};
use serde_json::json;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

#[tokio::test]
async fn what_is_sent_is_received() {
    let queue = Queue::new().await;
    let text = MessageAttributeValue::builder()
        .data_type("String")
        .string_value("größe");
    let binary = MessageAttributeValue::builder()
        .data_type("Binary")
        .binary_value(Blob::new([0, 255]));
    let sent = queue
        .client
        .send_message()
        .queue_url(&queue.url)
        .message_body("größe 🐙")
        .message_attributes("text", text.build().unwrap())
        .message_attributes("binary", binary.build().unwrap())
        .send()
        .await
        .unwrap();
    let message = queue.take_one().await;
    assert_eq!(body(&message), "größe 🐙");
    assert_eq!(message.message_id, sent.message_id);
    assert_eq!(message.md5_of_body, sent.md5_of_message_body);
    let digest = message.md5_of_message_attributes();
    assert_eq!(digest, sent.md5_of_message_attributes());
    assert!(digest.is_some());
    let attributes = message.message_attributes().unwrap();
    assert_eq!(attributes["text"].string_value(), Some("größe"));
    let bytes = attributes["binary"].binary_value().unwrap();
    assert_eq!(bytes.as_ref(), [0, 255]);
    let count = MessageSystemAttributeName::ApproximateReceiveCount;
    assert_eq!(said(&message, count), "1");
}

#[tokio::test]
async fn a_mebibyte_is_a_message_and_more_is_not() {
    let queue = Queue::new().await;
    let large = "x".repeat(1 << 20);
    queue.send(&large).await;
    assert!(body(&queue.take_one().await) == large);
    let send = queue.client.send_message().queue_url(&queue.url);
    let refused = send.message_body(large + "x").send().await.unwrap_err();
    assert_eq!(refused.code(), Some("InvalidParameterValue"));
}

#[tokio::test]
async fn errors_have_their_types() {
    let queue = Queue::new().await;
    let client = &queue.client;
    let get = client.get_queue_url().queue_name("there-is-no-such-queue");
    let refused = get.send().await.unwrap_err().into_service_error();
    assert!(refused.is_queue_does_not_exist(), "{refused:?}");
    let delete = client.delete_message().queue_url(&queue.url);
    let refused = delete.receipt_handle("garbage").send().await;
    let refused = refused.unwrap_err().into_service_error();
    assert!(refused.is_receipt_handle_is_invalid(), "{refused:?}");
    let batch = client.send_message_batch().queue_url(&queue.url);
    let refused = batch.set_entries(Some(Vec::new())).send().await;
    let refused = refused.unwrap_err().into_service_error();
    assert!(refused.is_empty_batch_request(), "{refused:?}");
    let purge = || client.purge_queue().queue_url(&queue.url).send();
    purge().await.unwrap();
    let refused = purge().await.unwrap_err().into_service_error();
    assert!(refused.is_purge_queue_in_progress(), "{refused:?}");
}

#[tokio::test]
async fn of_a_batch_only_what_is_wrong_fails() {
    let queue = Queue::new().await;
    let entries = (0..10).map(|number| {
        let body = match number {
            4 => "a\u{8}b".to_owned(),
            number => number.to_string(),
        };
        let entry = SendMessageBatchRequestEntry::builder();
        entry.id(number.to_string()).message_body(body).build()
    });
    let entries = entries.collect::<Result<_, _>>().unwrap();
    let batch = queue.client.send_message_batch().queue_url(&queue.url);
    let sent = batch.set_entries(Some(entries)).send().await.unwrap();
    assert_eq!(sent.successful().len(), 9);
    let [failed] = sent.failed() else {
        panic!("{:?}", sent.failed());
    };
    assert_eq!(
        (failed.id(), failed.code()),
        ("4", "InvalidMessageContents")
    );
    assert_eq!(queue.take(9).await.len(), 9);
}

#[tokio::test]
async fn messages_come_back_when_their_time_is_over() {
    let queue = Queue::with(&[(QueueAttributeName::VisibilityTimeout, "1")]).await;
    queue.send("a").await;
    let first = queue.take_one().await;
    let again = queue.take_one().await;
    assert_eq!(again.message_id, first.message_id);
    let count = MessageSystemAttributeName::ApproximateReceiveCount;
    assert_eq!(said(&again, count), "2");
    queue.change(&again, 600).await;
    assert!(queue.receive(1, 2).await.is_empty());
    queue.delete(&again).await;
    assert_eq!(queue.left().await, 0);
}

#[tokio::test]
async fn a_message_may_be_late() {
    let queue = Queue::new().await;
    let send = queue.client.send_message().queue_url(&queue.url);
    let sent = send.message_body("late").delay_seconds(2).send().await;
    sent.unwrap();
    assert!(queue.receive(1, 0).await.is_empty());
    assert_eq!(body(&queue.take_one().await), "late");
}

#[tokio::test]
async fn groups_are_in_order() {
    let queue = Queue::fifo().await;
    for number in 0..5 {
        for group in ["a", "b"] {
            queue.send_to(group, &format!("{group}{number}")).await;
        }
    }
    let mut seen: BTreeMap<u8, Vec<String>> = BTreeMap::new();
    for _ in 0..10 {
        let message = queue.take_one().await;
        let text = body(&message).to_owned();
        seen.entry(text.as_bytes()[0]).or_default().push(text);
        queue.delete(&message).await;
    }
    for (group, found) in seen {
        assert_eq!(found.len(), 5, "{group}");
        assert!(found.is_sorted(), "{found:?}");
    }
}

#[tokio::test]
async fn a_group_is_blocked_while_one_of_it_is_in_flight() {
    let queue = Queue::fifo().await;
    queue.send_to("a", "1").await;
    queue.send_to("a", "2").await;
    let first = queue.receive(1, 5).await.remove(0);
    assert_eq!(body(&first), "1");
    assert!(queue.receive(1, 1).await.is_empty());
    queue.delete(&first).await;
    assert_eq!(body(&queue.take_one().await), "2");
}

#[tokio::test]
async fn duplicates_are_one() {
    let queue = Queue::fifo().await;
    let first = queue.send_to("a", "same").await;
    let second = queue.send_to("a", "same").await;
    assert_eq!(first.message_id, second.message_id);
    assert_eq!(first.sequence_number, second.sequence_number);
    let message = queue.take_one().await;
    queue.delete(&message).await;
    assert!(queue.receive(1, 1).await.is_empty());
}

#[tokio::test]
async fn a_long_poll_ends_with_the_first_message() {
    let queue = Arc::new(Queue::new().await);
    let polling = Arc::clone(&queue);
    let poll = tokio::spawn(async move { polling.receive(10, 20).await });
    sleep(Duration::from_millis(300)).await;
    queue.send("a").await;
    let found = timeout(PATIENCE / 3, poll)
        .await
        .expect("it goes on waiting");
    assert_eq!(body(&found.unwrap()[0]), "a");
}

#[tokio::test]
async fn a_poll_that_is_given_up_takes_nothing() {
    let queue = Queue::new().await;
    let poll = timeout(Duration::from_millis(300), queue.receive(1, 20));
    poll.await.expect_err("the poll ended by itself");
    sleep(Duration::from_millis(300)).await;
    queue.send("a").await;
    let message = queue.take_one().await;
    let count = MessageSystemAttributeName::ApproximateReceiveCount;
    assert_eq!(said(&message, count), "1");
}

#[tokio::test]
async fn messages_die_after_so_many_receives_and_are_moved_back() {
    let dead = Queue::new().await;
    let policy = json!({"deadLetterTargetArn": dead.arn().await, "maxReceiveCount": 2});
    let queue = Queue::with(&[
        (QueueAttributeName::RedrivePolicy, &policy.to_string()),
        (QueueAttributeName::VisibilityTimeout, "1"),
    ])
    .await;
    queue.send("a").await;
    queue.take(2).await;
    assert!(queue.receive(1, 2).await.is_empty());
    assert_eq!(dead.left().await, 1);
    let start = dead.client.start_message_move_task();
    let started = start.source_arn(dead.arn().await).send().await.unwrap();
    assert!(started.task_handle().is_some());
    assert_eq!(body(&queue.take_one().await), "a");
    assert_eq!(dead.left().await, 0);
}

#[tokio::test]
async fn sixteen_consumers_share_no_message() {
    const COUNT: usize = 500;
    let queue = Arc::new(Queue::new().await);
    let mut consumers = JoinSet::new();
    for _ in 0..16 {
        let queue = Arc::clone(&queue);
        consumers.spawn(async move {
            let mut seen = Vec::new();
            loop {
                let messages = queue.receive(10, 2).await;
                if messages.is_empty() {
                    return seen;
                }
                for message in &messages {
                    queue.delete(message).await;
                    seen.push(body(message).to_owned());
                }
            }
        });
    }
    for number in 0..COUNT {
        queue.send(&number.to_string()).await;
    }
    let seen = consumers.join_all().await.concat();
    assert_eq!(seen.len(), COUNT);
    assert_eq!(seen.iter().collect::<BTreeSet<_>>().len(), COUNT);
    assert_eq!(queue.left().await, 0);
}

#[tokio::test]
async fn queues_are_listed_in_pages() {
    let (client, prefix) = (sqs(), fresh("listed"));
    let mut made = BTreeSet::new();
    for number in 0..3 {
        let create = client
            .create_queue()
            .queue_name(format!("{prefix}-{number}"));
        made.extend(create.send().await.unwrap().queue_url);
    }
    let list = client
        .list_queues()
        .queue_name_prefix(&prefix)
        .max_results(2);
    let mut pages = list.into_paginator().send();
    let (mut found, mut count) = (BTreeSet::new(), 0);
    while let Some(page) = pages.next().await {
        found.extend(page.unwrap().queue_urls.unwrap_or_default());
        count += 1;
    }
    assert_eq!((found, count), (made, 2));
}
