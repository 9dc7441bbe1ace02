"""The process stands still for a while and goes on: SIGSTOP, a frozen container, a paused machine."""

import signal
import struct
import time

import wire
from eventually import eventually
from librdkafka import clients

from ..footprint import Footprint
from ..forebay import Forebay
from ..history import History
from ..scale import scale
from ..workload import ContinuousProducer, Group

# Longer than the session of most members here, which is the least that is allowed.
SESSION_SECONDS = 6
STILL_SECONDS = scale(8, 30)
STOPS = scale(1, 5)
PARTITIONS = 2


class Member:
    """A member alone in its group that knows nothing but to heartbeat.

    Clients with more sense of their own give up a session that was not confirmed for its whole time,
    and join anew: what is shown here is what the server would have them do.
    """

    def __init__(self, broker, group):
        self.group = group
        self.connection = wire.Connection(broker, timeout=30)
        body = wire.join_group(group, 1000 * SESSION_SECONDS)
        joined = self.connection.call(wire.JOIN_GROUP, 2, body)
        error, self.generation = struct.unpack(">hi", joined[4:10])
        assert error == 0
        # Protocol, leader, and the id that it was given.
        at, texts = 10, []
        for _ in range(3):
            [length] = struct.unpack(">h", joined[at : at + 2])
            texts.append(joined[at + 2 : at + 2 + length].decode())
            at += 2 + length
        self.id = texts[2]
        assignment = struct.pack(">i", 1) + wire.string(self.id) + struct.pack(">i", 0)
        synced = self.connection.call(wire.SYNC_GROUP, 0, self.identity() + assignment)
        assert synced[:2] == b"\0\0"
        self.unanswered = 0

    def identity(self):
        return wire.string(self.group) + struct.pack(">i", self.generation) + wire.string(self.id)

    def heartbeat(self):
        self.connection.send(wire.frame(wire.HEARTBEAT, 0, 1, self.identity()))
        self.unanswered += 1

    def answers(self):
        """The error codes that its heartbeats were answered with."""
        codes = []
        for _ in range(self.unanswered):
            codes += struct.unpack(">h", self.connection.response()[1])
        self.unanswered = 0
        return codes


def stand_still(server, seconds, meanwhile=lambda: None):
    server.process.send_signal(signal.SIGSTOP)
    deadline = time.monotonic() + seconds
    try:
        while time.monotonic() < deadline:
            meanwhile()
            time.sleep(0.5)
    finally:
        server.process.send_signal(signal.SIGCONT)


def members_of(broker, group):
    """The ids of a group's members."""
    admin = clients.admin(broker)  # Kept until the answer is there.
    description = admin.describe_consumer_groups([group])[group].result(30)
    return {member.member_id for member in description.members}


def test_members_that_could_not_be_heard_are_not_expelled(tmp_path, report):
    with Forebay(tmp_path / "data") as server:
        members = [Member(server.broker, f"group-{n}") for n in range(50)]

        def heartbeat():
            for member in members:
                member.heartbeat()

        for _ in range(STOPS):
            heartbeat()
            stand_still(server, STILL_SECONDS, meanwhile=heartbeat)
            answers = [code for member in members for code in member.answers()]
            assert set(answers) == {0}, "everyone is still a member, in the same generation"
    report(f"{STOPS} stops of {STILL_SECONDS} s: none of 50 members expelled")


def test_who_is_really_gone_is_expelled_after_a_stop(tmp_path):
    """The excuse is for as long as it takes to hear who is there."""
    with Forebay(tmp_path / "data") as server:
        gone, there = (Member(server.broker, name) for name in ("gone", "there"))
        gone.connection.socket.close()
        stand_still(server, SESSION_SECONDS + 2, meanwhile=there.heartbeat)

        def is_expelled():
            there.heartbeat()
            assert set(there.answers()) == {0}
            return not members_of(server.broker, "gone")

        eventually(is_expelled, within=10, every=0.5)


def test_clients_go_on_and_nothing_is_lost_or_doubled(tmp_path, report):
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
        # One with the usual session, which is longer than the stop.
        patient = clients.consumer(server.broker, "patient", session_timeout_ms=45_000)
        patient.subscribe([topic])
        eventually(lambda: patient.poll(0.1))
        joined = members_of(server.broker, "patient")
        for _ in range(STOPS):
            producer.wait_for_progress()
            committed = sum(group.look())
            stand_still(server, STILL_SECONDS, meanwhile=lambda: patient.poll(0))
            history.fault("SIGSTOP")
            producer.wait_for_progress()
            eventually(lambda: sum(group.look()) > committed, within=60, what="the group goes on")
            eventually(lambda: patient.poll(0.1), what="the patient one goes on")
            assert members_of(server.broker, "patient") == joined
        producer.finish()
        group.finish()
        patient.close()
        del producer, group, patient
        for partition in range(PARTITIONS):
            history.read_to_end(server.broker, topic, partition)
        before.comes_back(server)
        assert server.stop() == 0
        counts = history.check()["counts"]
    report(
        f"{STOPS} stops of {STILL_SECONDS} s: {counts['acknowledged']:,} records and"
        f" {counts['commits']:,} commits acknowledged, none lost or doubled"
    )
