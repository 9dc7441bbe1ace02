use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::harness::*;
use crate::sns::deliver;

/// How long a request may take to come.
const PATIENCE: Duration = Duration::from_secs(20);

/// Somebody who is told.
struct Endpoint {
    listener: TcpListener,
}

/// What was told.
struct Told {
    head: String,
    body: String,
}

impl Told {
    fn header(&self, name: &str) -> Option<&str> {
        let mut lines = self.head.lines().skip(1);
        lines.find_map(|line| {
            let (found, value) = line.split_once(": ")?;
            found.eq_ignore_ascii_case(name).then_some(value)
        })
    }

    fn json(&self) -> Value {
        serde_json::from_str(&self.body).expect("it is JSON")
    }
}

impl Endpoint {
    async fn listen() -> Self {
        Self {
            listener: TcpListener::bind("127.0.0.1:0").await.unwrap(),
        }
    }

    fn url(&self) -> String {
        format!("http://{}/hook?a=b", self.listener.local_addr().unwrap())
    }

    /// The next request, answered with a status.
    async fn told(&self, status: u16) -> Told {
        let told = async {
            let (mut stream, _) = self.listener.accept().await.unwrap();
            let mut read = Vec::new();
            loop {
                let text = String::from_utf8_lossy(&read).into_owned();
                if let Some((head, body)) = text.split_once("\r\n\r\n") {
                    let head = format!("{head}\r\n");
                    let told = Told {
                        head,
                        body: body.to_owned(),
                    };
                    let length = told
                        .header("content-length")
                        .map(|text| text.trim().parse());
                    if length == Some(Ok(told.body.len())) {
                        let answer = format!("HTTP/1.1 {status} Said\r\ncontent-length: 0\r\n\r\n");
                        stream.write_all(answer.as_bytes()).await.unwrap();
                        return told;
                    }
                }
                assert!(
                    stream.read_buf(&mut read).await.unwrap() > 0,
                    "the request is whole"
                );
            }
        };
        tokio::time::timeout(PATIENCE, told)
            .await
            .expect("a request comes")
    }
}

/// A delivery policy that tries again at once.
const AT_ONCE: &str = r#"{"healthyRetryPolicy": {"minDelayTarget": 1, "maxDelayTarget": 1, "numRetries": 2, "numNoDelayRetries": 2}}"#;

#[tokio::test]
async fn an_endpoint_confirms_and_is_told() {
    let bench = Bench::start();
    let delivering = tokio::spawn(deliver(bench.sns.clone()));
    let endpoint = Endpoint::listen().await;
    let topic = bench.topic("t").await;
    let subscription = bench.subscribe(&topic, "http", &endpoint.url(), &[]).await;
    let asked = endpoint.told(200).await;
    assert!(
        asked.head.starts_with("POST /hook?a=b HTTP/1.1\r\n"),
        "{}",
        asked.head
    );
    assert_eq!(
        asked.header("x-amz-sns-message-type"),
        Some("SubscriptionConfirmation")
    );
    assert_eq!(asked.header("x-amz-sns-topic-arn"), Some(&*topic));
    assert_eq!(asked.header("x-amz-sns-subscription-arn"), None);
    assert_eq!(
        asked.header("content-type"),
        Some("text/plain; charset=UTF-8")
    );
    let question = asked.json();
    let url = question["SubscribeURL"].as_str().unwrap();
    let form = url.strip_prefix("http://localhost:4566/?").unwrap();
    bench.ask(form).await.unwrap();

    bench
        .ask(&format!(
            "Action=Publish&TopicArn={topic}&Message=x&Subject=s"
        ))
        .await
        .unwrap();
    let told = endpoint.told(200).await;
    assert_eq!(told.header("x-amz-sns-message-type"), Some("Notification"));
    assert_eq!(
        told.header("x-amz-sns-subscription-arn"),
        Some(&*subscription)
    );
    assert_eq!(told.header("x-amz-sns-rawdelivery"), None);
    let notification = told.json();
    assert_eq!(
        (&notification["Message"], &notification["Subject"]),
        (&"x".into(), &"s".into())
    );
    assert_eq!(
        told.header("x-amz-sns-message-id"),
        notification["MessageId"].as_str()
    );

    let raw = format!(
        "Action=SetSubscriptionAttributes&SubscriptionArn={subscription}&AttributeName=RawMessageDelivery&AttributeValue=true"
    );
    bench.ask(&raw).await.unwrap();
    bench
        .ask(&format!("Action=Publish&TopicArn={topic}&Message=raw"))
        .await
        .unwrap();
    let told = endpoint.told(200).await;
    assert_eq!(
        (&*told.body, told.header("x-amz-sns-rawdelivery")),
        ("raw", Some("true"))
    );
    delivering.abort();
}

