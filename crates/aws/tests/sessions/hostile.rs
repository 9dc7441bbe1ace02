//! What is no request.

use serde_json::json;

use super::support::Server;

#[tokio::test]
async fn every_operation_is_known_and_says_what_it_misses() {
    let server = Server::start();
    let mut client = server.connect();
    let metrics = server.gateway.metrics();
    let operations: Vec<&str> = metrics
        .requests()
        .filter(|(service, ..)| *service == "sqs")
        .map(|(_, operation, _)| operation)
        .collect();
    assert_eq!(operations.len(), 23);
    for operation in operations {
        let response = client.ask(operation, &json!({})).await;
        let expected = if operation == "ListQueues" { 200 } else { 400 };
        assert_eq!(response.status, expected, "{operation}: {}", response.body);
        if expected == 400 {
            let what = "x-amzn-query-error: missingparameter;sender";
            assert!(
                response.head.contains(what),
                "{operation}: {}",
                response.head
            );
        }
    }
}

#[tokio::test]
async fn what_cannot_be_read_is_refused_and_the_connection_goes_on() {
    let server = Server::start();
    let mut client = server.connect();
    let target = "x-amz-target: AmazonSQS.ListQueues\r\n";
    let form = "content-type: application/x-www-form-urlencoded\r\n";
    let text = format!("{target}content-type: text/plain\r\n");
    let deep = "[".repeat(100_000);
    for (line, head, body, status, what) in [
        (
            "POST / HTTP/1.1",
            target,
            &b"{"[..],
            400,
            "SerializationException",
        ),
        (
            "POST / HTTP/1.1",
            target,
            b"\xff",
            400,
            "SerializationException",
        ),
        (
            "POST / HTTP/1.1",
            target,
            b"[1]",
            400,
            "SerializationException",
        ),
        (
            "POST / HTTP/1.1",
            target,
            deep.as_bytes(),
            400,
            "SerializationException",
        ),
        ("POST / HTTP/1.1", &text, b"{}", 415, "UnsupportedMediaType"),
        (
            "POST / HTTP/1.1",
            "x-amz-target: AmazonSQS.Nothing\r\n",
            b"{}",
            404,
            "UnknownOperation",
        ),
        (
            "POST / HTTP/1.1",
            "x-amz-target: Dynamo.ListQueues\r\n",
            b"{}",
            404,
            "UnknownOperation",
        ),
        (
            "POST / HTTP/1.1",
            form,
            b"Action=Nothing",
            400,
            "InvalidAction",
        ),
        ("POST / HTTP/1.1", form, b"", 400, "MissingAction"),
        (
            "POST / HTTP/1.1",
            form,
            b"Action=%FF",
            400,
            "MalformedQueryString",
        ),
        ("POST / HTTP/1.1", form, b"\xff", 400, "MalformedInput"),
        ("GET / HTTP/1.1", "", b"", 404, "UnknownOperationException"),
        (
            "GET /?Action=ListQueues&MaxResults=x HTTP/1.1",
            "",
            b"",
            400,
            "MalformedInput",
        ),
        ("PUT / HTTP/1.1", "", b"", 405, "UnsupportedMethod"),
    ] {
        client.send(line, head, body).await;
        let answer = client.answer().await;
        assert_eq!(answer.status, status, "{line} {head}: {}", answer.body);
        assert!(answer.body.contains(what), "{line} {head}: {}", answer.body);
    }
    let answer = client
        .ask("ListQueues", &json!({"Unknown": {"a": [null]}}))
        .await;
    assert_eq!((answer.status, &*answer.body), (200, "{}"));
}

#[tokio::test]
async fn a_body_that_is_larger_than_any_request_is_not_read() {
    let server = Server::start();
    let mut client = server.connect();
    let head = "x-amz-target: AmazonSQS.SendMessage\r\ncontent-length: 99999999\r\n";
    client.begin_with("POST / HTTP/1.1", head).await;
    let answer = client.answer().await;
    assert_eq!(answer.status, 413, "{}", answer.body);
}
