//! How long connections last, and what waits on them.

use std::time::Duration;

use forebay_aws::{Ending, limits};
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::Instant;

use super::support::Server;

const LIST: &str = "POST / HTTP/1.1\r\nhost: aws.test\r\nx-amz-target: AmazonSQS.ListQueues\r\n\
                    content-length: 2\r\n";
/// A long poll that nothing ends.
const LONG: u64 = 20;

#[tokio::test]
async fn requests_that_come_at_once_are_answered_in_turn() {
    let server = Server::start();
    let mut client = server.connect();
    let names: Vec<String> = (0..50).map(|number| format!("q{number}")).collect();
    let requests: String = names
        .iter()
        .map(|name| {
            format!("GET /?Action=CreateQueue&QueueName={name} HTTP/1.1\r\nhost: h\r\n\r\n\r\n")
        })
        .collect();
    client.raw(requests.as_bytes()).await;
    for name in names {
        let answer = client.answer().await;
        let url = format!("<QueueUrl>http://h/000000000000/{name}</QueueUrl>");
        assert!(answer.body.contains(&url), "{}", answer.body);
    }
}

#[tokio::test]
async fn what_comes_behind_a_long_poll_is_answered_after_it() {
    let server = Server::start();
    let mut client = server.connect();
    let queue = json!({"QueueName": "jobs"});
    client.done("CreateQueue", &queue).await;
    let mut receiver = server.connect();
    let poll = json!({"QueueUrl": "jobs", "WaitTimeSeconds": LONG});
    // One that comes with it, and one that comes while it waits.
    receiver.begin("ReceiveMessage", &poll).await;
    receiver.begin("GetQueueUrl", &queue).await;
    server.arrived("ReceiveMessage", 1).await;
    receiver.begin("ListQueues", &json!({})).await;
    let message = json!({"QueueUrl": "jobs", "MessageBody": "first"});
    client.done("SendMessage", &message).await;
    let received = receiver.answer().await;
    assert_eq!(received.json()["Messages"][0]["Body"], "first");
    let url = "http://aws.test/000000000000/jobs";
    assert_eq!(receiver.answer().await.json()["QueueUrl"], url);
    assert_eq!(receiver.answer().await.json()["QueueUrls"][0], url);
    // The same where nothing came with it.
    receiver.begin("ReceiveMessage", &poll).await;
    server.arrived("ReceiveMessage", 2).await;
    receiver.begin("GetQueueUrl", &queue).await;
    client.done("SendMessage", &message).await;
    assert_eq!(receiver.answer().await.status, 200);
    assert_eq!(receiver.answer().await.json()["QueueUrl"], url);
}

#[tokio::test]
async fn who_hangs_up_with_more_to_ask_waits_no_longer() {
    let server = Server::start();
    let mut client = server.connect();
    let queue = json!({"QueueName": "jobs"});
    client.done("CreateQueue", &queue).await;
    let mut gone = server.connect();
    let poll = json!({"QueueUrl": "jobs", "WaitTimeSeconds": LONG});
    gone.begin("ReceiveMessage", &poll).await;
    gone.begin("ListQueues", &json!({})).await;
    server.arrived("ReceiveMessage", 1).await;
    gone.finish().await;
    assert_eq!(server.ending().await, Ending::Broken);
    let message = json!({"QueueUrl": "jobs", "MessageBody": "for who stays"});
    client.done("SendMessage", &message).await;
    let received = client.done("ReceiveMessage", &poll).await;
    assert_eq!(received["Messages"][0]["Body"], "for who stays");
}

#[tokio::test]
async fn a_connection_lasts_as_long_as_its_client_wants() {
    let server = Server::start();
    for (version, field, told, lasts) in [
        ("1.1", "", None, true),
        ("1.1", "connection: close\r\n", Some("close"), false),
        ("1.0", "", Some("close"), false),
        (
            "1.0",
            "connection: keep-alive\r\n",
            Some("keep-alive"),
            true,
        ),
    ] {
        let mut client = server.connect();
        let request = format!("GET /?Action=ListQueues HTTP/{version}\r\n{field}\r\n");
        client.raw(request.as_bytes()).await;
        let answer = client.answer().await;
        assert_eq!(answer.status, 200);
        let mut lines = answer.head.lines();
        let said = lines.find_map(|line| line.strip_prefix("connection: "));
        assert_eq!(said, told, "{request}");
        if lasts {
            assert_eq!(client.ask("ListQueues", &json!({})).await.status, 200);
        } else {
            assert_eq!(client.until_closed().await, "");
        }
    }
}

