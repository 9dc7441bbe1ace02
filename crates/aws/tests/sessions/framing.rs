//! Where requests end, and what is not let through.

use forebay_aws::{Ending, GatewayOptions, limits};

use super::support::Server;

const LIST: &str = "POST / HTTP/1.1\r\nhost: aws.test\r\nx-amz-target: AmazonSQS.ListQueues\r\n";

/// What a gateway answers to bytes, and how it ends their connection.
async fn answered(bytes: &[u8]) -> (String, Ending) {
    let server = Server::start();
    let mut client = server.connect();
    client.raw(bytes).await;
    let answered = client.until_closed().await;
    // Until it closes its end, too, it is listened to.
    drop(client);
    (answered, server.ending().await)
}

#[tokio::test]
async fn what_two_readers_could_understand_in_two_ways_is_refused_and_nothing_behind_it_is_read() {
    let smuggled = "0\r\n\r\nGET /?Action=ListQueues HTTP/1.1\r\nhost: h\r\n\r\n";
    for fields in [
        "content-length: 5\r\ntransfer-encoding: chunked\r\n",
        "transfer-encoding: chunked\r\ncontent-length: 5\r\n",
        "content-length: 5\r\ncontent-length: 0\r\n",
        "content-length: +5\r\n",
        "transfer-encoding: chunked\r\ntransfer-encoding: identity\r\n",
        "content-length : 5\r\n",
        "x: 1\r\n content-length: 5\r\n",
        "host: elsewhere\r\n",
    ] {
        let request = format!("{LIST}{fields}\r\n{smuggled}");
        let (answer, ending) = answered(request.as_bytes()).await;
        assert!(
            answer.starts_with("HTTP/1.1 400 Bad Request\r\n"),
            "{fields}: {answer}"
        );
        assert!(answer.contains("connection: close\r\n"), "{answer}");
        assert_eq!(answer.matches("HTTP/1.1").count(), 1, "{answer}");
        assert_eq!(ending, Ending::Protocol);
    }
}

#[tokio::test]
async fn heads_that_are_too_large_are_refused() {
    let long = format!("{LIST}x: {}", "1".repeat(limits::HEAD_BYTES_MAX));
    let many = format!("{LIST}{}\r\n", "x: 1\r\n".repeat(limits::FIELDS_MAX));
    for request in [long, many] {
        let (answer, ending) = answered(request.as_bytes()).await;
        assert!(answer.starts_with("HTTP/1.1 431 "), "{answer}");
        assert_eq!(ending, Ending::Protocol);
    }
}

#[tokio::test]
async fn chunks_are_one_body_and_their_trailers_nothing() {
    let server = Server::start();
    let mut client = server.connect();
    let chunks = "9;x=y\r\n{\"QueueNa\r\n0b \r\nme\":\"jobs\"}\r\n0\r\ncontent-length: 9\r\n\r\n";
    let create = LIST.replace("ListQueues", "CreateQueue");
    let request = format!("{create}transfer-encoding: chunked\r\n\r\n{chunks}");
    // Two of them, and no byte between.
    client.raw(format!("{request}{request}").as_bytes()).await;
    for _ in 0..2 {
        let answer = client.answer().await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        assert_eq!(
            answer.json()["QueueUrl"],
            "http://aws.test/000000000000/jobs"
        );
    }
}

#[tokio::test]
async fn chunks_that_are_none_are_refused() {
    for chunks in ["x\r\n", "5\nhello\r\n0\r\n\r\n", "5\r\nhello0\r\n\r\n"] {
        let request = format!("{LIST}transfer-encoding: chunked\r\n\r\n{chunks}");
        let (answer, ending) = answered(request.as_bytes()).await;
        assert!(answer.starts_with("HTTP/1.1 400 "), "{chunks}: {answer}");
        assert_eq!(ending, Ending::Protocol);
    }
    let announced = format!("{:x}\r\n", limits::REQUEST_BYTES_MAX + 1);
    let request = format!("{LIST}transfer-encoding: chunked\r\n\r\n{announced}");
    let (answer, _) = answered(request.as_bytes()).await;
    assert!(answer.starts_with("HTTP/1.1 413 "), "{answer}");
    assert!(answer.contains("RequestEntityTooLarge"), "{answer}");
}

