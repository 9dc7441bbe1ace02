"""The wall clock jumps, by days and in both directions: nothing is deleted that is not old."""

import glob
import time

import pytest
from eventually import eventually
from librdkafka import clients

from ..forebay import Forebay
from ..history import History
from ..workload import ContinuousProducer, Group
from .test_stopped_process import members_of

RECORDS = 200
DAY = 24 * 3600
JUMPS = {"an_hour_ahead": 3600, "ten_days_ahead": 10 * DAY, "an_hour_back": -3600}
# Looked at often, so that a look falls into every jump.
CHECKS = ("--retention-check-interval", "100ms")


class WallClock:
    """The wall clock as one process sees it; its monotonic clock goes on as it is."""

    def __init__(self, path):
        found = glob.glob("/usr/lib/*/faketime/libfaketimeMT.so.1")
        if not found:
            pytest.skip("needs libfaketime")
        self.path = path
        self.jump(0)
        self.env = {
            "LD_PRELOAD": found[0],
            "FAKETIME_TIMESTAMP_FILE": str(path),
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
            "FAKETIME_NO_CACHE": "1",
        }

    def jump(self, seconds):
        """From now on the process sees a clock that is so far from the system's."""
        fresh = self.path.with_suffix(".new")
        fresh.write_text(f"{seconds:+d}s\n")
        fresh.rename(self.path)


@pytest.fixture
def wall_clock(tmp_path):
    return WallClock(tmp_path / "wall-clock")


def wall_ms(broker, topic):
    """The server's wall clock, by the timestamp that it gives a record."""
    client = clients.producer(broker)
    told = []
    client.produce(topic, b"now", on_delivery=lambda error, message: told.append((error, message)))
    assert client.flush(30) == 0
    [(error, message)] = told
    assert error is None
    return message.timestamp()[1]


@pytest.mark.parametrize("seconds", JUMPS.values(), ids=JUMPS.keys())
def test_nothing_younger_than_its_retention_is_deleted(tmp_path, wall_clock, seconds):
    with Forebay(tmp_path / "data", *CHECKS, env=wall_clock.env) as server:
        stamped = clients.create(
            server.broker, "stamped", message_timestamp_type="LogAppendTime", retention_ms=1000 * DAY
        )
        kept = clients.create(server.broker, "kept", retention_ms=30 * 60 * 1000)
        clients.produce(server.broker, kept, [{"value": b"young"}] * RECORDS)
        before = wall_ms(server.broker, stamped)

        wall_clock.jump(seconds)
        jumped = (wall_ms(server.broker, stamped) - before) / 1000
        assert abs(jumped - seconds) < 60, "the server does not see the jump, so nothing is shown"
        # Many looks at what may go, all of them after the jump.
        time.sleep(1)
        assert clients.watermarks(server.broker, kept) == (0, RECORDS)
        wall_clock.jump(0)
        time.sleep(1)
        read = clients.read(server.broker, kept, RECORDS)
        assert all(message.value() == b"young" for message in read)
        if seconds > 0:
            assert "the wall clock jumped ahead" in server.log.read_text()


def test_what_is_old_is_still_deleted(tmp_path, wall_clock):
    """The clock that is doubted is the one that jumped, not every clock."""
    with Forebay(tmp_path / "data", *CHECKS, env=wall_clock.env) as server:
        topic = clients.create(server.broker, "old", retention_ms=2000)
        clients.produce(server.broker, topic, [{"value": b"old soon"}] * RECORDS)
        wall_clock.jump(10 * DAY)
        eventually(lambda: clients.watermarks(server.broker, topic) == (RECORDS, RECORDS))


def test_no_group_expires_and_nobody_is_held_up(tmp_path, wall_clock):
    with (
        Forebay(tmp_path / "data", *CHECKS, env=wall_clock.env) as server,
        History(tmp_path / "history.jsonl") as history,
    ):
        topic = clients.create(server.broker, "jumps")
        history.log(f"{topic}-0", dense=True)
        producer = ContinuousProducer(history, server.broker, topic, 1, "producer")
        group = Group(history, server.broker, topic, 1, "group")
        eventually(lambda: sum(group.look()) > 0)
        joined = eventually(
            lambda: len(found := members_of(server.broker, "group")) == 2 and found
        )
        # Half an hour back: a record that is an hour ahead of the server is refused, as by Kafka.
        for seconds in (3600, -1800, 0):
            wall_clock.jump(seconds)
            history.fault(f"the wall clock jumps to {seconds:+d} s")
            producer.wait_for_progress()
            committed = sum(group.look())
            eventually(lambda: sum(group.look()) > committed, what="the group goes on")
            assert members_of(server.broker, "group") == joined, "nobody was expelled"
        producer.finish()
        group.finish()
        history.read_to_end(server.broker, topic, 0)
        history.check()
