//! Streams: topics that AMQP clients use as queues.

use bytes::BytesMut;
use forebay_broker::{Append, NewTopic};
use forebay_rabbit::amqp091::method::{Method, basic, queue};
use forebay_rabbit::amqp091::properties::PropertyList;
use forebay_rabbit::amqp091::table::Value;
use forebay_record::{Batch, BatchBuilder, RecordHeader};

use super::support::{Client, Server, table};

const STREAM: (&str, Value<'_>) = ("x-queue-type", Value::LongStr(b"stream"));

async fn prefetch(client: &mut Client, prefetch_count: u16) {
    let qos = basic::Qos {
        prefetch_count,
        ..basic::Qos::default()
    };
    assert_eq!(client.ask(1, qos).await, basic::QosOk {}.into());
}

async fn consume_from(client: &mut Client, stream: &str, tag: &str, from: Value<'_>) {
    let consume = basic::Consume {
        queue: stream.try_into().unwrap(),
        consumer_tag: tag.try_into().unwrap(),
        arguments: table(&[("x-stream-offset", from)]),
        ..basic::Consume::default()
    };
    let answer = client.ask(1, consume).await;
    assert!(
        matches!(answer, Method::Basic(basic::Method::ConsumeOk(_))),
        "{answer:?}"
    );
}

/// The next message: its offset, tag and body.
async fn next(client: &mut Client) -> (i64, u64, String) {
    let (deliver, content) = client.delivery().await;
    let headers = content.properties.headers().unwrap();
    let offset = headers.get("x-stream-offset").and_then(Value::as_i64);
    let body = String::from_utf8(content.body.to_vec()).unwrap();
    (offset.unwrap(), deliver.delivery_tag, body)
}

async fn offsets(client: &mut Client, count: usize) -> Vec<i64> {
    let mut all = Vec::new();
    for _ in 0..count {
        let (offset, delivery_tag, _) = next(client).await;
        all.push(offset);
        let multiple = false;
        client
            .send(
                1,
                &basic::Ack {
                    delivery_tag,
                    multiple,
                },
            )
            .await;
    }
    all
}

async fn with_five(server: &Server) -> Client {
    let mut client = server.client().await;
    client.declare("s", &[STREAM]).await;
    for body in ["0", "1", "2", "3", "4"] {
        client.publish("s", body.as_bytes()).await;
    }
    assert_eq!(client.ready("s").await, 5);
    client
}

#[tokio::test]
async fn every_consumer_reads_the_whole_stream_from_where_it_wants() {
    let server = Server::start();
    let mut publisher = with_five(&server).await;
    let cases: [(Value<'_>, &[i64]); 5] = [
        (Value::LongStr(b"first"), &[0, 1, 2, 3, 4]),
        (Value::I64(3), &[3, 4]),
        (Value::LongStr(b"last"), &[4]),
        (Value::Timestamp(0), &[0, 1, 2, 3, 4]),
        (Value::LongStr(b"1h"), &[0, 1, 2, 3, 4]),
    ];
    for (from, expected) in cases {
        let mut client = server.client().await;
        prefetch(&mut client, 10).await;
        consume_from(&mut client, "s", "c", from).await;
        assert_eq!(
            offsets(&mut client, expected.len()).await,
            expected,
            "{from:?}"
        );
    }
    let mut later = server.client().await;
    prefetch(&mut later, 10).await;
    consume_from(&mut later, "s", "c", Value::LongStr(b"next")).await;
    publisher.publish("s", b"5").await;
    assert_eq!(next(&mut later).await.0, 5);
    assert_eq!(
        publisher.ready("s").await,
        6,
        "what was consumed is there still"
    );
}

#[tokio::test]
async fn acknowledging_moves_the_credit_and_nothing_else() {
    let server = Server::start();
    let mut client = with_five(&server).await;
    prefetch(&mut client, 2).await;
    consume_from(&mut client, "s", "c", Value::LongStr(b"first")).await;
    let first = next(&mut client).await;
    let second = next(&mut client).await;
    assert_eq!((first.0, second.0), (0, 1));
    // A third one would come before this answer.
    prefetch(&mut client, 2).await;
    // Also what is rejected is not given again.
    client
        .send(
            1,
            &basic::Reject {
                delivery_tag: first.1,
                requeue: true,
            },
        )
        .await;
    assert_eq!(next(&mut client).await.0, 2);
    client
        .send(
            1,
            &basic::Ack {
                delivery_tag: 0,
                multiple: true,
            },
        )
        .await;
    assert_eq!(offsets(&mut client, 2).await, [3, 4]);
    let mut again = server.client().await;
    prefetch(&mut again, 5).await;
    consume_from(&mut again, "s", "c", Value::LongStr(b"first")).await;
    assert_eq!(offsets(&mut again, 5).await, [0, 1, 2, 3, 4]);
}

#[tokio::test]
async fn a_cancelled_consumer_is_given_nothing_more() {
    let server = Server::start();
    let mut client = with_five(&server).await;
    prefetch(&mut client, 1).await;
    consume_from(&mut client, "s", "c", Value::LongStr(b"first")).await;
    let (_, delivery_tag, _) = next(&mut client).await;
    let cancel = basic::Cancel {
        consumer_tag: "c".try_into().unwrap(),
        nowait: false,
    };
    client.ask(1, cancel).await;
    let multiple = false;
    client
        .send(
            1,
            &basic::Ack {
                delivery_tag,
                multiple,
            },
        )
        .await;
    assert_eq!(client.ready("s").await, 5);
    consume_from(&mut client, "s", "c", Value::I64(4)).await;
    assert_eq!(next(&mut client).await.0, 4);
}

#[tokio::test]
async fn consumers_hear_that_their_stream_is_gone() {
    let server = Server::start();
    let mut client = with_five(&server).await;
    prefetch(&mut client, 10).await;
    consume_from(&mut client, "s", "c", Value::LongStr(b"next")).await;
    let mut other = server.client().await;
    let delete = queue::Delete {
        queue: "s".try_into().unwrap(),
        ..queue::Delete::default()
    };
    let deleted = other.ask(1, delete).await;
    assert!(matches!(deleted, Method::Queue(queue::Method::DeleteOk(_))));
    assert!(server.broker.topic("s").is_none());
    let Method::Basic(basic::Method::Cancel(cancel)) = client.next_on(1).await.method else {
        panic!("the consumer is cancelled");
    };
    assert_eq!(cancel.consumer_tag, "c");
}

#[tokio::test]
async fn exchanges_route_to_streams_and_bindings_survive() {
    let server = Server::start();
    let mut client = server.client().await;
    client.declare("s", &[STREAM]).await;
    let bind = queue::Bind {
        queue: "s".try_into().unwrap(),
        exchange: "amq.topic".try_into().unwrap(),
        routing_key: "a.#".try_into().unwrap(),
        ..queue::Bind::default()
    };
    assert_eq!(client.ask(1, bind).await, queue::BindOk {}.into());
    drop(client);
    let server = server.restart();
    let mut client = server.client().await;
    let publish = basic::Publish {
        exchange: "amq.topic".try_into().unwrap(),
        routing_key: "a.b".try_into().unwrap(),
        ..basic::Publish::default()
    };
    let properties = PropertyList {
        content_type: Some("text/plain".try_into().unwrap()),
        headers: Some(table(&[("n", Value::I32(7))])),
        ..PropertyList::default()
    };
    client
        .send_message(1, &publish, &properties.encode(), b"m")
        .await;
    assert_eq!(client.ready("s").await, 1);
    prefetch(&mut client, 1).await;
    consume_from(&mut client, "s", "c", Value::LongStr(b"first")).await;
    let (deliver, content) = client.delivery().await;
    assert_eq!(
        (&deliver.exchange, &deliver.routing_key),
        (&publish.exchange, &publish.routing_key)
    );
    assert_eq!(content.properties.content_type(), properties.content_type);
    let headers = content.properties.headers().unwrap();
    assert_eq!(
        headers.get("n"),
        Some(Value::I32(7)),
        "with the type that it was sent with"
    );
    // The same record as another protocol sees it.
    let topic = server.broker.topic("s").unwrap();
    let read = topic.partitions[0].read(0, 1 << 20, true).unwrap();
    let forebay_broker::storage::Read::Ready(batches) = read else {
        panic!("it is in memory");
    };
    let batch = Batch::only(&batches.parts[0]).unwrap();
    let records = batch.records(0).unwrap();
    let record = records.iter().next().unwrap().unwrap();
    assert_eq!(record.key, Some(&b"a.b"[..]));
    assert_eq!(record.value, Some(&b"m"[..]));
    let header = |name: &str| {
        let mut all = record.headers.flatten();
        all.find(|header| header.key == name.as_bytes())
            .and_then(|header| header.value.map(<[u8]>::to_vec))
    };
    assert_eq!(header("content-type"), Some(b"text/plain".to_vec()));
    assert_eq!(header("n"), Some(b"7".to_vec()));
}

#[tokio::test]
async fn records_of_other_protocols_are_messages() {
    let server = Server::start();
    let topic = NewTopic {
        name: "orders".to_owned(),
        partitions: Some(3),
        configs: Default::default(),
    };
    server
        .broker
        .create_topics(vec![topic], false)
        .await
        .remove(0)
        .unwrap();
    let topic = server.broker.topic("orders").unwrap();
    for partition in 0..3 {
        let mut builder = BatchBuilder::new();
        let headers = [
            RecordHeader::new("correlation-id", b"c-1"),
            RecordHeader::new("trace", b"t"),
            // Not what AMQP's properties look like.
            RecordHeader::new("forebay.amqp091.properties", b"\xff\xff\xff"),
        ];
        let value = partition.to_string();
        builder
            .add(1_000, Some(b"k"), Some(value.as_bytes()), &headers)
            .unwrap();
        let append = Append {
            topic: topic.clone(),
            partition,
            batch: BytesMut::from(&builder.build().unwrap()[..]),
        };
        server.broker.append(vec![append]).await.remove(0).unwrap();
    }
    let mut client = server.client().await;
    prefetch(&mut client, 6).await;
    consume_from(&mut client, "orders", "c", Value::LongStr(b"first")).await;
    let mut bodies = Vec::new();
    for _ in 0..3 {
        let (deliver, content) = client.delivery().await;
        assert_eq!(
            (&deliver.exchange[..], &deliver.routing_key[..]),
            (&b""[..], &b"orders"[..])
        );
        let correlation_id = content.properties.correlation_id();
        assert_eq!(correlation_id, Some("c-1".try_into().unwrap()));
        let headers = content.properties.headers().unwrap();
        assert_eq!(headers.get("trace"), Some(Value::LongStr(b"t")));
        assert_eq!(headers.get("forebay.key"), Some(Value::LongStr(b"k")));
        bodies.push(content.body);
    }
    bodies.sort_unstable();
    assert_eq!(bodies, ["0", "1", "2"]);
}

#[tokio::test]
async fn what_streams_do_not_do_is_refused() {
    let server = Server::start();
    let mut client = with_five(&server).await;
    let get = basic::Get {
        queue: "s".try_into().unwrap(),
        ..basic::Get::default()
    };
    client.send(1, &get).await;
    assert_eq!(client.closed().await.0, 540);
    let mut client = server.client().await;
    let consume = basic::Consume {
        queue: "s".try_into().unwrap(),
        ..basic::Consume::default()
    };
    client.send(1, &consume).await;
    let (code, text) = client.closed_channel(1).await;
    assert_eq!(code, 406);
    assert!(
        text.contains("consumer prefetch count is not set"),
        "{text}"
    );
    client.open_channel(1).await;
    let refused = [
        (
            table(&[STREAM, ("x-message-ttl", Value::I32(1))]),
            "of queue type rabbit_stream_queue",
        ),
        (
            table(&[STREAM, ("x-max-age", Value::LongStr(b"7x"))]),
            "invalid_max_age",
        ),
        (table(&[]), "inequivalent arg 'x-queue-type'"),
        (
            table(&[STREAM, ("x-max-age", Value::LongStr(b"7D"))]),
            "inequivalent arg 'x-max-age'",
        ),
    ];
    for (arguments, why) in refused {
        let declare = queue::Declare {
            queue: "s".try_into().unwrap(),
            durable: true,
            arguments,
            ..queue::Declare::default()
        };
        client.send(1, &declare).await;
        let (code, text) = client.closed_channel(1).await;
        assert_eq!(code, 406);
        assert!(text.contains(why), "{text}");
        client.open_channel(1).await;
    }
    client.declare("s", &[STREAM]).await;
    // A queue's name is no topic's.
    client.declare("q", &[]).await;
    let topic = NewTopic {
        name: "q".to_owned(),
        partitions: None,
        configs: Default::default(),
    };
    let created = server
        .broker
        .create_topics(vec![topic], false)
        .await
        .remove(0);
    assert!(created.is_err());
}

#[tokio::test]
async fn what_a_filter_leaves_out_costs_no_credit() {
    let server = Server::start();
    let mut client = server.client().await;
    client.declare("s", &[STREAM]).await;
    let publish = basic::Publish {
        routing_key: "s".try_into().unwrap(),
        ..basic::Publish::default()
    };
    for number in 0..20 {
        let value = if number % 5 == 4 { "wanted" } else { "other" };
        let value = Value::LongStr(value.as_bytes());
        let properties = PropertyList {
            headers: Some(table(&[("x-stream-filter-value", value)])),
            ..PropertyList::default()
        };
        client
            .send_message(1, &publish, &properties.encode(), b"m")
            .await;
    }
    assert_eq!(client.ready("s").await, 20);
    // Less than lies between two of them.
    prefetch(&mut client, 2).await;
    let consume = basic::Consume {
        queue: "s".try_into().unwrap(),
        consumer_tag: "c".try_into().unwrap(),
        arguments: table(&[
            ("x-stream-offset", Value::LongStr(b"first")),
            ("x-stream-filter", Value::LongStr(b"wanted")),
        ]),
        ..basic::Consume::default()
    };
    client.ask(1, consume).await;
    let first = next(&mut client).await;
    assert_eq!((first.0, next(&mut client).await.0), (4, 9));
    // A third one would come before this answer.
    prefetch(&mut client, 2).await;
    let ack = basic::Ack {
        delivery_tag: first.1,
        multiple: false,
    };
    client.send(1, &ack).await;
    assert_eq!(next(&mut client).await.0, 14);
}

#[tokio::test]
async fn only_classic_queues_are_named_by_the_broker() {
    let server = Server::start();
    for (kind, expected) in [("stream", 406), ("quorum", 406), ("classic", 0)] {
        let mut client = server.client().await;
        let declare = queue::Declare {
            durable: true,
            arguments: table(&[("x-queue-type", Value::LongStr(kind.as_bytes()))]),
            ..queue::Declare::default()
        };
        client.send(1, &declare).await;
        match expected {
            0 => assert!(matches!(
                client.next_on(1).await.method,
                Method::Queue(queue::Method::DeclareOk(_))
            )),
            code => assert_eq!(client.closed_channel(1).await.0, code),
        }
    }
}
