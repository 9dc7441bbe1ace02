//! What publishers are told.

use forebay_rabbit::amqp091::method::{Method, basic, confirm, queue};
use forebay_rabbit::amqp091::properties::Properties;
use forebay_rabbit::amqp091::table::Value;

use super::support::{Client, Server};

async fn confirming(server: &Server) -> Client {
    let mut client = server.client().await;
    let selected = client.ask(1, confirm::Select::default()).await;
    assert_eq!(selected, confirm::SelectOk {}.into());
    client
}

#[tokio::test]
async fn every_publish_is_confirmed_once_in_order() {
    let server = Server::start();
    let mut client = confirming(&server).await;
    client.declare("q", &[]).await;
    for n in 0..500u32 {
        client.publish("q", &n.to_be_bytes()).await;
    }
    let mut confirmed = 0;
    while confirmed < 500 {
        match client.next_on(1).await.method {
            Method::Basic(basic::Method::Ack(ack)) => {
                assert!(ack.delivery_tag > confirmed);
                assert!(
                    ack.multiple || ack.delivery_tag == confirmed + 1,
                    "none is left out"
                );
                confirmed = ack.delivery_tag;
            }
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(client.ready("q").await, 500);
    for n in 0..500u32 {
        let (_, content) = client.get("q").await.unwrap();
        assert_eq!(content.body, &n.to_be_bytes()[..]);
    }
}

#[tokio::test]
async fn what_goes_nowhere_is_returned_before_it_is_confirmed() {
    let server = Server::start();
    let mut client = confirming(&server).await;
    let publish = basic::Publish {
        routing_key: "nowhere".try_into().unwrap(),
        mandatory: true,
        ..basic::Publish::default()
    };
    client
        .send_message(1, &publish, &Properties::EMPTY, b"lost")
        .await;
    let returned = client.next_on(1).await;
    let Method::Basic(basic::Method::Return(method)) = returned.method else {
        panic!("{returned:?}");
    };
    assert_eq!(
        (method.reply_code, method.reply_text.to_string()),
        (312, "NO_ROUTE".to_owned())
    );
    assert_eq!(returned.content.unwrap().body, "lost");
    let ack = basic::Ack {
        delivery_tag: 1,
        multiple: false,
    };
    assert_eq!(client.next_on(1).await.method, ack.into());
}

#[tokio::test]
async fn a_full_queue_refuses() {
    let server = Server::start();
    let mut client = confirming(&server).await;
    let arguments = [
        ("x-max-length", Value::I32(1)),
        ("x-overflow", Value::LongStr(b"reject-publish")),
    ];
    client.declare("q", &arguments).await;
    client.publish("q", b"fits").await;
    assert!(matches!(
        client.next_on(1).await.method,
        Method::Basic(basic::Method::Ack(_))
    ));
    client.publish("q", b"does not").await;
    let refused = basic::Nack {
        delivery_tag: 2,
        ..basic::Nack::default()
    };
    assert_eq!(client.next_on(1).await.method, refused.into());
}

#[tokio::test]
async fn what_was_confirmed_outlives_a_restart() {
    let server = Server::start();
    let mut client = confirming(&server).await;
    client.declare("q", &[]).await;
    client.publish("q", b"kept").await;
    client.next_on(1).await;
    drop(client);
    let server = server.restart();
    let mut client = server.client().await;
    let (_, content) = client.get("q").await.unwrap();
    assert_eq!(content.body, "kept");
}

#[tokio::test]
async fn a_body_of_many_frames_comes_back_whole() {
    let server = Server::start();
    let mut client = confirming(&server).await;
    client.declare("q", &[]).await;
    let body: Vec<u8> = (0..500_000u32).map(|n| n as u8).collect();
    client.publish("q", &body).await;
    client.next_on(1).await;
    let (got, content) = client.get("q").await.unwrap();
    assert_eq!(got.message_count, 0);
    assert_eq!(content.body, body);
    let deleted = client.ask(
        1,
        queue::Delete {
            queue: "q".try_into().unwrap(),
            ..queue::Delete::default()
        },
    );
    let answer = queue::DeleteOk { message_count: 0 };
    assert_eq!(
        deleted.await,
        answer.into(),
        "what is not acknowledged is not ready"
    );
}
