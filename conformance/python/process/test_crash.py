"""kill -9 under load: what was acknowledged or read is there, in order, once; commits too."""

import time

import pytest
from librdkafka import clients

from .forebay import Forebay
from .history import History
from .workload import ContinuousProducer, Group

PARTITIONS = 4


@pytest.mark.cycles(quick=10, ci=25, full=100)
def test_what_was_acknowledged_read_or_committed_survives_kill_9(tmp_path, cycles, dice, report):
    began = time.monotonic()
    with Forebay(tmp_path / "data") as server, History(tmp_path / "history.jsonl") as history:
        topic = clients.create(server.broker, "crash", partitions=PARTITIONS)
        for partition in range(PARTITIONS):
            history.log(f"{topic}-{partition}", dense=True)
        idempotent = ContinuousProducer(history, server.broker, topic, PARTITIONS, "idempotent")
        plain = ContinuousProducer(
            history, server.broker, topic, PARTITIONS, "plain", idempotent=False
        )
        group = Group(history, server.broker, topic, PARTITIONS, "group")
        for _ in range(cycles):
            # The kill falls on a random moment of a stream that is known to flow again.
            idempotent.wait_for_progress()
            plain.wait_for_progress()
            if dice.random() < 0.2:
                group.replace_a_member()
            idempotent.stopping.wait(dice.uniform(0.0, 0.15))
            server.kill()
            history.fault("kill -9", ends_life=True)
            server.start()
            group.look()
        idempotent.wait_for_progress()
        idempotent.finish()
        plain.finish()
        group.finish()
        took = time.monotonic() - began
        for partition in range(PARTITIONS):
            history.read_to_end(server.broker, topic, partition)
        assert server.stop() == 0
        counts = history.check()["counts"]
    report(
        f"{cycles} kills, {took / cycles:.2f} s each: {counts['acknowledged']:,} records and"
        f" {counts['commits']:,} commits acknowledged; none lost, doubled, moved or out of order"
    )


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


def test_a_history_that_lacks_an_acknowledged_record_is_not_good(tmp_path):
    with History(tmp_path / "history.jsonl") as history:
        history.log("t-0", dense=True)
        history.producer("p", once=True, keeps_order="log")
        for offset, value in enumerate([b"there", b"lost"]):
            history.send("p", "t-0", value).ok(offset)
        history.send("p", "t-0", b"never heard of again")
        invoked = history.now()
        history.receive("c", "t-0", 0, b"there")
        history.drain("c", "t-0", 0, 1, invoked)
        with pytest.raises(AssertionError, match="! lost  .* 1\n"):
            history.check()
