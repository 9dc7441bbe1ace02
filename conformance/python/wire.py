"""The bytes of the Kafka protocol by hand, for what no client would send."""

import gzip
import socket
import struct
import time

import crc32c
import zstandard

PRODUCE, FETCH, LIST_OFFSETS, METADATA, API_VERSIONS, CREATE_TOPICS = 0, 1, 2, 3, 18, 19
JOIN_GROUP, HEARTBEAT, SYNC_GROUP = 11, 12, 14
GZIP, ZSTD = 1, 4

CORRUPT_MESSAGE = 2
UNKNOWN_TOPIC_OR_PARTITION = 3
INVALID_TOPIC = 17
UNSUPPORTED_VERSION = 35

# Requests older than this carry the classic header (v1: client id, no tagged fields).
CLIENT = b"\x00\x04wire"


def string(text):
    data = text.encode() if isinstance(text, str) else text
    return struct.pack(">h", len(data)) + data


def frame(key, version, correlation, body, header=CLIENT):
    payload = struct.pack(">hhi", key, version, correlation) + header + body
    return struct.pack(">i", len(payload)) + payload


class Closed(Exception):
    """The broker closed the connection."""


class Connection:
    """A raw connection that reads whole responses."""

    def __init__(self, broker, timeout=10):
        host, port = broker.rsplit(":", 1)
        self.socket = socket.create_connection((host, int(port)), timeout=timeout)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def send(self, data):
        self.socket.sendall(data)
        return self

    def exactly(self, count):
        data = b""
        while len(data) < count:
            try:
                more = self.socket.recv(count - len(data))
            except ConnectionResetError:
                more = b""
            if not more:
                raise Closed
            data += more
        return data

    def response(self):
        """(correlation id, body after it)."""
        [length] = struct.unpack(">i", self.exactly(4))
        payload = self.exactly(length)
        return struct.unpack(">i", payload[:4])[0], payload[4:]

    def call(self, key, version, body):
        return self.send(frame(key, version, 7, body)).response()[1]

    def is_closed_by_broker(self):
        try:
            self.response()
        except Closed:
            return True
        except TimeoutError:
            return False
        return False


def varint(value):
    value = (value << 1) ^ (value >> 63)
    out = b""
    while value & ~0x7F:
        out += bytes([value & 0x7F | 0x80])
        value >>= 7
    return out + bytes([value])


def record(delta, value, key=None):
    def sized(data):
        return varint(-1) if data is None else varint(len(data)) + data

    body = b"\0" + varint(0) + varint(delta) + sized(key) + sized(value) + varint(0)
    return varint(len(body)) + body


def batch(payload, count, codec=0, crc=None, magic=2, length=None, deltas=None):
    """A record batch v2 around `payload` (the records, compressed already if `codec` says so)."""
    now = int(time.time() * 1000)
    last = count - 1 if deltas is None else deltas
    after_crc = struct.pack(">hiqqqhii", codec, last, now, now, -1, -1, -1, count) + payload
    crc = crc32c.crc32c(after_crc) if crc is None else crc
    length = len(after_crc) + 9 if length is None else length
    return struct.pack(">qiibI", 0, length, -1, magic, crc) + after_crc


def produce(topic, records, partition=0, acks=-1):
    """The body of a Produce request, version 7."""
    return (
        struct.pack(">hhii", -1, acks, 30_000, 1)
        + string(topic)
        + struct.pack(">iii", 1, partition, len(records))
        + records
    )


def produce_error(body):
    """(error code, base offset) of the only partition in a Produce response, version 7."""
    [topics, name] = struct.unpack(">ih", body[:6])
    assert topics == 1
    _, _, error, offset = struct.unpack(">iihq", body[6 + name : 6 + name + 18])
    return error, offset


def fetch(topic, offset, max_bytes, max_wait_ms=0):
    """The body of a Fetch request, version 4: partition 0, everything that fits."""
    head = struct.pack(">iiiibi", -1, max_wait_ms, 1, max_bytes, 0, 1)
    return head + string(topic) + struct.pack(">iiqi", 1, 0, offset, max_bytes)


def join_group(group, session_timeout_ms=30_000, rebalance_timeout_ms=300_000):
    """The body of a JoinGroup request, version 2, of a new member."""
    return (
        string(group)
        + struct.pack(">ii", session_timeout_ms, rebalance_timeout_ms)
        + string("")
        + string("consumer")
        + struct.pack(">i", 1)
        + string("range")
        + struct.pack(">i", 0)
    )


def gzip_bomb(size):
    """One record with `size` zero bytes, gzip-compressed to a thousandth."""
    head, tail = bomb_parts(size)
    return gzip.compress(head + bytes(size) + tail, 6)


def zstd_bomb(size):
    """As `gzip_bomb`, far denser."""
    head, tail = bomb_parts(size)
    return zstandard.ZstdCompressor(level=3).compress(head + bytes(size) + tail)


def bomb_parts(size):
    body = b"\0" + varint(0) + varint(0) + varint(1) + b"k" + varint(size)
    return varint(len(body) + size + 1) + body, varint(0)
