"""What one protocol publishes the other consumes: docs/interop.md."""

import pytest
from confluent_kafka import KafkaException, Producer
from confluent_kafka.admin import AdminClient, NewTopic

from .conftest import properties

pytestmark = pytest.mark.forebay


def next_message(channel, stream, offset="first"):
    channel.basic_qos(prefetch_count=10)
    consumed = channel.consume(stream, arguments={"x-stream-offset": offset}, inactivity_timeout=20)
    method, found, body = next(consumed)
    assert method is not None, "a message in time"
    channel.cancel()
    return method, found, body


def test_a_kafka_consumer_reads_what_amqp_published_to_a_stream(channel, stream, consume):
    channel.confirm_delivery()
    channel.basic_publish(
        "",
        stream,
        b"hello",
        properties(
            content_type="text/plain",
            correlation_id="c-1",
            message_id="m-1",
            timestamp=1_700_000_000,
            headers={"n": 7, "text": "t", "yes": True, "table": {"a": 1}},
        ),
    )
    (record,) = consume(stream, 1)
    assert (record.key(), record.value()) == (None, b"hello")
    assert record.timestamp()[1] == 1_700_000_000_000
    headers = dict(record.headers())
    assert headers["content-type"] == b"text/plain"
    assert headers["correlation-id"] == b"c-1"
    assert headers["message-id"] == b"m-1"
    assert (headers["n"], headers["text"], headers["yes"]) == (b"7", b"t", b"true")
    assert "table" not in headers


def test_the_routing_key_is_the_key_of_what_an_exchange_routes_to_a_topic(
    channel, stream, consume
):
    channel.queue_bind(stream, "amq.topic", "orders.#")
    channel.confirm_delivery()
    channel.basic_publish("amq.topic", "orders.new", b"1")
    channel.basic_publish("amq.topic", "elsewhere", b"2")
    channel.basic_publish("amq.topic", "orders.paid", b"3")
    records = consume(stream, 2)
    assert [(record.key(), record.value()) for record in records] == [
        (b"orders.new", b"1"),
        (b"orders.paid", b"3"),
    ]


def test_an_amqp_consumer_reads_what_kafka_produced(channel, fresh, produce):
    topic = fresh("topic")
    produce(
        topic,
        b"hello",
        key=b"k",
        headers=[("correlation-id", b"c-1"), ("trace", b"t"), ("raw", b"\xff\xfe")],
    )
    method, found, body = next_message(channel, topic)
    assert (method.exchange, method.routing_key, body) == ("", topic, b"hello")
    assert found.correlation_id == "c-1"
    assert found.headers["trace"] == "t"
    assert found.headers["raw"] == b"\xff\xfe"
    assert found.headers["forebay.key"] == "k"
    assert int(found.headers["x-stream-offset"]) == 0


@pytest.mark.parametrize("codec", ["none", "gzip", "snappy", "lz4", "zstd"])
def test_batches_are_read_whatever_they_are_compressed_with(broker, channel, fresh, codec):
    topic = fresh("topic")
    producer = Producer(
        {"bootstrap.servers": broker, "compression.type": codec, "linger.ms": 200}
    )
    for number in range(100):
        producer.produce(topic, str(number).encode() * 50)
    assert producer.flush(20) == 0
    channel.basic_qos(prefetch_count=200)
    bodies = []
    arguments = {"x-stream-offset": "first"}
    for method, _, body in channel.consume(topic, arguments=arguments, inactivity_timeout=20):
        assert method is not None, f"{len(bodies)} in time"
        bodies.append(body)
        if len(bodies) == 100:
            break
    assert sorted(bodies) == sorted(str(number).encode() * 50 for number in range(100))


def test_what_amqp_sent_comes_back_to_amqp_as_it_was(channel, stream):
    sent = properties(
        content_type="text/plain",
        delivery_mode=2,
        priority=3,
        expiration="60000",
        headers={"n": 7, "table": {"a": [1, "x"]}},
    )
    channel.confirm_delivery()
    channel.basic_publish("", stream, b"m", sent)
    _, found, _ = next_message(channel, stream)
    offset = found.headers.pop("x-stream-offset")
    assert int(offset) == 0
    assert found == sent


def test_a_name_is_a_topic_or_a_queue(channel, fresh, broker):
    name = fresh("queue")
    channel.queue_declare(name, durable=True)
    # Kept, because the client ends what it was asked with itself.
    admin = AdminClient({"bootstrap.servers": broker})
    created = admin.create_topics([NewTopic(name, 1)])[name]
    with pytest.raises(KafkaException, match="is a queue"):
        created.result(20)


def test_a_deleted_topic_ends_its_consumers_and_bindings(channel, fresh, broker, produce):
    topic = fresh("topic")
    produce(topic, b"1")
    channel.queue_bind(topic, "amq.fanout")
    channel.basic_qos(prefetch_count=1)
    cancelled = []
    channel.add_on_cancel_callback(cancelled.append)
    channel.basic_consume(topic, print, arguments={"x-stream-offset": "next"})
    admin = AdminClient({"bootstrap.servers": broker})
    admin.delete_topics([topic])[topic].result(20)
    while not cancelled:
        channel.connection.process_data_events(1)
    channel.basic_publish("amq.fanout", "", b"to nobody")
