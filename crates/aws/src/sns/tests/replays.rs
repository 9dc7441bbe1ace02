use std::time::Duration;

use super::harness::*;
use crate::sns::replay;

const EVER: &str = r#"{"PointType": "Timestamp", "StartingPoint": "2000-01-01T00:00:00Z"}"#;
/// How long a replay may take.
const PATIENCE: Duration = Duration::from_secs(20);

impl Bench {
    async fn archived(&self, name: &str) -> String {
        let topic = self.topic(name).await;
        let policy = escaped(r#"{"MessageRetentionPeriod": 1}"#);
        let set = format!(
            "Action=SetTopicAttributes&TopicArn={topic}&AttributeName=ArchivePolicy&AttributeValue={policy}"
        );
        self.ask(&set).await.unwrap();
        topic
    }

    async fn publish_all(&self, topic: &str, bodies: &[&str]) {
        for body in bodies {
            let form = format!("Action=Publish&TopicArn={topic}&MessageGroupId=g&Message={body}");
            self.ask(&form).await.unwrap();
        }
    }

    async fn set_replay(&self, subscription: &str, policy: &str) {
        let policy = escaped(policy);
        let set = format!(
            "Action=SetSubscriptionAttributes&SubscriptionArn={subscription}&AttributeName=ReplayPolicy&AttributeValue={policy}"
        );
        self.ask(&set).await.unwrap();
    }

    async fn status(&self, subscription: &str) -> Option<String> {
        let get = format!("Action=GetSubscriptionAttributes&SubscriptionArn={subscription}");
        attribute(&self.ask(&get).await.unwrap(), "ReplayStatus")
    }

    async fn completed(&self, subscription: &str) {
        let completed = async {
            while self.status(subscription).await.as_deref() != Some("Completed") {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(PATIENCE, completed).await.unwrap();
    }
}

const RAW: (&str, &str) = ("RawMessageDelivery", "true");

#[tokio::test]
async fn who_subscribes_later_is_told_everything_in_order() {
    let bench = Bench::start();
    let topic = bench.archived("t.fifo").await;
    bench.publish_all(&topic, &["1", "2", "3"]).await;
    let queue = bench.queue("q").await;
    let subscription = bench
        .subscribe(&topic, "sqs", &queue, &[RAW, ("ReplayPolicy", EVER)])
        .await;
    assert_eq!(
        bench.status(&subscription).await.as_deref(),
        Some("Pending")
    );
    // What is published meanwhile has its turn.
    bench.publish_all(&topic, &["4"]).await;
    assert!(bench.take(&queue).await.is_empty());
    let replaying = tokio::spawn(replay(bench.sns.clone()));
    bench.completed(&subscription).await;
    bench.publish_all(&topic, &["5"]).await;
    assert_eq!(bench.bodies(&queue).await, ["1", "2", "3", "4", "5"]);
    replaying.abort();
}

#[tokio::test]
async fn what_was_told_is_told_again_if_it_is_asked_for() {
    let bench = Bench::start();
    let replaying = tokio::spawn(replay(bench.sns.clone()));
    let topic = bench.archived("t.fifo").await;
    let queue = bench.queue("q.fifo").await;
    let subscription = bench.subscribe(&topic, "sqs", &queue, &[]).await;
    bench.publish_all(&topic, &["1", "2"]).await;
    for _ in 0..2 {
        bench.set_replay(&subscription, EVER).await;
        bench.completed(&subscription).await;
    }
    let mut told = Vec::new();
    loop {
        let messages = bench.bodies(&queue).await;
        if messages.is_empty() {
            break;
        }
        told.extend(messages);
    }
    let told: Vec<serde_json::Value> = told
        .iter()
        .map(|body| serde_json::from_str(body).unwrap())
        .collect();
    let bodies: Vec<_> = told
        .iter()
        .map(|one| one["Message"].as_str().unwrap())
        .collect();
    assert_eq!(bodies, ["1", "2", "1", "2", "1", "2"]);
    assert_eq!(told[0].get("Replayed"), None);
    assert_eq!(told[2]["Replayed"], "true");
    for name in ["MessageId", "SequenceNumber", "Timestamp", "Signature"] {
        assert_eq!(told[0][name], told[2][name], "{name}");
    }
    bench.set_replay(&subscription, "").await;
    assert_eq!(bench.status(&subscription).await, None);
    replaying.abort();
}

#[tokio::test]
async fn an_end_leaves_out_what_came_between_it_and_the_replay() {
    let bench = Bench::start();
    let topic = bench.archived("t.fifo").await;
    bench.publish_all(&topic, &["old"]).await;
    let end = r#"{"PointType": "Timestamp", "StartingPoint": "2000-01-01T00:00:00Z",
        "EndingPoint": "2001-01-01T00:00:00Z"}"#;
    let queue = bench.queue("q").await;
    let subscription = bench
        .subscribe(&topic, "sqs", &queue, &[RAW, ("ReplayPolicy", end)])
        .await;
    bench.publish_all(&topic, &["new"]).await;
    let replaying = tokio::spawn(replay(bench.sns.clone()));
    bench.completed(&subscription).await;
    assert_eq!(bench.bodies(&queue).await, ["new"]);
    replaying.abort();
}

#[tokio::test]
async fn a_replay_survives_a_restart() {
    let bench = Bench::start();
    let topic = bench.archived("t.fifo").await;
    bench.publish_all(&topic, &["1", "2"]).await;
    let queue = bench.queue("q").await;
    let subscription = bench
        .subscribe(&topic, "sqs", &queue, &[RAW, ("ReplayPolicy", EVER)])
        .await;
    let bench = bench.restart();
    bench.publish_all(&topic, &["3"]).await;
    let replaying = tokio::spawn(replay(bench.sns.clone()));
    bench.completed(&subscription).await;
    assert_eq!(bench.bodies(&queue).await, ["1", "2", "3"]);
    replaying.abort();
}

#[tokio::test]
async fn only_archives_are_replayed() {
    let bench = Bench::start();
    let topic = bench.topic("t.fifo").await;
    let queue = bench.queue("q").await;
    let form = subscribe_form(&topic, "sqs", &queue, &[("ReplayPolicy", EVER)]);
    assert!(bench.refusal(&form).await.1.contains("no ArchivePolicy"));
    let topic = bench.archived("a.fifo").await;
    let form = subscribe_form(&topic, "sqs", &queue, &[("ReplayPolicy", "{}x")]);
    assert!(bench.refusal(&form).await.1.contains("ReplayPolicy"));
}
