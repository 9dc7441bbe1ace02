//! What connections agree upon, and how much goes through one.

use std::time::Duration;

use forebay_conformance_rabbit::{Client, body, broker, connect_to, persistent};
use lapin::options::{BasicAckOptions, BasicConsumeOptions, QueueDeclareOptions};
use lapin::types::FieldTable;
use tokio::time::sleep;

const HEARTBEAT_SECONDS: u16 = 1;

#[tokio::test]
async fn two_hundred_channels() {
    let client = Client::open().await;
    let mut lines = Vec::new();
    for _ in 0..200 {
        let channel = client.connection.create_channel().await;
        let channel = channel.expect("a channel");
        let (options, table) = (QueueDeclareOptions::exclusive(), FieldTable::default());
        let declared = channel.queue_declare("".into(), options, table).await;
        let queue = declared.expect("a queue").name().to_string();
        let options = BasicConsumeOptions::default();
        let deliveries = client.consume_with(&queue, options).await;
        lines.push((channel, queue, deliveries));
    }
    for number in 0..lines.len() {
        let (channel, _, _) = &lines[(number + 1) % lines.len()];
        let (_, queue, _) = &lines[number];
        let (to, body) = (queue.as_str().into(), number.to_string());
        let options = Default::default();
        let sent = channel.basic_publish("".into(), to, options, body.as_bytes(), persistent());
        sent.await.expect("it is sent");
    }
    for (number, (channel, _, deliveries)) in lines.iter_mut().enumerate() {
        let delivery = deliveries.next().await;
        assert_eq!(body(&delivery), number.to_string());
        let acked = delivery.ack(BasicAckOptions::default()).await;
        acked.expect("acknowledged");
        channel.close(200, "".into()).await.expect("closed");
    }
}

#[tokio::test]
async fn channel_numbers_are_used_again() {
    let connection = connect_to(&format!("{}?channel_max=3", broker())).await;
    assert_eq!(connection.configuration().channel_max(), 3);
    for _ in 0..20 {
        let channel = connection.create_channel().await.expect("a channel");
        channel.close(200, "".into()).await.expect("closed");
    }
}

#[tokio::test]
async fn heartbeats_keep_an_idle_connection() {
    let address = format!("{}?heartbeat={HEARTBEAT_SECONDS}", broker());
    let client = Client::of(connect_to(&address).await).await;
    assert_eq!(
        client.connection.configuration().heartbeat(),
        HEARTBEAT_SECONDS
    );
    // The client gives up a broker that says nothing for so long.
    sleep(4 * Duration::from_secs(HEARTBEAT_SECONDS.into())).await;
    let queue = client.queue(FieldTable::default()).await;
    assert_eq!(client.ready(&queue).await, 0);
}

#[tokio::test]
async fn frames_are_no_larger_than_agreed() {
    let frame = 8192;
    let address = format!("{}?frame_max={frame}", broker());
    let client = Client::of(connect_to(&address).await).await;
    assert_eq!(client.connection.configuration().frame_max(), frame);
    let queue = client.queue(FieldTable::default()).await;
    let frame = frame as usize;
    // A frame larger than agreed would be refused on either side.
    for size in [frame - 9, frame - 8, frame - 7, 10 * frame] {
        let sent = vec![0; size];
        client.send_with("", &queue, &sent, persistent()).await;
        assert_eq!(client.get(&queue).await.data.len(), size);
    }
}
