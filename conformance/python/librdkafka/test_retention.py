"""Retention and compaction as a client sees them."""

import time

import pytest
from eventually import eventually

from . import clients

# Kafka's smallest segment is 1 MiB; a record of this size fills one quickly.
KIBIBYTE = 1024
SEGMENT = 1024 * KIBIBYTE


def fill(broker, topic, count, stamp=None, size=100 * KIBIBYTE):
    record = {"value": bytes(size)} | ({"timestamp": stamp} if stamp else {})
    clients.produce(broker, topic, [record] * count, linger_ms=0, batch_num_messages=1)


def test_retention_by_size_moves_the_start(broker, fresh):
    topic = clients.create(
        broker, fresh("topic"), segment_bytes=SEGMENT, retention_bytes=3 * SEGMENT
    )
    fill(broker, topic, 100)
    low = eventually(lambda: clients.watermarks(broker, topic)[0])
    assert clients.watermarks(broker, topic)[1] == 100
    low = eventually(lambda: (low := clients.watermarks(broker, topic)[0]) >= 50 and low)
    assert low <= 100 - 30, "what retention.bytes allows stays"
    [first] = clients.read(broker, topic, 1, offset=0)
    assert first.offset() >= low, "an earliest reader starts at the log's new start"


def test_retention_by_time_moves_the_start(broker, fresh):
    topic = clients.create(broker, fresh("topic"), segment_bytes=SEGMENT, retention_ms=60_000)
    fill(broker, topic, 25, stamp=int(time.time() * 1000) - 3_600_000)
    fill(broker, topic, 25)
    eventually(lambda: clients.watermarks(broker, topic)[0] >= 10)
    low, high = clients.watermarks(broker, topic)
    assert low <= 25 and high == 50, "young records stay"
    offsets = [m.offset() for m in clients.read_all(broker, topic)]
    assert offsets == list(range(low, 50))


def compacted_topic(broker, name, **more):
    return clients.create(
        broker,
        name,
        cleanup_policy="compact",
        segment_ms=100,
        min_cleanable_dirty_ratio="0.01",
        max_compaction_lag_ms=500,
        **more,
    )


def test_compaction_keeps_the_last_value_of_each_key(broker, fresh):
    topic = compacted_topic(broker, fresh("topic"))
    records = [{"key": f"k{n % 10}".encode(), "value": str(n).encode()} for n in range(1000)]
    clients.produce(broker, topic, records, batch_num_messages=50)

    def compacted():
        # The active segment is never compacted: one more record rolls it.
        clients.produce(broker, topic, [{"key": b"roll", "value": b""}])
        messages = [m for m in clients.read_all(broker, topic) if m.key() != b"roll"]
        return messages if len(messages) == 10 else None

    messages = eventually(compacted, within=60, every=0.3)
    assert {m.key(): int(m.value()) for m in messages} == {
        f"k{n}".encode(): 990 + n for n in range(10)
    }
    assert [m.offset() for m in messages] == list(range(990, 1000)), "offsets never change"


def test_tombstones_delete_a_key_and_then_vanish(broker, fresh):
    topic = compacted_topic(broker, fresh("topic"), delete_retention_ms=100)
    clients.produce(broker, topic, [{"key": b"gone", "value": b"1"}, {"key": b"stays", "value": b"2"}])
    clients.produce(broker, topic, [{"key": b"gone", "value": None}])

    def vanished():
        clients.produce(broker, topic, [{"key": b"roll", "value": b""}])
        keys = {m.key() for m in clients.read_all(broker, topic)}
        return b"gone" not in keys and b"stays" in keys

    eventually(vanished, within=60, every=0.3)


def test_a_compacted_topic_refuses_records_without_key(broker, fresh):
    topic = compacted_topic(broker, fresh("topic"))
    with pytest.raises(clients.KafkaException) as error:
        clients.produce(broker, topic, [{"value": b"no key"}])
    assert error.value.args[0].name() == "INVALID_RECORD"
