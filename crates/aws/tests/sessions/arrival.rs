//! However a stream of requests is cut on its way, it is the same stream.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::TestRunner;
use tokio::io::AsyncWriteExt;
use tokio::runtime::Runtime;

use super::support::{Response, Server};

/// One request as it is written.
fn request() -> impl Strategy<Value = Vec<u8>> {
    let body = prop_oneof![
        Just(b"{}".to_vec()),
        Just(b"{\"QueueNamePrefix\":\"no\"}".to_vec()),
        // Not JSON, and longer than the pipe.
        vec(any::<u8>(), 0..3_000),
    ];
    let fields = prop_oneof![
        Just(""),
        Just("x-amz-target: AmazonSQS.ListQueues\r\n"),
        Just("x-amz-target: AmazonSQS.Nothing\r\nconnection: keep-alive\r\n"),
        Just("content-type: application/x-www-form-urlencoded\r\n"),
    ];
    let line = prop_oneof![
        Just("POST / HTTP/1.1"),
        Just("POST http://h/?Action=ListQueues HTTP/1.1"),
        Just("GET /?Action=ListQueues HTTP/1.1"),
        Just("DELETE /000000000000/q HTTP/1.1"),
        Just("\r\nGET /?Action=Nothing HTTP/1.1"),
    ];
    let chunks = proptest::option::of(vec(1_usize..700, 1..5));
    (line, fields, body, chunks).prop_map(|(line, fields, body, chunks)| {
        let head = format!("{line}\r\nhost: h\r\n{fields}");
        match chunks {
            None => {
                let head = format!("{head}content-length: {}\r\n\r\n", body.len());
                [head.as_bytes(), &body].concat()
            }
            Some(sizes) => {
                let head = format!("{head}transfer-encoding: chunked\r\n\r\n");
                [head.as_bytes(), &chunked(&body, &sizes)].concat()
            }
        }
    })
}

fn chunked(mut body: &[u8], sizes: &[usize]) -> Vec<u8> {
    let mut out = Vec::new();
    for size in sizes.iter().cycle() {
        if body.is_empty() {
            break;
        }
        let (chunk, rest) = body.split_at(body.len().min(*size));
        out.extend_from_slice(format!("{size:x};a=b\r\n", size = chunk.len()).as_bytes());
        out.extend_from_slice(chunk);
        out.extend_from_slice(b"\r\n");
        body = rest;
    }
    out.extend_from_slice(b"0\r\nx: y\r\n\r\n");
    out
}

/// What is answered to a stream in these pieces, but for the names of requests and their times.
async fn answers(server: &Server, pieces: &[&[u8]], count: usize) -> Vec<(u16, String)> {
    let mut answers = Vec::new();
    let (mut from, mut to) = tokio::io::split(server.pipe());
    let sending = async {
        for piece in pieces {
            to.write_all(piece).await.expect("the gateway reads");
            // The gateway looks at it before there is more.
            tokio::task::yield_now().await;
        }
    };
    let reading = async {
        for _ in 0..count {
            let answer = Response::read(&mut from).await;
            let body = match answer.body.split_once("<RequestId>") {
                Some((before, _)) => before.to_owned(),
                None => answer.body,
            };
            answers.push((answer.status, body));
        }
    };
    tokio::join!(sending, reading);
    answers
}

#[test]
fn cuts_change_nothing() {
    let cuts = vec(any::<prop::sample::Index>(), 0..40);
    let streams = (vec(request(), 1..6), cuts, prop::bool::weighted(0.1));
    let runtime = Runtime::new().unwrap();
    let _inside = runtime.enter();
    let server = Server::start();
    let config = ProptestConfig {
        failure_persistence: None,
        // One that waits for an answer takes long to fail.
        max_shrink_time: 60_000,
        ..ProptestConfig::with_cases(256)
    };
    let held = TestRunner::new(config).run(&streams, |(requests, cuts, is_dripping)| {
        let stream = requests.concat();
        let mut places: Vec<usize> = match is_dripping {
            true => (1..stream.len()).collect(),
            false => cuts.iter().map(|cut| cut.index(stream.len())).collect(),
        };
        places.extend([0, stream.len()]);
        places.sort_unstable();
        let pieces = places.windows(2);
        let pieces: Vec<&[u8]> = pieces.map(|pair| &stream[pair[0]..pair[1]]).collect();
        runtime.block_on(async {
            let whole = answers(&server, &[&stream], requests.len()).await;
            let cut = answers(&server, &pieces, requests.len()).await;
            prop_assert_eq!(whole, cut);
            Ok(())
        })
    });
    held.unwrap();
}
