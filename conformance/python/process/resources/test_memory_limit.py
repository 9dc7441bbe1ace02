"""A server in a container with little memory: back-pressure, not the end of the process."""

import itertools
import threading
import time

import pytest
import wire
from confluent_kafka import KafkaException
from crowd import Crowd
from eventually import eventually
from librdkafka import clients

from ..footprint import LABELS, MEBIBYTE, Footprint, Peak
from ..forebay import Forebay
from ..history import History
from ..memory_cgroup import memory_group
from ..scale import scale
from ..workload import Group

SECONDS = scale(5, 120)
PRODUCERS = 8
SLOW_READERS = scale(60, 200)
LARGE = 900_000
PARTITIONS = 2


class LargeProducer:
    """Sends as much as the server takes, in batches as large as they may be."""

    def __init__(self, history, broker, topic, number, size):
        self.history, self.topic, self.size = history, topic, size
        self.process = f"producer-{number}"
        self.acknowledged, self.errors = 0, []
        self.stopping = threading.Event()
        history.producer(self.process, once=True, keeps_order="log")
        self.client = clients.producer(
            broker,
            enable_idempotence=True,
            linger_ms=5,
            batch_size=1_000_000,
            message_timeout_ms=120_000,
            queue_buffering_max_kbytes=8 * 1024,
            # A batch of one small record takes many times its bytes, if nobody counts the rest.
            batch_num_messages=10_000 if size > 1000 else 1,
        )
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def run(self):
        padding = bytes(self.size)
        for number in itertools.count():
            while not self.send(number % PARTITIONS, f"{self.process}:{number}:".encode(), padding):
                self.client.poll(0.05)
            self.client.poll(0)
            if self.stopping.is_set():
                return

    def send(self, partition, name, padding):
        """False when as much as may be is under way."""
        if len(self.client) >= 1000 or len(self.client) * self.size > 7 * MEBIBYTE:
            return False
        sending = self.history.send(self.process, f"{self.topic}-{partition}", name + padding)

        def delivered(error, message):
            sending.delivered(error, message)
            if error:
                self.errors.append(error)
            else:
                self.acknowledged += 1

        self.client.produce(self.topic, name + padding, partition=partition, on_delivery=delivered)
        return True

    def finish(self):
        self.stopping.set()
        self.thread.join()
        assert self.client.flush(120) == 0, f"{self.process}: not everything was acknowledged"
        assert not self.errors, f"{self.process}: {self.errors[0]}"


class LargeReader:
    """Reads everything again and again, in fetches as large as they may be."""

    def __init__(self, broker, topic):
        self.broker, self.topic, self.bytes = broker, topic, 0
        self.failure = None
        self.stopping = threading.Event()
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def run(self):
        try:
            while not self.stopping.is_set():
                self.read()
        except (KafkaException, AssertionError) as failure:
            self.failure = failure

    def read(self):
        config = {"fetch_max_bytes": 50 * MEBIBYTE, "max_partition_fetch_bytes": 50 * MEBIBYTE}
        small = {"queued_max_messages_kbytes": 16 * 1024}
        client = clients.consumer(self.broker, **config, **small)
        client.assign([clients.TopicPartition(self.topic, p, 0) for p in range(PARTITIONS)])
        try:
            for _ in range(200):
                message = clients.poll(client, 0.1)
                self.bytes += len(message.value()) if message else 0
                if self.stopping.is_set():
                    return
        finally:
            client.close()

    def finish(self):
        self.stopping.set()
        self.thread.join()
        assert not self.failure, self.failure


@pytest.mark.parametrize("size", [LARGE, 10], ids=["large_batches", "tiny_batches"])
@pytest.mark.parametrize("mebibytes", [64, 128])
def test_heavy_load_is_held_back_and_nothing_acknowledged_is_lost(
    tmp_path, report, mebibytes, size
):
    with (
        memory_group(mebibytes) as group,
        Forebay(tmp_path / "data", prepare=group.enter) as server,
        History(tmp_path / "history.jsonl") as history,
    ):
        topic = clients.create(server.broker, "loaded", partitions=PARTITIONS)
        for partition in range(PARTITIONS):
            history.log(f"{topic}-{partition}", dense=True)
        before, peak = Footprint.at_rest(server), Peak(server)
        resident = server.resident_bytes()
        producers = [
            LargeProducer(history, server.broker, topic, n, size) for n in range(PRODUCERS)
        ]
        eventually(lambda: all(p.acknowledged for p in producers), within=60)
        readers = [LargeReader(server.broker, topic) for _ in range(4)]
        members = Group(history, server.broker, topic, PARTITIONS, "group")
        with Crowd(server.broker, receive_buffer=4096) as slow:
            slow.open(SLOW_READERS)
            slow.send(wire.frame(wire.FETCH, 4, 1, wire.fetch(topic, 0, 50 * MEBIBYTE)))
            deadline = time.monotonic() + SECONDS
            while time.monotonic() < deadline:
                peak.watch(0.5)
                slow.take(1)
                assert server.process.poll() is None, f"killed; {peak}"
            sent = sum(producer.acknowledged for producer in producers)
            # While all that goes on, it goes on: nobody is left behind for good.
            eventually(
                lambda: sum(p.acknowledged for p in producers) > sent, within=60, what="progress"
            )
        for producer in producers:
            producer.finish()
        for reader in readers:
            reader.finish()
        members.finish()
        read = sum(reader.bytes for reader in readers)
        del producers, producer, readers, reader, members
        assert group.killed() == 0
        for partition in range(PARTITIONS):
            history.read_to_end(server.broker, topic, partition)
        before.comes_back(server)
        after = server.resident_bytes()
        cut = server.metrics().value(
            "forebay_connections_closed_total", **LABELS, reason="too_slow"
        )
        assert server.stop() == 0
        counts = history.check()["counts"]
    report(
        f"{mebibytes} MiB, {PRODUCERS} producers of {size:,} B, {SLOW_READERS} slow readers,"
        f" {SECONDS} s: {peak} (before {resident // MEBIBYTE} MiB, after {after // MEBIBYTE} MiB),"
        f" {cut:.0f} cut off, {read // MEBIBYTE} MiB read, {counts['acknowledged']:,} records"
        " acknowledged, none lost or doubled"
    )
