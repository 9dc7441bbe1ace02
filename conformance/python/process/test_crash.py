"""kill -9 while a producer writes: every acknowledged record is there, in order, once."""

import os
import random
import threading
import time

from confluent_kafka import Producer
from librdkafka import clients

from .forebay import Forebay

PARTITIONS = 4
if os.environ.get("CRASH_CYCLES"):
    CYCLES = int(os.environ["CRASH_CYCLES"])
elif os.environ.get("QUICK"):
    CYCLES = 10
else:
    CYCLES = 25 if os.environ.get("CI") == "true" else 100


class ContinuousProducer:
    """Numbers every record of a partition; keeps what the broker acknowledged, and where."""

    def __init__(self, broker, topic):
        self.topic = topic
        self.sent = [0] * PARTITIONS
        self.acknowledged = [{} for _ in range(PARTITIONS)]
        self.failed = []
        self.stopping = threading.Event()
        self.client = Producer(
            {
                "bootstrap.servers": broker,
                "enable.idempotence": True,
                "linger.ms": 1,
                "batch.num.messages": 200,
                "queue.buffering.max.messages": 5000,
                "message.timeout.ms": 120_000,
                # Refused connections are what this test is about.
                "log_level": 0,
                "reconnect.backoff.ms": 5,
                "reconnect.backoff.max.ms": 50,
                "retry.backoff.ms": 10,
            }
        )
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def run(self):
        while not self.stopping.is_set():
            for partition in range(PARTITIONS):
                value = str(self.sent[partition]).encode()
                try:
                    self.client.produce(
                        self.topic, value, partition=partition, on_delivery=self.delivered
                    )
                    self.sent[partition] += 1
                except BufferError:
                    self.client.poll(0.01)
            self.client.poll(0)

    def delivered(self, error, message):
        if error:
            self.failed.append(error)
        else:
            number = int(message.value())
            self.acknowledged[message.partition()][number] = message.offset()

    def count(self):
        return sum(len(part) for part in self.acknowledged)

    def finish(self):
        self.stopping.set()
        self.thread.join()
        assert self.client.flush(120) == 0, "not everything was acknowledged after the last start"


def test_every_acknowledged_record_survives_kill_9(tmp_path):
    seed = random.SystemRandom().randrange(2**32)
    dice = random.Random(seed)
    print(f"seed {seed}, {CYCLES} cycles")
    with Forebay(tmp_path / "data") as server:
        topic = clients.create(server.broker, "crash", partitions=PARTITIONS)
        producer = ContinuousProducer(server.broker, topic)
        for cycle in range(CYCLES):
            # The kill falls on a random moment of a stream that is known to flow again.
            wait_for_progress(producer, cycle)
            producer.stopping.wait(dice.uniform(0.0, 0.15))
            server.kill()
            server.start()
        wait_for_progress(producer, CYCLES)
        producer.finish()

        assert not producer.failed, f"seed {seed}: {producer.failed[0]}"
        for partition in range(PARTITIONS):
            check_partition(server.broker, topic, partition, producer, seed)
        assert server.stop() == 0


def wait_for_progress(producer, cycle):
    before, deadline = producer.count(), time.monotonic() + 60
    while producer.count() < before + 200:
        assert not producer.failed, f"cycle {cycle}: {producer.failed[0]}"
        assert time.monotonic() < deadline, f"cycle {cycle}: nothing is acknowledged any more"
        producer.stopping.wait(0.005)


def check_partition(broker, topic, partition, producer, seed):
    messages = clients.read_all(broker, topic, partition)
    values = [int(m.value()) for m in messages]
    where = {value: m.offset() for value, m in zip(values, messages)}
    acknowledged = producer.acknowledged[partition]
    lost = [number for number in acknowledged if number not in where]
    assert not lost, f"seed {seed}, partition {partition}: lost {len(lost)}, first {min(lost)}"
    assert values == sorted(set(values)), f"seed {seed}: twice or out of order in {partition}"
    assert set(values) <= set(range(producer.sent[partition])), "never sent"
    moved = [n for n, offset in acknowledged.items() if offset >= 0 and where[n] != offset]
    assert not moved, f"seed {seed}: {moved[0]} is not at the offset of its acknowledgement"


def test_committed_offsets_and_topics_survive_kill_9(tmp_path):
    with Forebay(tmp_path / "data") as server:
        topic = clients.create(server.broker, "kept", partitions=3, retention_ms=123456)
        clients.produce(server.broker, topic, [{"value": b"v", "partition": 2}] * 5)
        member = clients.consumer(server.broker, "group")
        commit = clients.TopicPartition(topic, 2, 3, "note")
        member.commit(offsets=[commit], asynchronous=False)
        member.close()
        server.kill()
        server.start()

        [committed] = clients.consumer(server.broker, "group").committed(
            [clients.TopicPartition(topic, 2)], timeout=30
        )
        assert (committed.offset, committed.metadata) == (3, "note")
        metadata = clients.admin(server.broker).list_topics(topic, timeout=30)
        assert len(metadata.topics[topic].partitions) == 3
        assert clients.watermarks(server.broker, topic, 2) == (0, 5)


def test_a_graceful_stop_loses_nothing(tmp_path):
    with Forebay(tmp_path / "data") as server:
        topic = clients.create(server.broker, "graceful")
        clients.produce(server.broker, topic, [{"value": b"v"}] * 1000)
        assert server.stop() == 0
        server.start()
        assert len(clients.read(server.broker, topic, 1000)) == 1000
