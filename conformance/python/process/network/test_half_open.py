"""Peers that are no longer there, or never say anything: closed in time, and everything given back."""

import socket
import struct

import pytest
import wire
from eventually import eventually
from librdkafka import clients

from ..footprint import LABELS, Footprint
from ..forebay import Forebay
from ..scale import scale
from .namespace import serving

MEBIBYTE = 1024 * 1024
CONNECTIONS = scale(50, 1000)


def closed(server, reason):
    return server.metrics().value("forebay_connections_closed_total", **LABELS, reason=reason)


def connections(server, count):
    host, port = server.broker.rsplit(":", 1)
    return [socket.create_connection((host, int(port)), timeout=30) for _ in range(count)]


def close_all(sockets):
    for one in sockets:
        one.close()


def are_closed_by_server(sockets):
    """Every one ends, without a byte, within the patience of a socket."""
    for one in sockets:
        try:
            assert one.recv(1) == b"", "a byte instead of the end"
        except ConnectionResetError:
            pass


def test_who_says_nothing_is_closed_after_the_idle_timeout(tmp_path):
    with Forebay(tmp_path / "data", "--connection-idle-timeout", "2s") as server:
        before = Footprint.at_rest(server)
        silent = connections(server, CONNECTIONS)
        are_closed_by_server(silent)
        before.comes_back(server)
        assert closed(server, "idle") == CONNECTIONS
        close_all(silent)


def test_who_has_been_served_is_closed_when_it_is_idle(tmp_path):
    """The time counts from the last answer, and is not longer for having been served."""
    with Forebay(tmp_path / "data", "--connection-idle-timeout", "4s") as server:
        before = Footprint.at_rest(server)
        served = connections(server, CONNECTIONS)
        for one in served:
            one.sendall(wire.frame(wire.API_VERSIONS, 0, 1, b""))
            assert one.recv(4), "an answer"
        # Up to the end of the answer, and then the end of the connection.
        for one in served:
            one.settimeout(7.5)
            while one.recv(65536):
                pass
        before.comes_back(server)
        assert closed(server, "idle") == CONNECTIONS
        close_all(served)


@pytest.mark.parametrize(
    "beginning",
    [
        b"\0\0",
        struct.pack(">i", MEBIBYTE),
        struct.pack(">i", MEBIBYTE) + bytes(100_000),
        wire.frame(wire.PRODUCE, 7, 1, wire.produce("half", bytes(5000)))[:-1],
    ],
    ids=["half_a_length", "a_length", "a_tenth", "all_but_a_byte"],
)
def test_who_stops_inside_a_request_is_closed_after_the_stall_timeout(tmp_path, beginning):
    with Forebay(tmp_path / "data", "--request-stall-timeout", "2s") as server:
        before = Footprint.at_rest(server)
        half = connections(server, CONNECTIONS)
        for one in half:
            one.sendall(beginning)
        are_closed_by_server(half)
        before.comes_back(server)
        assert closed(server, "stalled") == CONNECTIONS
        close_all(half)


def test_half_requests_do_not_use_up_the_memory_that_others_need(tmp_path):
    """Each announces a large request: what counts is what has come."""
    memory = ("--request-memory", "8MiB")
    with Forebay(tmp_path / "data", *memory) as server:
        before = Footprint.at_rest(server)
        half = connections(server, scale(500, 5000))
        for one in half:
            one.sendall(struct.pack(">i", 50 * MEBIBYTE) + bytes(1000))
        topic = clients.create(server.broker, "whole")
        clients.produce(server.broker, topic, [{"value": bytes(500_000)}] * 20)
        assert len(clients.read(server.broker, topic, 20)) == 20
        close_all(half)
        before.comes_back(server)


def test_who_brings_a_request_too_slowly_goes_when_others_wait_for_its_memory(tmp_path):
    """A byte a second keeps a request alive, but not at the expense of everybody else."""
    memory = ("--request-memory", "4MiB", "--request-stall-timeout", "1h")
    with Forebay(tmp_path / "data", *memory) as server:
        before = Footprint.at_rest(server)
        topic = clients.create(server.broker, "pressed")
        # With the one that may go beyond them, they hold all there is.
        slow = connections(server, 5)
        for one in slow:
            one.sendall(struct.pack(">i", MEBIBYTE) + bytes(700_000))
        eventually(lambda: Footprint.of(server).request_memory >= 4 * MEBIBYTE)

        sent = []
        producer = clients.producer(server.broker)
        for _ in range(30):
            producer.produce(topic, bytes(900_000), on_delivery=lambda *told: sent.append(told))

        def is_through():
            for one in slow:
                try:
                    one.send(b"\0")
                except OSError:
                    pass
            producer.poll(0)
            return len(sent) == 30

        eventually(is_through, within=120, every=1)
        assert not any(error for error, _ in sent)
        # Not all of them, if what the first ones gave back was enough.
        assert 1 <= closed(server, "too_slow") <= 5
        del producer
        close_all(slow)
        before.comes_back(server)


PARKED = {
    "between_requests": b"",
    "in_a_long_poll": wire.frame(
        wire.FETCH, 4, 1, wire.fetch("vanished", 0, MEBIBYTE, max_wait_ms=300_000)
    ),
    "in_a_join": wire.frame(wire.JOIN_GROUP, 2, 1, wire.join_group("vanished")),
    "inside_a_request": struct.pack(">i", MEBIBYTE) + bytes(100_000),
}


@pytest.mark.parametrize("parked", PARKED.values(), ids=PARKED.keys())
def test_a_machine_that_vanishes_is_noticed_by_keepalive(tmp_path, network, parked):
    """After twice the time of --tcp-keepalive, whatever it was waiting for."""
    patient = ("--request-stall-timeout", "1h", "--group-initial-rebalance-delay", "5m")
    with serving(tmp_path / "data", network, "--tcp-keepalive", "2s", *patient) as server:
        clients.create(server.broker, "vanished")
        before = Footprint.at_rest(server)
        gone = [network.connect(server.broker) for _ in range(20)]
        for one in gone:
            one.sendall(parked)
        eventually(lambda: Footprint.of(server).connections == before.connections + 20)
        network.vanish()
        # Nothing is in flight, so nothing but the kernel's questions can notice.
        before.comes_back(server, within=30)
        assert closed(server, "broken") == 20
        close_all(gone)


def test_a_machine_that_vanishes_with_an_answer_on_its_way_is_given_up_as_idle(tmp_path, network):
    """Nobody acknowledges a byte: that takes the kernel a quarter of an hour, and us what is said."""
    with serving(tmp_path / "data", network, "--connection-idle-timeout", "3s") as server:
        topic = clients.create(server.broker, "vanished")
        clients.produce(server.broker, topic, [{"value": bytes(900_000)}] * 20)
        # The clients above go as well.
        eventually(lambda: Footprint.of(server).connections == 0)
        before = Footprint.at_rest(server)
        gone = [network.connect(server.broker) for _ in range(20)]
        fetch = wire.frame(wire.FETCH, 4, 1, wire.fetch(topic, 0, 20 * MEBIBYTE))
        for one in gone:
            one.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            one.sendall(fetch)
        eventually(lambda: Footprint.of(server).answer_memory > before.answer_memory)
        network.vanish()
        before.comes_back(server, within=30)
        assert closed(server, "idle") >= 20
        close_all(gone)
