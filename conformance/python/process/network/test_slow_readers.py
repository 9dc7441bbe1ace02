"""Consumers that ask for much and take a byte a second: what they hold is bounded, others go on."""

import time

import wire
from crowd import Crowd
from eventually import eventually
from librdkafka import clients

from ..footprint import LABELS, MEBIBYTE, Footprint, Peak
from ..forebay import Forebay
from ..history import History
from ..scale import scale
from ..workload import ContinuousProducer, Group
from .namespace import serving

SLOW_READERS = scale(200, 1000)
SECONDS = scale(20, 60)
PARTITIONS = 2
# As much as a few of them ask for: without a bound each would hold all of its answer.
ANSWER_MEMORY_MIB = 32
BOUND_MIB = 100 + 2 * ANSWER_MEMORY_MIB


def fill(broker, topic, mebibytes):
    """Older messages that are no longer in memory, so that reading them costs some."""
    clients.create(broker, topic)
    records = [{"value": bytes(900_000)}] * mebibytes
    clients.produce(broker, topic, records, queue_buffering_max_kbytes=1024 * mebibytes)


def test_readers_of_a_byte_a_second_cost_bounded_memory_and_hold_nobody_up(
    tmp_path, network, report
):
    budgets = ("--answer-memory", f"{ANSWER_MEMORY_MIB}MiB", "--tail-cache-size", "8MiB")
    with (
        serving(tmp_path / "data", network, *budgets, "--request-memory", "32MiB") as server,
        History(tmp_path / "history.jsonl") as history,
    ):
        fill(server.broker, "old", mebibytes=100)
        topic = clients.create(server.broker, "beside", partitions=PARTITIONS)
        for partition in range(PARTITIONS):
            history.log(f"{topic}-{partition}", dense=True)
        before, resident = Footprint.at_rest(server), server.resident_bytes()
        producer = ContinuousProducer(history, server.broker, topic, PARTITIONS, "producer")
        group = Group(history, server.broker, topic, PARTITIONS, "group")
        producer.wait_for_progress()

        peak = Peak(server)
        # A small receive buffer, or the kernel takes a megabyte before a reader is slow.
        with Crowd(server.broker, 4096, network.inside, network.client) as slow:
            slow.open(SLOW_READERS)
            slow.send(wire.frame(wire.FETCH, 4, 1, wire.fetch("old", 0, 50 * MEBIBYTE)))
            deadline = time.monotonic() + SECONDS
            while time.monotonic() < deadline:
                peak.watch(1.0, every=0.05)
                slow.take(1)
                # In every second the others send, and what they sent is read.
                committed = sum(group.look())
                producer.wait_for_progress(50, within=20)
                eventually(lambda: sum(group.look()) > committed, within=20)
            cut = slow.closed_by_broker()
            closed = server.metrics().value(
                "forebay_connections_closed_total", **LABELS, reason="too_slow"
            )
        producer.finish()
        group.finish()
        del producer, group  # Their connections end with them.
        for partition in range(PARTITIONS):
            history.read_to_end(server.broker, topic, partition)
        before.comes_back(server)
        after = server.resident_bytes()
        assert peak.resident < BOUND_MIB * MEBIBYTE, f"{peak} where {BOUND_MIB} MiB is the bound"
        assert cut == closed > 0, "for being slow while others wait, and for nothing else"
        counts = history.check()["counts"]
    report(
        f"{SLOW_READERS} readers of 1 B/s for {SECONDS} s: {peak}"
        f" (before {resident // MEBIBYTE} MiB, after {after // MEBIBYTE} MiB), {cut} cut off;"
        f" beside them {counts['acknowledged']:,} records acknowledged, none lost or doubled"
    )


def test_answers_that_describe_much_are_bounded_too(tmp_path, report):
    """Metadata of ten thousand partitions, asked for by many who do not take it."""
    with Forebay(tmp_path / "data", "--answer-memory", "16MiB") as server:
        clients.create(server.broker, "many", partitions=10_000)
        before, resident = Footprint.at_rest(server), server.resident_bytes()
        peak = Peak(server)
        with Crowd(server.broker, receive_buffer=4096) as slow:
            slow.open(SLOW_READERS)
            every_topic = b"\xff\xff\xff\xff"
            slow.send(wire.frame(wire.METADATA, 1, 1, every_topic))
            peak.watch(3, every=0.02)
            topic = clients.create(server.broker, "beside")
            clients.produce(server.broker, topic, [{"value": b"v"}] * 100)
            assert len(clients.read(server.broker, topic, 100)) == 100
            peak.watch(1, every=0.02)
        before.comes_back(server)
        grown = peak.resident - resident
        assert grown < 100 * MEBIBYTE, f"{peak}, from {resident // MEBIBYTE} MiB"
    report(f"{SLOW_READERS} readers of 10,000 partitions' metadata: {peak}")
