//! What becomes of messages.

use std::time::{Duration, Instant};

use forebay_aws::GatewayOptions;
use serde_json::json;

use super::support::Server;

/// A long poll that nothing ends.
const LONG: u64 = 20;

#[tokio::test]
async fn what_is_sent_in_json_is_received_by_the_query_protocol() {
    let server = Server::start();
    let mut client = server.connect();
    let made = client
        .done("CreateQueue", &json!({"QueueName": "jobs"}))
        .await;
    assert_eq!(made["QueueUrl"], "http://aws.test/000000000000/jobs");
    let attributes = json!({"kind": {"DataType": "String", "StringValue": "<new>"}});
    let message = json!({
        "QueueUrl": made["QueueUrl"], "MessageBody": "a & b", "MessageAttributes": attributes,
    });
    let sent = client.done("SendMessage", &message).await;
    assert_eq!(sent["MD5OfMessageBody"], "9fed43e0f68e6c705d96bd051704f1f2");
    let form = "Action=ReceiveMessage&MessageAttributeName.1=All&AttributeName.1=SentTimestamp";
    let received = client.form("/000000000000/jobs", form).await;
    assert_eq!(received.status, 200);
    for part in [
        "<ReceiveMessageResponse xmlns=\"http://queue.amazonaws.com/doc/2012-11-05/\">",
        "<Body>a &amp; b</Body>",
        "<Attribute><Name>SentTimestamp</Name><Value>",
        "<MessageAttribute><Name>kind</Name><Value><StringValue>&lt;new&gt;</StringValue>",
    ] {
        assert!(received.body.contains(part), "{part} in {}", received.body);
    }
    let id = sent["MessageId"].as_str().unwrap();
    assert!(
        received
            .body
            .contains(&format!("<MessageId>{id}</MessageId>"))
    );
}

#[tokio::test]
async fn long_polls_are_answered_at_once_when_the_gateway_stops() {
    let server = Server::start();
    let mut client = server.connect();
    client
        .done("CreateQueue", &json!({"QueueName": "jobs"}))
        .await;
    let began = Instant::now();
    let poll = json!({"QueueUrl": "jobs", "WaitTimeSeconds": LONG});
    client.begin("ReceiveMessage", &poll).await;
    server.arrived("ReceiveMessage", 1).await;
    server.gateway.stop();
    let answer = client.answer().await;
    assert_eq!((answer.status, &*answer.body), (200, "{}"));
    assert!(began.elapsed() < Duration::from_secs(LONG));
}

#[tokio::test]
async fn who_hangs_up_takes_no_message_along() {
    let server = Server::start();
    let mut client = server.connect();
    client
        .done("CreateQueue", &json!({"QueueName": "jobs"}))
        .await;
    let poll = json!({"QueueUrl": "jobs", "WaitTimeSeconds": LONG});
    let mut gone = server.connect();
    gone.begin("ReceiveMessage", &poll).await;
    server.arrived("ReceiveMessage", 1).await;
    drop(gone);
    server.ending().await;
    let message = json!({"QueueUrl": "jobs", "MessageBody": "for who stays"});
    client.done("SendMessage", &message).await;
    let received = client.done("ReceiveMessage", &poll).await;
    assert_eq!(received["Messages"][0]["Body"], "for who stays");
}

#[tokio::test]
async fn a_message_that_dies_by_its_first_receive_is_shown_before() {
    let server = Server::start();
    let mut client = server.connect();
    client
        .done("CreateQueue", &json!({"QueueName": "dead"}))
        .await;
    let policy = json!({
        "deadLetterTargetArn": "arn:aws:sqs:us-east-1:000000000000:dead", "maxReceiveCount": 1,
    });
    let attributes = json!({"RedrivePolicy": policy.to_string(), "VisibilityTimeout": "0"});
    let queue = json!({"QueueName": "jobs", "Attributes": attributes});
    client.done("CreateQueue", &queue).await;
    for body in ["one", "two", "three"] {
        let message = json!({"QueueUrl": "jobs", "MessageBody": body});
        client.done("SendMessage", &message).await;
        let received = client
            .done("ReceiveMessage", &json!({"QueueUrl": "jobs"}))
            .await;
        assert_eq!(received["Messages"][0]["Body"], body);
        let dead = client
            .done("ReceiveMessage", &json!({"QueueUrl": "dead"}))
            .await;
        assert_eq!(dead["Messages"][0]["Body"], body);
    }
}

#[tokio::test]
async fn a_deleted_name_is_refused_for_a_minute_where_that_is_wanted() {
    let server = Server::start_with(GatewayOptions {
        refuse_recently_deleted: true,
        ..GatewayOptions::default()
    });
    let mut client = server.connect();
    client
        .done("CreateQueue", &json!({"QueueName": "jobs"}))
        .await;
    client
        .done("DeleteQueue", &json!({"QueueUrl": "jobs"}))
        .await;
    let again = client
        .ask("CreateQueue", &json!({"QueueName": "jobs"}))
        .await;
    assert_eq!(
        again.json()["__type"],
        "com.amazonaws.sqs#QueueDeletedRecently"
    );
}
