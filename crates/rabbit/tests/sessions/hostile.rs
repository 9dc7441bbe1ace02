//! Bytes that no client sends, in every state of a connection.

use bytes::{BufMut, BytesMut};
use forebay_rabbit::amqp091::frame::PROTOCOL_HEADER;

use super::support::{Client, Server, start_ok};

/// The states that a connection has, one after the other.
async fn in_state(server: &Server, state: usize) -> Client {
    let mut client = server.connect();
    if state >= 1 {
        client.send_bytes(&PROTOCOL_HEADER).await;
        client.next_on(0).await;
    }
    if state == 2 {
        client.send(0, &start_ok("guest")).await;
        client.next_on(0).await;
    }
    if state >= 3 {
        client = server.client().await;
    }
    client
}

fn frame(kind: u8, channel: u16, payload: &[u8]) -> Vec<u8> {
    let mut out = BytesMut::new();
    out.put_u8(kind);
    out.put_u16(channel);
    out.put_u32(payload.len() as u32);
    out.put_slice(payload);
    out.put_u8(0xce);
    out.to_vec()
}

#[tokio::test]
async fn whatever_comes_the_connection_ends_and_the_broker_goes_on() {
    let server = Server::start();
    let cases = [
        b"\xff\xff\xff\xff\xff\xff\xff\xff\xff".to_vec(),
        frame(1, 0, b""),
        frame(1, 0, b"\0\x0a\0\x0b"),
        frame(1, 0, b"\xff\xff\xff\xff"),
        frame(1, 1, b"\0\x3c\0\x14\0"),
        frame(2, 1, b"\0\x3c\0\0\0\0\0\0\0\0\0\0\0\0"),
        frame(3, 1, b"body"),
        frame(3, 9, b"body"),
        frame(8, 1, b""),
        frame(1, 0, b"\0\x0a\0\x32"),
    ];
    for state in 0..4 {
        for (at, bytes) in cases.iter().enumerate() {
            let mut client = in_state(&server, state).await;
            client.send_bytes(bytes).await;
            // Told to close or not: it has said what it had to say.
            client.end_sending().await;
            client.rest().await;
            assert!(
                server.client().await.get_missing().await,
                "state {state}, case {at}"
            );
        }
    }
}

impl Client {
    /// Whether the broker answers at all.
    async fn get_missing(&mut self) -> bool {
        use forebay_rabbit::amqp091::method::basic;
        let get = basic::Get {
            queue: "nope".try_into().unwrap(),
            ..basic::Get::default()
        };
        self.send(1, &get).await;
        self.closed_channel(1).await.0 == 404
    }
}

#[tokio::test]
async fn a_message_that_is_announced_too_large_closes_the_channel_at_once() {
    let server = Server::start();
    let mut client = server.client().await;
    client
        .send_bytes(&frame(1, 1, b"\0\x3c\0\x28\0\0\0\x01q\0"))
        .await;
    client
        .send_bytes(&frame(2, 1, b"\0\x3c\0\0\0\0\0\0\x01\0\0\x01\0\0"))
        .await;
    let (code, text) = client.closed_channel(1).await;
    assert_eq!(code, 406);
    assert_eq!(
        text,
        "PRECONDITION_FAILED - message size 16777217 is larger than configured max size 16777216"
    );
}
