"""What goes in comes out."""

import time

import pytest
from kafka.errors import MessageSizeTooLargeError

from . import clients


@pytest.mark.parametrize("codec", ["none", "gzip", "snappy", "lz4", "zstd"])
def test_produce_and_consume(broker, fresh, codec):
    topic = fresh("topic")
    values = [f"{n} ".encode() * (n % 50) for n in range(500)]
    compression = None if codec == "none" else codec
    clients.produce(broker, topic, [{"value": v} for v in values], compression_type=compression)
    assert [r.value for r in clients.read(broker, topic, 500)] == values


def test_keys_and_headers(broker, fresh):
    topic = fresh("topic")
    # Null header values are not in this client's interface.
    headers = [("a", b"1"), ("a", b"2"), ("empty", b"")]
    clients.produce(broker, topic, [{"key": b"key", "value": b"v", "headers": headers}])
    [record] = clients.read(broker, topic, 1)
    assert record.key == b"key"
    assert list(record.headers) == headers


def test_null_keys_and_null_values(broker, fresh):
    topic = fresh("topic")
    sent = [(b"k", None), (None, b"v"), (b"", b"")]
    clients.produce(broker, topic, [{"key": k, "value": v} for k, v in sent])
    assert [(r.key, r.value) for r in clients.read(broker, topic, 3)] == sent


def test_timestamps_of_the_producer(broker, fresh):
    topic = fresh("topic")
    stamp = int(time.time() * 1000) - 5000
    clients.produce(broker, topic, [{"value": b"v", "timestamp_ms": stamp}])
    [record] = clients.read(broker, topic, 1)
    assert (record.timestamp, record.timestamp_type) == (stamp, 0)


def test_order_within_a_partition(broker, fresh):
    topic = fresh("topic")
    clients.produce(broker, topic, [{"value": str(n).encode()} for n in range(3000)])
    records = clients.read(broker, topic, 3000)
    assert [(r.offset, int(r.value)) for r in records] == [(n, n) for n in range(3000)]


def test_record_too_large_where_not_configured(broker, fresh):
    topic, limit = fresh("topic"), 4 * 1024 * 1024
    with pytest.raises(MessageSizeTooLargeError):
        big = [{"value": bytes(limit // 2)}]
        clients.produce(broker, topic, big, max_request_size=limit)


def test_topics_are_created_by_use(broker, fresh):
    topic = fresh("auto")
    clients.produce(broker, topic, [{"value": b"first"}])
    assert clients.read(broker, topic, 1)[0].value == b"first"


def test_read_committed_on_plain_data(broker, fresh):
    topic = fresh("topic")
    clients.produce(broker, topic, [{"value": b"plain"}] * 3)
    assert len(clients.read(broker, topic, 3, isolation_level="read_committed")) == 3
