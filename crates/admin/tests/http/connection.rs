//! One connection from its first byte to its last.

use std::future::pending;
use std::time::Duration;

use forebay_admin::limits::{HEAD_BYTES_MAX, HEAD_TIMEOUT};
use forebay_admin::serve_connection;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout};

use crate::harness::Harness;

const REQUEST: &str = "GET /livez HTTP/1.1\r\nhost: localhost\r\n\r\n";

fn serve(harness: &Harness) -> (DuplexStream, oneshot::Sender<()>, JoinHandle<()>) {
    let (client, server) = duplex(64 << 10);
    let (stop, stopped) = oneshot::channel::<()>();
    let stopped = async move {
        // A sender that is dropped is no stop.
        if stopped.await.is_err() {
            pending::<()>().await;
        }
    };
    let router = harness.router.clone();
    let serving = tokio::spawn(serve_connection(server, router, stopped));
    (client, stop, serving)
}

/// Reads until the answer to [`REQUEST`] is complete.
async fn read_answer(client: &mut DuplexStream) -> String {
    let mut answer = Vec::new();
    while !answer.ends_with(b"\r\n\r\nok\n") {
        let read = client.read_buf(&mut answer).await.unwrap();
        assert_ne!(read, 0, "{}", String::from_utf8_lossy(&answer));
    }
    String::from_utf8(answer).unwrap()
}

#[tokio::test]
async fn requests_follow_each_other_on_one_connection() {
    let harness = Harness::new();
    let (mut client, _stop, serving) = serve(&harness);
    for _ in 0..3 {
        client.write_all(REQUEST.as_bytes()).await.unwrap();
        let answer = read_answer(&mut client).await;
        assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
        assert!(
            answer.contains("x-content-type-options: nosniff"),
            "{answer}"
        );
    }
    drop(client);
    serving.await.unwrap();
}

#[tokio::test]
async fn a_stop_closes_a_connection_that_waits() {
    let harness = Harness::new();
    let (mut client, stop, serving) = serve(&harness);
    client.write_all(REQUEST.as_bytes()).await.unwrap();
    read_answer(&mut client).await;
    stop.send(()).unwrap();
    timeout(Duration::from_secs(5), serving)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(client.read(&mut [0; 16]).await.unwrap(), 0);
}

#[tokio::test]
async fn a_stop_lets_the_request_at_hand_be_answered() {
    let harness = Harness::new();
    let (mut client, stop, serving) = serve(&harness);
    let head = "POST /api/v1/topics HTTP/1.1\r\nhost: localhost\r\n\
                content-type: application/json\r\ncontent-length: 12\r\n\
                expect: 100-continue\r\n\r\n";
    client.write_all(head.as_bytes()).await.unwrap();
    // The word to continue shows that the request is being handled.
    let mut answer = Vec::new();
    while !answer.ends_with(b"\r\n\r\n") {
        client.read_buf(&mut answer).await.unwrap();
    }
    stop.send(()).unwrap();
    client.write_all(br#"{"name":"t"}"#).await.unwrap();
    client.read_to_end(&mut answer).await.unwrap();
    let answer = String::from_utf8(answer).unwrap();
    assert!(answer.contains("HTTP/1.1 201 Created"), "{answer}");
    serving.await.unwrap();
    assert!(harness.broker.topic("t").is_some());
}

#[tokio::test(start_paused = true)]
async fn a_client_that_does_not_finish_its_head_is_cut_off() {
    let harness = Harness::new();
    let (mut client, _stop, serving) = serve(&harness);
    client
        .write_all(b"GET /livez HTTP/1.1\r\nho")
        .await
        .unwrap();
    let began = Instant::now();
    timeout(HEAD_TIMEOUT * 2, serving).await.unwrap().unwrap();
    assert!(began.elapsed() >= HEAD_TIMEOUT);
}

#[tokio::test]
async fn a_head_over_the_limit_and_bytes_that_are_no_http_end_the_connection() {
    let harness = Harness::new();
    let long = format!("GET /{} HTTP/1.1\r\n", "x".repeat(2 * HEAD_BYTES_MAX));
    for bytes in [long.as_bytes(), b"\x16\x03\x01\x02\x00\x01\x00\r\n\r\n"] {
        let (mut client, _stop, serving) = serve(&harness);
        // The other side may close before it has taken everything.
        let _ = client.write_all(bytes).await;
        timeout(Duration::from_secs(5), serving)
            .await
            .unwrap()
            .unwrap();
    }
}
