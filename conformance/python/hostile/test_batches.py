"""Record batches that lie about themselves."""

import struct

import pytest
import wire
from librdkafka import clients
from wire import Connection

from .conftest import resident_bytes

MEBIBYTE = 1024 * 1024
INVALID_RECORD = 87
UNSUPPORTED_COMPRESSION_TYPE = 76
INVALID_REQUIRED_ACKS = 21
CONTROL = 0x20


def send(broker, topic, records, partition=0, acks=-1):
    with Connection(broker, timeout=60) as connection:
        body = wire.produce(topic, records, partition, acks)
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


@pytest.mark.parametrize(
    "records",
    [
        b"",
        good() + good(),
        wire.batch(wire.record(0, b"v"), 1, magic=1),
        wire.batch(wire.record(0, b"v"), 1, codec=CONTROL),
    ],
    ids=["nothing", "two_batches", "an_old_format", "a_control_batch"],
)
def test_only_one_data_batch_of_format_2_is_taken(broker, topic, records):
    assert send(broker, topic, records)[0] == INVALID_RECORD
    assert is_empty(broker, topic)


def test_a_format_of_the_future_is_refused(broker, topic):
    batch = wire.batch(wire.record(0, b"v"), 1, magic=3)
    assert send(broker, topic, batch)[0] == wire.CORRUPT_MESSAGE


@pytest.mark.parametrize("acks", [2, -2])
def test_unknown_acks_are_refused(broker, topic, acks):
    assert send(broker, topic, good(), acks=acks)[0] == INVALID_REQUIRED_ACKS
    assert is_empty(broker, topic)


def test_acks_0_is_not_answered(broker, topic):
    """The next answer on the connection belongs to the next request."""
    with Connection(broker) as connection:
        connection.send(wire.frame(wire.PRODUCE, 7, 1, wire.produce(topic, good(), acks=0)))
        connection.send(wire.frame(wire.API_VERSIONS, 0, 2, b""))
        assert connection.response()[0] == 2
    assert [m.value() for m in clients.read(broker, topic, 1)] == [b"v"]


@pytest.mark.parametrize("version", [0, 1, 2])
def test_produce_before_version_3_is_announced_and_not_served(broker, topic, version):
    """KAFKA-18659: librdkafka stops compressing where the announced range does not start at 0."""
    with Connection(broker) as connection:
        body = connection.call(wire.API_VERSIONS, 0, b"")
        [count] = struct.unpack(">i", body[2:6])
        keys = [struct.unpack(">hhh", body[6 + 6 * n : 12 + 6 * n]) for n in range(count)]
        assert [low for key, low, _ in keys if key == wire.PRODUCE] == [0]
        # Before version 3 there is no transactional id at the front.
        body = wire.produce(topic, good())[2:]
        connection.send(wire.frame(wire.PRODUCE, version, 1, body))
        assert connection.is_closed_by_broker()


def test_an_unknown_codec_is_refused(broker, topic):
    batch = wire.batch(wire.record(0, b"v"), 1, codec=7)
    errors = (INVALID_RECORD, wire.CORRUPT_MESSAGE, UNSUPPORTED_COMPRESSION_TYPE, -1)
    assert send(broker, topic, batch)[0] in errors
    assert is_empty(broker, topic)


def test_an_unknown_partition_is_named(broker, topic):
    assert send(broker, topic, good(), partition=5)[0] == wire.UNKNOWN_TOPIC_OR_PARTITION


@pytest.mark.forebay
@pytest.mark.parametrize(
    "codec,bomb",
    [(wire.GZIP, wire.gzip_bomb), (wire.ZSTD, wire.zstd_bomb)],
    ids=["gzip", "zstd"],
)
def test_a_compression_bomb_costs_bounded_memory(broker, make_topic, codec, bomb):
    """A compacted topic has to look at keys, so the broker must decompress."""
    topic = make_topic(cleanup_policy="compact")
    payload = bomb(256 * MEBIBYTE)
    before = resident_bytes()
    send(broker, topic, wire.batch(payload, 1, codec=codec))
    assert resident_bytes() - before < 100 * MEBIBYTE


@pytest.mark.parametrize("codec", [wire.GZIP, 2, 3, wire.ZSTD])
def test_a_corrupt_compressed_payload_is_refused_where_it_is_read(broker, make_topic, codec):
    topic = make_topic(cleanup_policy="compact")
    error, _ = send(broker, topic, wire.batch(b"\x1f\x8b not compressed" * 5, 1, codec=codec))
    assert error != 0
    assert is_empty(broker, topic)
