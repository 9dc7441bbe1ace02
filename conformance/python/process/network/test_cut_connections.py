"""Connections that end in the middle of whatever they were doing."""

import itertools
import socket
import struct

import pytest
import wire
from crowd import RESET
from cutting_proxy import CuttingProxy
from eventually import eventually
from librdkafka import clients

from ..footprint import MEBIBYTE, Footprint
from ..forebay import Forebay
from ..history import History
from ..scale import scale
from ..workload import ContinuousProducer, Group

CUTS = scale(300, 1_000)
AT_ONCE = 50
SECONDS_OF_CUTS = scale(3, 30)

LONG_POLL = wire.frame(wire.FETCH, 4, 1, wire.fetch("empty", 0, MEBIBYTE, 300_000))
LARGE_FETCH = wire.frame(wire.FETCH, 4, 1, wire.fetch("filled", 0, 20 * MEBIBYTE))
PRODUCE = wire.frame(
    wire.PRODUCE, 7, 1, wire.produce("cut", wire.batch(wire.record(0, bytes(50_000)), 1))
)
# What was sent when the end came.
MIDDLES = {
    "before_a_request": b"",
    "in_a_length": PRODUCE[:2],
    "in_a_frame": PRODUCE[: len(PRODUCE) // 2],
    "in_a_large_frame": struct.pack(">i", 50 * MEBIBYTE) + bytes(2 * MEBIBYTE),
    "in_a_long_poll": LONG_POLL,
    "in_a_produce": PRODUCE,
    "in_many_produces": PRODUCE * 20,
    "in_a_join": wire.frame(wire.JOIN_GROUP, 2, 1, wire.join_group("cut", 6_000)),
    "in_an_answer": LARGE_FETCH * 5,
}
# Those that the server leaves waiting.
PARKED = ("in_a_long_poll", "in_a_join")


def reset(connection):
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
    connection.close()


def finish(connection):
    connection.close()


@pytest.fixture
def server(tmp_path):
    waits = ("--group-initial-rebalance-delay", "5m")
    with Forebay(tmp_path / "data", "--request-memory", "16MiB", *waits) as server:
        clients.create(server.broker, "cut")
        clients.create(server.broker, "empty")
        clients.create(server.broker, "filled")
        clients.produce(server.broker, "filled", [{"value": bytes(900_000)}] * 20)
        eventually(lambda: Footprint.of(server).connections == 0, what="clients are gone")
        yield server


@pytest.mark.parametrize("cut", [reset, finish])
def test_whatever_a_connection_was_doing_is_given_back_when_it_is_cut(server, report, cut):
    before, resident = Footprint.at_rest(server), server.resident_bytes()
    host, port = server.broker.rsplit(":", 1)
    middles = itertools.cycle(MIDDLES.items())
    for round in range(CUTS // AT_ONCE):
        crowd, parked = [], 0
        for middle, sent in itertools.islice(middles, AT_ONCE):
            one = socket.create_connection((host, int(port)), timeout=10)
            crowd.append(one)
            one.setblocking(False)
            try:
                one.send(sent)
            except BlockingIOError:
                pass
            parked += middle in PARKED
        # Now at once, and now when the server is known to be in the middle of it.
        if round % 2:
            eventually(lambda: Footprint.of(server).requests_in_flight >= parked)
        for one in crowd:
            cut(one)
    before.comes_back(server)
    # And it serves as before.
    clients.produce(server.broker, "filled", [{"value": b"after"}])
    assert clients.read(server.broker, "filled", 1, offset=20)[0].value() == b"after"
    after = server.resident_bytes()
    report(
        f"{CUTS} connections cut by {cut.__name__}: sockets, tasks and memory budgets are back;"
        f" {resident // MEBIBYTE} MiB before, {after // MEBIBYTE} MiB after"
    )


def test_producers_and_consumers_whose_connections_are_cut_lose_and_double_nothing(
    tmp_path, dice, report
):
    with (
        Forebay(tmp_path / "data") as server,
        History(tmp_path / "history.jsonl") as history,
    ):
        topic = clients.create(server.broker, "cut", partitions=2)
        for partition in range(2):
            history.log(f"{topic}-{partition}", dense=True)
        before = Footprint.at_rest(server)
        with CuttingProxy(server.broker, bytes_between_cuts=20_000, seed=dice.random()) as proxy:
            producers = [
                ContinuousProducer(history, proxy.address, topic, 2, f"producer-{n}")
                for n in range(2)
            ]
            group = Group(history, proxy.address, topic, 2, "group")
            wanted = 30 * SECONDS_OF_CUTS
            eventually(lambda: proxy.cuts >= wanted, within=180, what=f"{wanted} cuts")
            proxy.cutting = False
            for producer in producers:
                producer.finish()
            group.finish()
            cuts = proxy.cuts
            del producers, producer, group
        for partition in range(2):
            history.read_to_end(server.broker, topic, partition)
        before.comes_back(server)
        counts = history.check()["counts"]
    report(
        f"{cuts} cuts between clients and server: {counts['acknowledged']:,} records acknowledged,"
        " none lost, doubled or out of order"
    )
