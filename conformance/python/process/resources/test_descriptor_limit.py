"""Few files may be open: clients are refused before storage runs short, and it heals."""

import resource

import pytest
from crowd import Crowd
from eventually import eventually
from librdkafka import clients

from ..footprint import LABELS, MEBIBYTE, Footprint, Peak
from ..forebay import Forebay, refuses_to_start
from ..history import History
from ..workload import ContinuousProducer, Group

# Small files: some are begun, sorted and given back all the time.
SMALL_FILES = ("--journal-file-size", "4MiB")
BULK = 60


def limit(files):
    return lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (files, files))


@pytest.mark.parametrize("files", [64, 256])
def test_connections_never_take_the_descriptors_that_storage_needs(tmp_path, report, files):
    with (
        Forebay(tmp_path / "data", *SMALL_FILES, prepare=limit(files)) as server,
        History(tmp_path / "history.jsonl") as history,
    ):
        topic = clients.create(server.broker, "inside")
        history.log(f"{topic}-0", dense=True)
        bulk = clients.create(server.broker, "bulk")
        before = Footprint.at_rest(server)
        places = server.metrics().value("forebay_connections_limit", **LABELS)
        producer = ContinuousProducer(history, server.broker, topic, 1, "inside")
        group = Group(history, server.broker, topic, 1, "group")
        heavy = clients.producer(server.broker)
        producer.wait_for_progress()
        heavy.produce(bulk, b"connected")
        assert heavy.flush(30) == 0

        peak, errors = Peak(server), []
        with Crowd(server.broker) as crowd:
            crowd.open(2 * files)
            eventually(lambda: server.metrics().value("forebay_connections", **LABELS) == places)
            # Meanwhile the journal goes on from file to file, and what is full is sorted.
            for _ in range(BULK):
                heavy.produce(bulk, bytes(900_000), on_delivery=lambda e, _: errors.append(e))
                heavy.poll(0.01)
                peak.look()
            assert heavy.flush(60) == 0
            producer.wait_for_progress()
            # It waits for places, and does not look for them all the time.
            eventually(lambda: crowd.closed_by_broker() >= 2 * files - places)
            used = server.cpu_seconds()
            peak.watch(2)
            used = server.cpu_seconds() - used
        assert errors == [None] * BULK
        assert used < 1, f"{used} s of processor time in 2 s"
        read = clients.read(server.broker, bulk, BULK, offset=1)
        assert all(len(message.value()) == 900_000 for message in read)
        producer.finish()
        group.finish()
        del producer, group, heavy
        history.read_to_end(server.broker, topic, 0)
        before.comes_back(server)
        log = server.log.read_text()
        assert "Too many open files" not in log, log[-2000:]
        assert peak.descriptors < files
        assert server.stop() == 0
        counts = history.check()["counts"]
    report(
        f"{files} files: {places:.0f} connections, {peak}, {BULK * 900_000 // MEBIBYTE} MiB beside"
        f" them; {counts['acknowledged']:,} records acknowledged, none lost or doubled"
    )


def test_too_few_to_serve_anybody_is_said_at_once(tmp_path):
    nowhere = ("--kafka", "127.0.0.1:0", "--amqp", "off", "--aws", "off",
               "--admin", "127.0.0.1:0", "--data", str(tmp_path / "data"))
    code, stderr = refuses_to_start(*nowhere, prepare=limit(32))
    assert code not in (0, None) and code > 0
    [line] = stderr.strip().splitlines()
    assert "32 files" in line and "ulimit -n" in line
    assert not (tmp_path / "data").exists(), "nothing is left half made"


def test_more_connections_than_files_is_said_at_start(tmp_path):
    wanted = ("--max-connections", "5000")
    with Forebay(tmp_path / "data", *wanted, prepare=limit(1024)) as server:
        places = server.metrics().value("forebay_connections_limit", **LABELS)
        assert 500 < places < 1024
        log = server.log.read_text()
        assert "ulimit -n" in log and f"allowed={places:.0f}" in log
