"""Connections that do too little, or nothing."""

import socket
import struct
import time

import pytest
import wire
from librdkafka import clients
from wire import Connection

from .conftest import resident_bytes

MEBIBYTE = 1024 * 1024


def test_half_open_connections_hold_nobody_up(broker, topic):
    """A frame announced and never sent; the other clients do not notice."""
    half = []
    for _ in range(100):
        connection = Connection(broker)
        connection.send(struct.pack(">i", MEBIBYTE) + b"\0\0")
        half.append(connection)
    started = time.monotonic()
    clients.produce(broker, topic, [{"value": b"v"}] * 100)
    assert len(clients.read(broker, topic, 100)) == 100
    assert time.monotonic() - started < 10
    for connection in half:
        connection.socket.close()


@pytest.mark.forebay
def test_announced_bytes_cost_no_memory_before_they_arrive(broker):
    """Kafka itself reserves what is announced, and dies of 50 such connections."""
    before = resident_bytes()
    half = []
    for _ in range(50):
        connection = Connection(broker)
        connection.send(struct.pack(">i", 90 * MEBIBYTE) + b"\0\0")
        half.append(connection)
    with Connection(broker) as connection:
        connection.call(wire.API_VERSIONS, 0, b"")
    assert resident_bytes() - before < 50 * MEBIBYTE
    for connection in half:
        connection.socket.close()


def test_five_thousand_idle_connections(broker, topic, is_forebay):
    idle = []
    try:
        for _ in range(5000):
            connection = Connection(broker)
            connection.call(wire.API_VERSIONS, 0, b"")
            idle.append(connection)
        clients.produce(broker, topic, [{"value": b"v"}] * 100)
        assert len(clients.read(broker, topic, 100)) == 100
        if is_forebay:
            assert resident_bytes() < 200 * MEBIBYTE
    finally:
        for connection in idle:
            connection.socket.close()


def test_a_slow_reader_costs_bounded_memory(broker, topic, is_forebay):
    """It asks for far more than it reads, again and again."""
    value = bytes(900 * 1024)
    clients.produce(broker, topic, [{"value": value}] * 50)
    before = resident_bytes()
    slow = []
    try:
        for _ in range(20):
            connection = Connection(broker)
            connection.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            body = wire.fetch(topic, 0, 50 * MEBIBYTE)
            frames = [wire.frame(wire.FETCH, 4, n, body) for n in range(20)]
            connection.send(b"".join(frames))
            slow.append(connection)
        clients.produce(broker, topic, [{"value": b"quick"}])
        assert clients.read(broker, topic, 1, offset=50)[0].value() == b"quick"
        if is_forebay:
            assert resident_bytes() - before < 200 * MEBIBYTE
        # The slow one is still being answered, at its own pace.
        [length, correlation] = struct.unpack(">ii", slow[0].exactly(8))
        # A broker may answer with less than is asked for: `fetch.max.bytes`, here 16 MiB.
        least = 15 if is_forebay else 40
        assert length > least * MEBIBYTE and correlation == 0
        slow[0].exactly(16 * 1024)
    finally:
        for connection in slow:
            connection.socket.close()


def test_a_client_that_vanishes_in_the_middle_of_a_request(broker, topic):
    batch = wire.batch(wire.record(0, b"v"), 1)
    whole = wire.frame(wire.PRODUCE, 7, 1, wire.produce(topic, batch))
    for cut in range(1, len(whole), 7):
        with Connection(broker) as connection:
            connection.send(whole[:cut])
    assert clients.watermarks(broker, topic) == (0, 0), "half a request is no request"