#[tokio::test]
async fn a_stop_is_told_with_the_last_answer_and_ends_who_asks_nothing() {
    let server = Server::start();
    let mut client = server.connect();
    client
        .done("CreateQueue", &json!({"QueueName": "jobs"}))
        .await;
    let mut receiver = server.connect();
    let poll = json!({"QueueUrl": "jobs", "WaitTimeSeconds": LONG});
    receiver.begin("ReceiveMessage", &poll).await;
    server.arrived("ReceiveMessage", 1).await;
    let mut asking = server.connect();
    asking.raw(LIST.as_bytes()).await;
    // It has what was sent before.
    let mut other = server.connect();
    assert_eq!(other.ask("ListQueues", &json!({})).await.status, 200);
    server.gateway.stop();
    assert_eq!(client.until_closed().await, "");
    let answer = receiver.answer().await;
    assert!(
        answer.head.contains("connection: close\r\n"),
        "{}",
        answer.head
    );
    asking.raw(b"\r\n{}").await;
    let answer = asking.answer().await;
    assert_eq!(answer.status, 200);
    assert!(
        answer.head.contains("connection: close\r\n"),
        "{}",
        answer.head
    );
    assert_eq!(asking.until_closed().await, "");
}

#[tokio::test(start_paused = true)]
async fn who_sends_nothing_or_never_comes_to_the_end_of_a_head_is_cut_off() {
    for head in ["", &LIST[..20]] {
        let server = Server::start();
        let mut client = server.connect();
        let began = Instant::now();
        client.raw(head.as_bytes()).await;
        tokio::time::sleep(limits::IDLE_TIMEOUT / 2).await;
        // A byte now and then is no head.
        client.raw(&LIST.as_bytes()[head.len()..=head.len()]).await;
        assert_eq!(client.until_closed().await, "");
        assert_eq!(began.elapsed(), limits::IDLE_TIMEOUT);
        assert_eq!(server.ending().await, Ending::Idle);
    }
}

#[tokio::test(start_paused = true)]
async fn who_does_not_send_the_body_is_told_so() {
    let server = Server::start();
    let mut client = server.connect();
    let began = Instant::now();
    client.raw(format!("{LIST}\r\n{{").as_bytes()).await;
    let answer = client.until_closed().await;
    assert!(answer.starts_with("HTTP/1.1 408 "), "{answer}");
    assert!(answer.contains("\"__type\":"), "{answer}");
    // A moment for the pause of the timers.
    let elapsed = began.elapsed() - limits::BODY_TIMEOUT;
    assert!(elapsed < Duration::from_secs(1), "{elapsed:?}");
}

#[tokio::test]
async fn of_who_takes_no_answers_no_more_is_read() {
    const REQUESTS: usize = 10_000;
    let server = Server::start();
    let (mut from, mut to) = tokio::io::split(server.pipe());
    let sending = tokio::spawn(async move {
        let request = format!("{LIST}\r\n{{}}");
        for _ in 0..REQUESTS {
            to.write_all(request.as_bytes()).await?;
        }
        std::io::Result::Ok(())
    });
    // What is sent and what is answered fit into pipes of 1 KiB, and little besides is taken.
    server.arrived("ListQueues", 2).await;
    for _ in 0..1_000 {
        tokio::task::yield_now().await;
    }
    assert!(server.requests("ListQueues") < 300);
    assert!(!sending.is_finished());
    let mut answers = vec![0; 1 << 16];
    while !sending.is_finished() {
        let read = from.read(&mut answers).await.expect("the gateway answers");
        assert!(read > 0, "the connection goes on");
    }
    sending.await.unwrap().unwrap();
}

/// Ten thousand of them wait in less than 150 MB, with what the system and the broker keep of each.
#[tokio::test]
async fn a_connection_takes_little_room() {
    let server = Server::start();
    let (_near, far) = tokio::io::duplex(1);
    let serving = server.gateway.serve(far, ([127, 0, 0, 1], 50_000).into());
    let bytes = size_of_val(&serving);
    assert!(bytes <= 4 << 10, "{bytes}");
}
