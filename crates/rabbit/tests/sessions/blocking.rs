//! A full disk: publishers wait and are told so, everybody else goes on.

use forebay_broker::storage::SimulatedDisk;
use forebay_broker::storage::limits::JOURNAL_FIRST_FILE_BYTES;
use forebay_rabbit::amqp091::method::{Method, basic, confirm, connection, queue};

use super::support::{Client, Server};

/// Too small for a journal file of the usual size, and large enough for many.
const SMALL: u64 = 64 << 20;
const LARGE: u64 = 1 << 40;

fn ask(queue: &str) -> queue::Declare {
    queue::Declare {
        queue: queue.try_into().unwrap(),
        passive: true,
        ..queue::Declare::default()
    }
}

/// Publishes until it is told to wait: the journal's next file was made while there was space, the one after
/// it is not. Only who is gone does not wait.
async fn fill(server: &Server, disk: &SimulatedDisk) {
    let mut filler = server.client().await;
    filler.declare("more", &[]).await;
    disk.set_capacity(SMALL);
    let body = vec![b'.'; 1 << 20];
    for _ in 0..=(2 * JOURNAL_FIRST_FILE_BYTES) >> 20 {
        filler.publish("more", &body).await;
        filler.send(1, &ask("more")).await;
        let answer = filler.next().await.expect("it is served").1.method;
        if let Method::Connection(connection::Method::Blocked(_)) = answer {
            break;
        }
    }
    let mut full = server.broker.watch_full();
    full.wait_for(|is_full| *is_full).await.unwrap();
}

async fn is_told_to_wait(client: &mut Client) {
    let blocked = connection::Blocked {
        reason: "low on disk".try_into().unwrap(),
    };
    assert_eq!(client.next_on(0).await.method, blocked.into());
}

#[tokio::test]
async fn who_publishes_to_a_full_disk_waits_and_nobody_else_does() {
    let disk = SimulatedDisk::new();
    let server = Server::start_on(disk.clone());
    let (mut publisher, mut consumer) = (server.client().await, server.client().await);
    publisher.declare("q", &[]).await;
    publisher.publish("q", b"before").await;
    assert_eq!(publisher.ready("q").await, 1);
    fill(&server, &disk).await;
    publisher.ask(1, confirm::Select { nowait: false }).await;
    assert_eq!(publisher.ready("q").await, 1, "who only asks is answered");
    publisher.publish("q", b"while full").await;
    is_told_to_wait(&mut publisher).await;
    publisher.publish("q", b"behind it").await;
    publisher.send(1, &ask("q")).await;
    assert!(publisher.is_silent().await, "it is not read from");
    let (got, content) = consumer.get("q").await.unwrap();
    assert_eq!((&content.body[..], got.message_count), (&b"before"[..], 0));
    let ack = basic::Ack {
        delivery_tag: got.delivery_tag,
        multiple: false,
    };
    consumer.send(1, &ack).await;
    assert_eq!(consumer.ready("q").await, 0);

    disk.set_capacity(LARGE);
    let mut confirmed = 0;
    let mut unblocked = false;
    while confirmed < 2 || !unblocked {
        match publisher.next().await.expect("it is served").1.method {
            Method::Basic(basic::Method::Ack(ack)) => confirmed = ack.delivery_tag,
            Method::Connection(connection::Method::Unblocked(_)) => unblocked = true,
            Method::Queue(queue::Method::DeclareOk(declared)) => {
                assert_eq!(declared.message_count, 2);
            }
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(&consumer.get("q").await.unwrap().1.body[..], b"while full");
    assert_eq!(&consumer.get("q").await.unwrap().1.body[..], b"behind it");
}

#[tokio::test]
async fn a_broker_that_stops_does_not_wait_for_who_waits() {
    let disk = SimulatedDisk::new();
    let server = Server::start_on(disk.clone());
    fill(&server, &disk).await;
    let mut publisher = server.client().await;
    publisher.publish("nowhere", b"").await;
    is_told_to_wait(&mut publisher).await;
    server.gateway.stop();
    assert_eq!(publisher.closed().await.0, 320);
}