#[tokio::test]
async fn an_endpoint_that_fails_is_told_again_and_then_somebody_else_is() {
    let bench = Bench::start();
    let delivering = tokio::spawn(deliver(bench.sns.clone()));
    let endpoint = Endpoint::listen().await;
    let topic = bench.topic("t").await;
    let dead = bench.queue("dead").await;
    let redrive = format!(r#"{{"deadLetterTargetArn": "{dead}"}}"#);
    let attributes = [("RedrivePolicy", &*redrive), ("DeliveryPolicy", AT_ONCE)];
    bench
        .subscribe(&topic, "http", &endpoint.url(), &attributes)
        .await;
    let question = endpoint.told(200).await.json();
    let url = question["SubscribeURL"].as_str().unwrap();
    bench
        .ask(url.strip_prefix("http://localhost:4566/?").unwrap())
        .await
        .unwrap();
    bench
        .ask(&format!("Action=Publish&TopicArn={topic}&Message=x"))
        .await
        .unwrap();
    // Once, and two times again.
    for _ in 0..3 {
        assert_eq!(endpoint.told(500).await.json()["Message"], "x");
    }
    let deadline = tokio::time::Instant::now() + PATIENCE;
    loop {
        let bodies = bench.bodies(&dead).await;
        if let [body] = &bodies[..] {
            assert!(body.contains("\"Message\" : \"x\""), "{body}");
            break;
        }
        assert!(tokio::time::Instant::now() < deadline, "it is buried");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    delivering.abort();
}

#[tokio::test]
async fn an_endpoint_that_closes_with_its_answer_is_told_once() {
    let bench = Bench::start();
    let delivering = tokio::spawn(deliver(bench.sns.clone()));
    let endpoint = Endpoint::listen().await;
    let topic = bench.topic("t").await;
    let attributes = [("DeliveryPolicy", AT_ONCE), ("RawMessageDelivery", "true")];
    bench
        .subscribe(&topic, "http", &endpoint.url(), &attributes)
        .await;
    let question = endpoint.told(200).await.json();
    let url = question["SubscribeURL"].as_str().unwrap();
    bench
        .ask(url.strip_prefix("http://localhost:4566/?").unwrap())
        .await
        .unwrap();
    // Each is told once: whatever is sent again would be in between.
    for number in 0..100 {
        let message = number.to_string();
        bench
            .ask(&format!(
                "Action=Publish&TopicArn={topic}&Message={message}"
            ))
            .await
            .unwrap();
        assert_eq!(endpoint.told(200).await.body, message);
    }
    delivering.abort();
}

#[tokio::test]
async fn what_waits_for_an_endpoint_survives_a_restart() {
    let bench = Bench::start();
    let endpoint = Endpoint::listen().await;
    let topic = bench.topic("t").await;
    bench.subscribe(&topic, "http", &endpoint.url(), &[]).await;
    let bench = bench.restart();
    let delivering = tokio::spawn(deliver(bench.sns.clone()));
    let asked = endpoint.told(200).await;
    assert_eq!(
        asked.header("x-amz-sns-message-type"),
        Some("SubscriptionConfirmation")
    );
    delivering.abort();
}