#[tokio::test]
async fn who_waits_for_leave_to_send_a_body_is_given_it_if_the_body_is_wanted() {
    let server = Server::start();
    let mut client = server.connect();
    let expecting = format!("{LIST}expect: 100-continue\r\n");
    let head = format!("{expecting}content-length: 2\r\n\r\n");
    client.raw(head.as_bytes()).await;
    let interim = client.answer().await;
    assert_eq!((interim.status, &*interim.body), (100, ""));
    client.raw(b"{}").await;
    assert_eq!(client.answer().await.status, 200);
    // In chunks, too.
    let head = format!("{expecting}transfer-encoding: chunked\r\n\r\n");
    client.raw(head.as_bytes()).await;
    assert_eq!(client.answer().await.status, 100);
    client.raw(b"2\r\n{}\r\n0\r\n\r\n").await;
    assert_eq!(client.answer().await.status, 200);
    // Who does not wait need not be told.
    let whole = format!("{expecting}content-length: 2\r\n\r\n{{}}");
    client.raw(whole.as_bytes()).await;
    assert_eq!(client.answer().await.status, 200);
    let too_large = format!("{expecting}content-length: 99999999\r\n\r\n");
    client.raw(too_large.as_bytes()).await;
    let answer = client.until_closed().await;
    assert!(answer.starts_with("HTTP/1.1 413 "), "{answer}");
    let (answer, _) =
        answered(b"PUT / HTTP/1.1\r\nhost: h\r\nexpect: 100-continue\r\ncontent-length: 9\r\n\r\n")
            .await;
    assert!(answer.starts_with("HTTP/1.1 405 "), "{answer}");
}

#[tokio::test]
async fn an_answer_to_head_has_no_body() {
    let server = Server::start();
    let mut client = server.connect();
    client
        .raw(b"HEAD / HTTP/1.1\r\nhost: h\r\n\r\nGET / HTTP/1.0\r\n\r\n")
        .await;
    let answers = client.until_closed().await;
    let (head, rest) = answers.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("HTTP/1.1 405 "), "{head}");
    assert!(rest.starts_with("HTTP/1.1 404 "), "{rest}");
}

#[tokio::test]
async fn an_address_in_place_of_a_path_says_where_the_client_believes_to_be() {
    let server = Server::start();
    let mut client = server.connect();
    let line = "POST http://elsewhere:1/?Action=CreateQueue&QueueName=jobs HTTP/1.1";
    client.send(line, "", b"").await;
    let answer = client.answer().await;
    let url = "<QueueUrl>http://elsewhere:1/000000000000/jobs</QueueUrl>";
    assert!(answer.body.contains(url), "{}", answer.body);
}

#[tokio::test]
async fn large_bodies_wait_for_memory_and_small_ones_do_not() {
    // Whatever is configured, one of the largest is taken.
    let server = Server::start_with(GatewayOptions {
        request_memory_bytes: 1,
        ..GatewayOptions::default()
    });
    let large = "{}".to_owned() + &" ".repeat(limits::REQUEST_BYTES_MAX - 2);
    let begin = async |body: &str, sent: usize| {
        let mut client = server.connect();
        let head = format!("{LIST}content-length: {}\r\n\r\n", body.len());
        client.raw(head.as_bytes()).await;
        client.raw(&body.as_bytes()[..sent]).await;
        client
    };
    let half = large.len() / 2;
    let mut first = begin(&large, half).await;
    // Not more than the pipe has is taken of the second.
    let mut second = begin(&large, 1).await;
    let mut small = begin("{}", 2).await;
    assert_eq!(small.answer().await.status, 200);
    {
        let rest = second.raw(&large.as_bytes()[1..]);
        let mut rest = std::pin::pin!(rest);
        tokio::select! {
            () = &mut rest => panic!("there is no memory for it"),
            () = first.raw(&large.as_bytes()[half..]) => {}
        }
        assert_eq!(first.answer().await.status, 200);
        rest.await;
    }
    assert_eq!(second.answer().await.status, 200);
}
