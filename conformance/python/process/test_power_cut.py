"""The power goes under load: what was promised to be durable is there, what was not may be missing.

The data folder lies on a disk of its own that really loses what was not synced: see
`cuttable_disk.py`. The journal's files are small and the intervals short, so that many a cut falls
into the sorting of the journal, compaction, retention or a snapshot.
"""

import time

import pytest
from librdkafka import clients

from .forebay import BUSY, Forebay
from .topic_changes import TopicChanges
from .workload import ContinuousProducer, Follower, Group, create

PARTITIONS = 3
COMPACTED_OFTEN = {
    "cleanup_policy": "compact",
    "segment_ms": 100,
    "min_cleanable_dirty_ratio": "0.01",
    "max_compaction_lag_ms": 500,
}

pytestmark = pytest.mark.cycles(quick=5, ci=20, full=100)


@pytest.fixture
def server(disk, tmp_path):
    with Forebay(disk.path / "data", *BUSY, log=tmp_path / "server.log") as server:
        yield server


def start_with_cuts(disk, server, history, dice):
    """Starts the server; now and then the power goes again before or right after it is ready."""
    while dice.random() < 0.3:
        server.launch()
        time.sleep(dice.uniform(0, 0.03))
        disk.cut()
        server.kill()
        history.fault("power cut at start", ends_life=True)
        disk.restore()
    server.start()


def test_fsync_topics_lose_nothing(disk, server, history, cycles, dice, report):
    began = time.monotonic()
    create(history, server, "kept", PARTITIONS, dense=True)
    create(history, server, "short", 1, dense=True, start_advances=True, retention_bytes=1 << 18)
    create(history, server, "compacted", 1, compacted=True, **COMPACTED_OFTEN)
    producers = [
        ContinuousProducer(history, server.broker, "kept", PARTITIONS, "idempotent"),
        ContinuousProducer(history, server.broker, "kept", PARTITIONS, "plain", idempotent=False),
        ContinuousProducer(history, server.broker, "short", 1, "short", padding=1000),
        ContinuousProducer(
            history, server.broker, "compacted", 1, "keyed", keys=[b"%d" % n for n in range(20)]
        ),
    ]
    group = Group(history, server.broker, "kept", PARTITIONS, "group")
    changes = TopicChanges(server.broker)
    for _ in range(cycles):
        # The cut falls on a random moment of a stream that is known to flow again.
        for producer in producers:
            producer.wait_for_progress(50)
        if dice.random() < 0.1:
            group.replace_a_member()
        time.sleep(dice.uniform(0.0, 0.15))
        disk.cut()
        if dice.random() < 0.2:
            # With writes under way it notices, and gives up.
            assert server.process.wait(30) > 0, "a server whose disk is gone ends with an error"
        else:
            time.sleep(dice.uniform(0, 0.05))
        server.kill()
        history.fault("power cut", ends_life=True)
        disk.restore()
        start_with_cuts(disk, server, history, dice)
        group.look()
        changes.verify()
    for producer in producers:
        producer.wait_for_progress(50)
        producer.finish()
    changes.finish()
    group.finish()
    took = time.monotonic() - began
    for partition in range(PARTITIONS):
        history.read_to_end(server.broker, "kept", partition)
    history.read_to_end(server.broker, "short", 0)
    kept = history.read_to_end(server.broker, "compacted", 0)
    assert clients.watermarks(server.broker, "short")[0] > 0, "retention was at work"
    assert kept < clients.watermarks(server.broker, "compacted")[1], "compaction was at work"
    assert server.stop() == 0
    assert server.damage() == ""
    counts = history.check()["counts"]
    report(
        f"{disk.cuts} power cuts in {cycles} cycles, {took / cycles:.2f} s each:"
        f" {counts['acknowledged']:,} records, {counts['commits']:,} commits and"
        f" {len(changes.created)} topics acknowledged; none lost, doubled, moved or out of order"
    )


def test_os_topics_lose_only_their_tail(disk, server, history, cycles, dice, report):
    began = time.monotonic()
    at_os = {"across_lives": "prefix", "forebay_durability": "os"}
    create(history, server, "os", PARTITIONS, dense=True, **at_os)
    create(history, server, "synced", 1, dense=True)
    for cycle in range(cycles):
        # Clients of one life each: what they are told belongs to it beyond doubt.
        follower = Follower(history, server.broker, "os", PARTITIONS)
        producers = [
            ContinuousProducer(history, server.broker, "os", PARTITIONS, f"idempotent-{cycle}"),
            ContinuousProducer(
                history, server.broker, "os", PARTITIONS, f"plain-{cycle}", idempotent=False
            ),
        ]
        if cycle % 2:
            # Its syncs make durable what the others have sent before, in the same journal.
            producers.append(
                ContinuousProducer(history, server.broker, "synced", 1, f"synced-{cycle}")
            )
        for producer in producers:
            producer.wait_for_progress(100)
        time.sleep(dice.uniform(0.0, 0.15))
        disk.cut()
        time.sleep(dice.uniform(0, 0.02))
        server.kill()
        for producer in producers:
            producer.abandon()
        follower.stop()
        history.fault("power cut", ends_life=True)
        disk.restore()
        start_with_cuts(disk, server, history, dice)
    took = time.monotonic() - began
    for partition in range(PARTITIONS):
        history.read_to_end(server.broker, "os", partition)
    history.read_to_end(server.broker, "synced", 0)
    assert server.stop() == 0
    assert server.damage() == ""
    counts = history.check()["counts"]
    lost, all_of_them = counts["lost_as_allowed"], counts["acknowledged"]
    assert lost > 0, "no cut took anything: this disk does not lose what was not synced"
    report(
        f"{disk.cuts} power cuts in {cycles} cycles, {took / cycles:.2f} s each, topics at os:"
        f" {lost:,} of {all_of_them:,} acknowledged records lost, all from the tail"
    )
