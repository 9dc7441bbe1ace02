"""Frames and requests that lie about themselves."""

import struct

import pytest
import wire
from wire import Connection


@pytest.mark.parametrize("length", [2**31 - 1, 200 * 1024 * 1024], ids=["2_gib", "200_mib"])
def test_an_over_long_frame_closes_the_connection(broker, length):
    with Connection(broker) as connection:
        connection.send(struct.pack(">i", length) + b"\0\x12\0\0\0\0\0\x01")
        assert connection.is_closed_by_broker()


@pytest.mark.parametrize("length", [-1, -(2**31)])
def test_a_negative_frame_length_closes_the_connection(broker, length):
    with Connection(broker) as connection:
        connection.send(struct.pack(">i", length))
        assert connection.is_closed_by_broker()


def test_an_empty_frame_closes_the_connection(broker):
    with Connection(broker) as connection:
        connection.send(struct.pack(">i", 0))
        assert connection.is_closed_by_broker()


@pytest.mark.parametrize("key", [-1, 999, 32767])
def test_an_unknown_api_key_closes_the_connection(broker, key):
    with Connection(broker) as connection:
        connection.send(wire.frame(key, 0, 1, b""))
        assert connection.is_closed_by_broker()


@pytest.mark.parametrize("version", [-1, 99])
def test_an_unknown_version_closes_the_connection(broker, version):
    with Connection(broker) as connection:
        connection.send(wire.frame(wire.METADATA, version, 1, b"\0\0\0\0"))
        assert connection.is_closed_by_broker()


def test_api_versions_of_a_newer_client_is_answered_in_version_0(broker):
    """KIP-511: error 35 with the list of keys, so that the client can go down."""
    with Connection(broker) as connection:
        connection.send(wire.frame(wire.API_VERSIONS, 99, 5, b"\0"))
        correlation, body = connection.response()
        assert correlation == 5
        error, count = struct.unpack(">hi", body[:6])
        assert error == wire.UNSUPPORTED_VERSION
        keys = [struct.unpack(">hhh", body[6 + 6 * n : 12 + 6 * n]) for n in range(count)]
        assert len(body) == 6 + 6 * count, "nothing follows: neither throttle time nor tags"
        ranges = {key: (low, high) for key, low, high in keys}
        assert ranges[wire.API_VERSIONS][0] == 0
        # The connection goes on, and the version that the answer names is served.
        version = ranges[wire.API_VERSIONS][1]
        assert version >= 3
        connection.send(wire.frame(wire.API_VERSIONS, version, 6, b"\0\x02x\x02y\0"))
        correlation, body = connection.response()
        assert correlation == 6 and body[:2] == b"\0\0"


@pytest.mark.parametrize(
    "key,version,body",
    [
        (wire.METADATA, 1, b"\0\0\0\x01\0\x20abc"),
        (wire.METADATA, 1, b"\0\0"),
        (wire.PRODUCE, 7, b"\xff\xff\xff"),
        (wire.FETCH, 4, b"\xff\xff\xff\xff\0\0"),
        (wire.CREATE_TOPICS, 2, b"\0\0\0\x05"),
    ],
    ids=["string_past_the_end", "half_a_count", "produce", "fetch", "create_topics"],
)
def test_a_truncated_body_closes_the_connection(broker, key, version, body):
    with Connection(broker) as connection:
        connection.send(wire.frame(key, version, 1, body))
        assert connection.is_closed_by_broker()


@pytest.mark.parametrize("count", [2**31 - 1, 2**28, -2], ids=["max", "huge", "negative"])
def test_an_impossible_array_count_closes_the_connection(broker, count):
    with Connection(broker) as connection:
        connection.send(wire.frame(wire.CREATE_TOPICS, 2, 1, struct.pack(">i", count)))
        assert connection.is_closed_by_broker()


def metadata_with_topic_count(compact_count):
    """Metadata version 12 that announces topics and brings none."""
    body = compact_count + b"\0\0\0\0"
    return wire.frame(wire.METADATA, 12, 1, body, header=wire.CLIENT + b"\0")


def test_an_impossible_compact_array_count_closes_the_connection(broker):
    with Connection(broker) as connection:
        connection.send(metadata_with_topic_count(b"\xff\xff\xff\xff\x07"))
        assert connection.is_closed_by_broker()


def test_a_compact_array_count_beyond_31_bits_reserves_nothing(broker):
    """The eleven bytes that make some decoders reserve 309 GB. Kafka reads a null array."""
    with Connection(broker) as connection:
        connection.send(metadata_with_topic_count(b"\xff\xff\xff\xff\x0f"))
        try:
            assert connection.response()[0] == 1
        except wire.Closed:
            pass


def test_random_bytes_close_the_connection(broker):
    with Connection(broker) as connection:
        connection.send(b"GET / HTTP/1.1\r\nHost: forebay\r\n\r\n")
        assert connection.is_closed_by_broker()


@pytest.mark.parametrize("name", ["", ".", "..", "a/b", "a b", "x" * 250, "é"])
def test_an_invalid_topic_name_is_refused(broker, name):
    """As Kafka answers it in CreateTopics: the error, and no topic."""
    topic = wire.string(name) + struct.pack(">ihii", 1, 1, 0, 0)
    body = struct.pack(">i", 1) + topic + struct.pack(">ib", 10_000, 0)
    with Connection(broker) as connection:
        answer = connection.call(wire.CREATE_TOPICS, 2, body)
    name_bytes = len(name.encode())
    [error] = struct.unpack(">h", answer[10 + name_bytes : 12 + name_bytes])
    assert error == wire.INVALID_TOPIC


def test_pipelined_requests_are_answered_in_order(broker):
    with Connection(broker) as connection:
        frames = [wire.frame(wire.API_VERSIONS, 0, n, b"") for n in range(200)]
        connection.send(b"".join(frames))
        assert [connection.response()[0] for _ in range(200)] == list(range(200))


def test_a_frame_in_single_bytes_is_understood(broker):
    with Connection(broker) as connection:
        for byte in wire.frame(wire.API_VERSIONS, 0, 9, b""):
            connection.send(bytes([byte]))
        assert connection.response()[0] == 9
