"""The process stands still for a while and goes on: SIGSTOP, a frozen container, a paused machine."""

import signal
import time

import wire
from eventually import eventually
from librdkafka import clients

from ..footprint import Footprint
from ..forebay import Forebay
from ..history import History
from ..scale import scale
from ..workload import ContinuousProducer, Group

# Longer than the session time-out of the group's members, which is six seconds.
STILL_SECONDS = scale(9, 30)
STOPS = scale(2, 5)
PARTITIONS = 2


def members(broker, group):
    """The ids of a group's members: whoever has to join anew is given another."""
    admin = clients.admin(broker)  # Kept until the answer is there.
    description = admin.describe_consumer_groups([group])[group].result(30)
    return description.state.name, {member.member_id for member in description.members}


def stand_still(server, seconds):
    server.process.send_signal(signal.SIGSTOP)
    try:
        time.sleep(seconds)  # This is the fault itself.
    finally:
        server.process.send_signal(signal.SIGCONT)


def test_everybody_goes_on_where_they_were(tmp_path, report):
    with (
        Forebay(tmp_path / "data") as server,
        History(tmp_path / "history.jsonl") as history,
    ):
        topic = clients.create(server.broker, "still", partitions=PARTITIONS)
        for partition in range(PARTITIONS):
            history.log(f"{topic}-{partition}", dense=True)
        before = Footprint.at_rest(server)
        producer = ContinuousProducer(history, server.broker, topic, PARTITIONS, "producer")
        group = Group(history, server.broker, topic, PARTITIONS, "group")
        eventually(lambda: members(server.broker, "group")[0] == "STABLE")
        _, joined = members(server.broker, "group")
        assert len(joined) == 2
        for _ in range(STOPS):
            producer.wait_for_progress()
            stand_still(server, STILL_SECONDS)
            producer.wait_for_progress()
            # Past the time in which a session that was not excused would have ended.
            time.sleep(1)
            assert members(server.broker, "group") == ("STABLE", joined), "nobody was expelled"
        producer.finish()
        group.finish()
        del producer, group
        for partition in range(PARTITIONS):
            history.read_to_end(server.broker, topic, partition)
        before.comes_back(server)
        assert server.stop() == 0
        counts = history.check()["counts"]
    report(
        f"{STOPS} stops of {STILL_SECONDS} s: no member expelled;"
        f" {counts['acknowledged']:,} records and {counts['commits']:,} commits acknowledged,"
        " none lost or doubled"
    )


def test_who_is_really_gone_is_noticed_after_a_stop(tmp_path):
    """The excuse is for the time of the stop alone."""
    with Forebay(tmp_path / "data") as server:
        with wire.Connection(server.broker) as member:
            joined = member.call(wire.JOIN_GROUP, 2, wire.join_group("group", 6_000))
            assert joined[4:6] == b"\0\0", "no error"
        assert len(members(server.broker, "group")[1]) == 1
        stand_still(server, 3)
        assert len(members(server.broker, "group")[1]) == 1
        # Its session and as much again; without the stop it would have been the session alone.
        eventually(lambda: not members(server.broker, "group")[1], within=12)
