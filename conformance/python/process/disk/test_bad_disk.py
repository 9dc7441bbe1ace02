"""Errors of the device itself: reads that fail are answered with an error, for as long as they fail
and for no other partition; a write-back that failed is never acknowledged, nor believed afterwards."""

import time

import pytest
from eventually import eventually
from librdkafka import clients

from ..damage.judge import STORAGE_ERROR, nothing_but_errors, same
from ..damage.reader import read_everything
from ..forebay import BUSY, Forebay
from ..workload import Follower
from .device import FaultyDisk, forget
from .load import PARTITIONS, Load, ended_with_one_clear_line

COLD = {"cold": 2, "codecs": 2}
BATCHES = 80


@pytest.fixture
def disk(tmp_path):
    with FaultyDisk(tmp_path) as disk:
        yield disk


def server_on(disk, tmp_path, *flags):
    return Forebay(disk.path / "data", *BUSY, *flags, log=tmp_path / "server.log")


def fill_cold(broker):
    """What is too much to stay in memory, and is sorted into segments."""
    for topic, partitions in COLD.items():
        clients.create(broker, topic, partitions)
    for n in range(BATCHES):
        for topic, partitions in COLD.items():
            records = [
                {"value": b"%s %d " % (topic.encode(), n) * 2000, "partition": n % partitions}
            ] * 3
            clients.produce(broker, topic, records, compression_type="none" if n % 3 else "lz4")


def test_reads_that_fail_are_errors_of_their_partition_only(disk, tmp_path, report):
    flags = ("--tail-cache-size=1MiB", "--compaction-check-interval=1d")
    with server_on(disk, tmp_path, *flags) as server:
        fill_cold(server.broker)
        eventually(lambda: list(server.data.glob("snapshots/*")), what="sorted")
        # A topic that is in memory whatever happens to the disk.
        clients.create(server.broker, "warm")
        clients.produce(server.broker, "warm", [{"value": b"warm"}] * 10)
        expected = read_everything(server.broker)
        errors = 0
        for _ in range(5):
            for segment in server.data.glob("segments/*.segment"):
                forget(segment)
            disk.fail("reads")
            found = read_everything(server.broker, expected=expected)
            failed = {place for place, log in found.logs.items() if log.errors}
            assert {topic for topic, _ in failed} == set(COLD), failed
            nothing_but_errors(found, expected)
            errors += sum(len(log.errors) for log in found.logs.values())
            # Others go on meanwhile, in both directions.
            [message] = clients.produce(server.broker, "warm", [{"value": b"meanwhile"}])
            [read] = clients.read(server.broker, "warm", 1, offset=message.offset())
            assert read.value() == b"meanwhile"
            disk.heal()
            after = read_everything(server.broker)
            assert not any(log.errors for log in after.logs.values()), "it does not heal"
            for place in failed:
                assert after.logs[place].bytes() == expected.logs[place].bytes(), place
            expected = after
        log = server.log.read_text()
        assert "cannot read `segments/" in log and "panicked" not in log
        assert server.stop() == 0
        assert server.damage() == ""
    report(f"{errors} reads failed with error {STORAGE_ERROR}; not one wrong or missing byte")


def test_a_client_library_is_told_and_goes_on_afterwards(disk, tmp_path):
    with server_on(disk, tmp_path, "--tail-cache-size=1MiB") as server:
        fill_cold(server.broker)
        eventually(lambda: list(server.data.glob("snapshots/*")), what="sorted")
        for segment in server.data.glob("segments/*.segment"):
            forget(segment)
        disk.fail("reads")
        client = clients.consumer(server.broker)
        client.assign([clients.TopicPartition("cold", 0, 0)])
        assert client.poll(2) is None, "nothing is made up for what cannot be read"
        disk.heal()
        messages = clients.take(client, BATCHES // 2 * 3)
        assert [m.offset() for m in messages] == list(range(BATCHES // 2 * 3))
        client.close()


@pytest.mark.cycles(quick=3, ci=12, full=60)
def test_a_write_back_that_fails_is_never_acknowledged(
    disk, tmp_path, history, cycles, dice, report
):
    """The kernel says so once, and takes what it could not write for written."""
    same_mount = 0
    with server_on(disk, tmp_path) as server:
        load = Load(history, server)
        for _ in range(cycles):
            load.wait_for_progress()
            follower = Follower(history, server.broker, "kept", PARTITIONS)
            time.sleep(dice.uniform(0, 0.1))
            seen = server.log.stat().st_size
            disk.fail("writes")
            server.process.wait(60)
            disk.heal()
            log = server.log.read_bytes()[seen:].decode(errors="replace")
            ended_with_one_clear_line(server, log)
            history.fault("failed write-back", ends_life=True)
            follower.stop()
            if disk.is_writable() and dice.random() < 0.7:
                # On what the page cache says now; and then the power goes.
                same_mount += 1
                server.start()
                load.wait_for_progress()
                disk.cut()
                server.kill()
                history.fault("power cut", ends_life=True)
            disk.restore()
            server.start()
        counts = load.finish()
    report(
        f"{cycles} failed write-backs, {same_mount} with a restart on the same mount and a power"
        f" cut after it: {counts['acknowledged']:,} records acknowledged, none lost"
    )
