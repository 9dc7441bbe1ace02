"""Record batches that lie about themselves."""

import pytest
import wire
from librdkafka import clients
from wire import Connection

from .conftest import resident_bytes

MEBIBYTE = 1024 * 1024
INVALID_RECORD = 87
UNSUPPORTED_COMPRESSION_TYPE = 76
MESSAGE_TOO_LARGE = 10


def send(broker, topic, records, partition=0):
    with Connection(broker, timeout=60) as connection:
        body = wire.produce(topic, records, partition)
        return wire.produce_error(connection.call(wire.PRODUCE, 7, body))


def good(value=b"v"):
    return wire.batch(wire.record(0, value), 1)


def is_empty(broker, topic):
    return clients.watermarks(broker, topic) == (0, 0)


def test_a_good_batch_is_stored(broker, topic):
    """The frame that all the others here are bent from."""
    assert send(broker, topic, good()) == (0, 0)
    assert send(broker, topic, good()) == (0, 1)
    assert [m.value() for m in clients.read(broker, topic, 2)] == [b"v", b"v"]


def test_a_bad_checksum_is_refused(broker, topic):
    batch = wire.batch(wire.record(0, b"v"), 1, crc=0xDEADBEEF)
    assert send(broker, topic, batch)[0] == wire.CORRUPT_MESSAGE
    assert is_empty(broker, topic)


def test_a_flipped_bit_is_refused(broker, topic):
    batch = bytearray(good())
    batch[-3] ^= 0x10
    assert send(broker, topic, bytes(batch))[0] == wire.CORRUPT_MESSAGE
    assert is_empty(broker, topic)


@pytest.mark.parametrize("count", [2, 1000, 2**31 - 1, 0, -1])
def test_a_wrong_record_count_is_refused(broker, topic, count):
    batch = wire.batch(wire.record(0, b"v"), count, deltas=0)
    assert send(broker, topic, batch)[0] in (INVALID_RECORD, wire.CORRUPT_MESSAGE)
    assert is_empty(broker, topic)


def test_a_batch_longer_than_its_bytes_is_refused(broker, topic):
    batch = wire.batch(wire.record(0, b"v"), 1, length=10_000)
    assert send(broker, topic, batch)[0] in (INVALID_RECORD, wire.CORRUPT_MESSAGE)
    assert is_empty(broker, topic)


def test_a_batch_shorter_than_its_header_is_refused(broker, topic):
    batch = wire.batch(wire.record(0, b"v"), 1, length=3)
    assert send(broker, topic, batch)[0] in (INVALID_RECORD, wire.CORRUPT_MESSAGE)
    assert is_empty(broker, topic)


def test_an_unknown_codec_is_refused(broker, topic):
    batch = wire.batch(wire.record(0, b"v"), 1, codec=7)
    errors = (INVALID_RECORD, wire.CORRUPT_MESSAGE, UNSUPPORTED_COMPRESSION_TYPE, -1)
    assert send(broker, topic, batch)[0] in errors
    assert is_empty(broker, topic)


def test_an_unknown_partition_is_named(broker, topic):
    assert send(broker, topic, good(), partition=5)[0] == wire.UNKNOWN_TOPIC_OR_PARTITION


@pytest.mark.forebay
@pytest.mark.parametrize("codec,bomb", [(wire.GZIP, wire.gzip_bomb), (wire.ZSTD, wire.zstd_bomb)],
                         ids=["gzip", "zstd"])
def test_a_compression_bomb_costs_bounded_memory(broker, fresh, codec, bomb):
    """A compacted topic has to look at keys, so the broker must decompress."""
    topic = clients.create(broker, fresh("compacted"), cleanup_policy="compact")
    payload = bomb(256 * MEBIBYTE)
    before = resident_bytes()
    send(broker, topic, wire.batch(payload, 1, codec=codec))
    assert resident_bytes() - before < 100 * MEBIBYTE


@pytest.mark.parametrize("codec", [wire.GZIP, 2, 3, wire.ZSTD])
def test_a_corrupt_compressed_payload_is_refused_where_it_is_read(broker, fresh, codec):
    topic = clients.create(broker, fresh("compacted"), cleanup_policy="compact")
    error, _ = send(broker, topic, wire.batch(b"\x1f\x8b not compressed" * 5, 1, codec=codec))
    assert error != 0
    assert is_empty(broker, topic)
