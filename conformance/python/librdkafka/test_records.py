"""What goes in comes out: codecs, keys, headers, timestamps, order, sizes."""

import time

import pytest
from confluent_kafka import (
    TIMESTAMP_CREATE_TIME,
    TIMESTAMP_LOG_APPEND_TIME,
    KafkaException,
    TopicPartition,
)

from . import clients

MEBIBYTE = 1024 * 1024


@pytest.mark.parametrize("codec", ["none", "gzip", "snappy", "lz4", "zstd"])
def test_produce_and_consume(broker, fresh, codec):
    topic = clients.create(broker, fresh("topic"))
    values = [f"{n} ".encode() * (n % 50) for n in range(500)]
    clients.produce(broker, topic, [{"value": v} for v in values], compression_type=codec)
    assert [m.value() for m in clients.read(broker, topic, 500)] == values


@pytest.mark.parametrize("acks", ["0", "1", "all"])
def test_acks(broker, fresh, acks):
    topic = clients.create(broker, fresh("topic"))
    clients.produce(broker, topic, [{"value": b"x"}] * 10, acks=acks)
    assert len(clients.read(broker, topic, 10)) == 10


def test_keys_and_headers(broker, fresh):
    topic = clients.create(broker, fresh("topic"))
    headers = [("a", b"1"), ("a", b"2"), ("null", None), ("empty", b""), ("é", bytes(range(256)))]
    clients.produce(broker, topic, [{"key": b"\x00key\xff", "value": b"v", "headers": headers}])
    [message] = clients.read(broker, topic, 1)
    assert message.key() == b"\x00key\xff"
    assert message.headers() == headers


def test_null_keys_and_null_values(broker, fresh):
    topic = clients.create(broker, fresh("topic"))
    sent = [(None, None), (None, b""), (b"", None), (b"", b""), (b"k", None), (None, b"v")]
    clients.produce(broker, topic, [{"key": k, "value": v} for k, v in sent])
    assert [(m.key(), m.value()) for m in clients.read(broker, topic, len(sent))] == sent


def test_timestamps_of_the_producer(broker, fresh):
    topic = clients.create(broker, fresh("topic"))
    now = int(time.time() * 1000)
    stamps = [now - 5000, now, now - 60_000, now + 1000]
    clients.produce(broker, topic, [{"value": b"v", "timestamp": t} for t in stamps])
    read = [m.timestamp() for m in clients.read(broker, topic, 4)]
    assert read == [(TIMESTAMP_CREATE_TIME, t) for t in stamps]


def test_timestamps_of_the_log(broker, fresh):
    topic = clients.create(broker, fresh("topic"), message_timestamp_type="LogAppendTime")
    before = int(time.time() * 1000)
    [sent] = clients.produce(broker, topic, [{"value": b"v", "timestamp": 1000}])
    after = int(time.time() * 1000)
    [message] = clients.read(broker, topic, 1)
    kind, stamp = message.timestamp()
    assert kind == TIMESTAMP_LOG_APPEND_TIME
    assert before <= stamp <= after
    assert sent.timestamp() == (TIMESTAMP_LOG_APPEND_TIME, stamp)


def test_order_within_a_partition(broker, fresh):
    topic = clients.create(broker, fresh("topic"), partitions=3)
    records = [{"value": str(n).encode(), "partition": n % 3} for n in range(9000)]
    sent = clients.produce(broker, topic, records)
    for partition in range(3):
        offsets = [m.offset() for m in sent if m.partition() == partition]
        assert sorted(offsets) == list(range(3000))
    by_partition = {0: [], 1: [], 2: []}
    for message in clients.read(broker, topic, 9000, partitions=3):
        by_partition[message.partition()].append((message.offset(), int(message.value())))
    for partition, got in by_partition.items():
        assert got == [(n, n * 3 + partition) for n in range(3000)]


def test_a_fetch_from_the_middle_of_a_batch(broker, fresh):
    topic = clients.create(broker, fresh("topic"))
    values = [str(n).encode() for n in range(1000)]
    clients.produce(
        broker, topic, [{"value": v} for v in values], linger_ms=200, compression_type="lz4"
    )
    assert [m.value() for m in clients.read(broker, topic, 463, offset=537)] == values[537:]


def test_ten_megabyte_records_where_configured(broker, fresh):
    topic = clients.create(broker, fresh("topic"), max_message_bytes=11 * MEBIBYTE)
    value = bytes(range(256)) * (10 * MEBIBYTE // 256)
    clients.produce(broker, topic, [{"value": value}] * 3, message_max_bytes=11 * MEBIBYTE)
    # A fetch smaller than the record still returns it: the first batch always comes whole.
    for message in clients.read(broker, topic, 3, fetch_message_max_bytes=1024):
        assert message.value() == value


def test_record_too_large_where_not_configured(broker, fresh):
    topic = clients.create(broker, fresh("topic"))
    with pytest.raises(KafkaException) as error:
        clients.produce(
            broker, topic, [{"value": bytes(2 * MEBIBYTE)}], message_max_bytes=4 * MEBIBYTE
        )
    assert error.value.args[0].name() == "MSG_SIZE_TOO_LARGE"
    clients.produce(broker, topic, [{"value": b"small"}])
    assert [m.value() for m in clients.read(broker, topic, 1)] == [b"small"]


def test_topics_are_created_by_use(broker, fresh):
    topic = fresh("topic")
    clients.produce(broker, topic, [{"value": b"first"}])
    assert [m.value() for m in clients.read(broker, topic, 1)] == [b"first"]


def test_read_committed_on_plain_data(broker, fresh):
    topic = clients.create(broker, fresh("topic"))
    clients.produce(broker, topic, [{"value": b"plain"}] * 5)
    read = clients.read(broker, topic, 5, isolation_level="read_committed")
    assert [m.offset() for m in read] == [0, 1, 2, 3, 4]


def test_a_long_poll_returns_when_data_arrives(broker, fresh):
    topic = clients.create(broker, fresh("topic"))
    reader = clients.consumer(broker, fetch_wait_max_ms=5000, fetch_min_bytes=1)
    reader.assign([TopicPartition(topic, 0, 0)])
    clients.produce(broker, topic, [{"value": b"warm"}])
    clients.take(reader, 1)
    assert clients.poll(reader, 0.5) is None, "the next fetch waits at the end of the log"
    sent = time.monotonic()
    clients.produce(broker, topic, [{"value": b"prompt"}])
    clients.take(reader, 1)
    waited = time.monotonic() - sent
    reader.close()
    assert waited < 1.0, f"the record took {waited:.2f} s to a waiting consumer"
