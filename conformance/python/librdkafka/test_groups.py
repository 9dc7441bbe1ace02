"""Consumer groups of the classic protocol: joining, leaving, crashing, static members, offsets."""

import multiprocessing
import os
import signal

import pytest
from confluent_kafka import OFFSET_BEGINNING, OFFSET_INVALID, KafkaException, TopicPartition
from eventually import eventually

from . import clients


def spin(*members):
    """Lets every member poll; returns the values that came."""
    messages = [m for member in members for m in member.consume(100, timeout=0.05)]
    return [int(message.value()) for message in messages if not message.error()]


def assigned(member):
    return sorted(part.partition for part in member.assignment())


def numbered(broker, topic, numbers, partitions):
    clients.produce(
        broker, topic, [{"value": str(n).encode(), "partition": n % partitions} for n in numbers]
    )


def test_a_group_shares_the_partitions(broker, fresh):
    topic, group = clients.create(broker, fresh("topic"), partitions=4), fresh("group")
    members = [clients.consumer(broker, group) for _ in range(2)]
    for member in members:
        member.subscribe([topic])

    def shared():
        spin(*members)
        parts = [assigned(member) for member in members]
        return sorted(sum(parts, [])) == [0, 1, 2, 3] and all(len(part) == 2 for part in parts)

    eventually(shared)
    for member in members:
        member.close()


@pytest.mark.parametrize("strategy", ["range", "roundrobin", "cooperative-sticky"])
def test_members_join_and_leave_while_consuming(broker, fresh, strategy):
    """Nothing is lost when every rebalance commits what was processed."""
    topic, group = clients.create(broker, fresh("topic"), partitions=4), fresh("group")
    seen = set()

    def member():
        client = clients.consumer(
            broker,
            group,
            partition_assignment_strategy=strategy,
            enable_auto_commit=True,
            auto_commit_interval_ms=100,
        )
        client.subscribe([topic])
        return client

    first = member()
    numbered(broker, topic, range(0, 400), 4)
    eventually(lambda: seen.update(spin(first)) or len(seen) >= 50)
    second = member()
    eventually(lambda: seen.update(spin(first, second)) or assigned(second))
    numbered(broker, topic, range(400, 800), 4)
    eventually(lambda: seen.update(spin(first, second)) or len(seen) >= 600)
    first.close()
    numbered(broker, topic, range(800, 1000), 4)
    eventually(lambda: seen.update(spin(second)) or len(seen) == 1000, within=60)
    assert assigned(second) == [0, 1, 2, 3]
    second.close()


def crashing_member(broker, group, topic, pipe):
    client = clients.consumer(broker, group, session_timeout_ms=6000)
    client.subscribe([topic])
    while True:
        clients.poll(client, 0.1)
        if client.assignment():
            pipe.send("assigned")


def test_a_crashed_member_is_replaced_after_its_session(broker, fresh):
    topic, group = clients.create(broker, fresh("topic"), partitions=2), fresh("group")
    numbered(broker, topic, range(10), 2)
    ours, theirs = multiprocessing.Pipe()
    victim = multiprocessing.get_context("spawn").Process(
        target=crashing_member, args=(broker, group, topic, theirs), daemon=True
    )
    victim.start()
    assert ours.poll(30) and ours.recv() == "assigned"
    os.kill(victim.pid, signal.SIGKILL)
    victim.join()

    survivor, seen = clients.consumer(broker, group), set()
    survivor.subscribe([topic])
    eventually(lambda: seen.update(spin(survivor)) or seen == set(range(10)), within=40)
    assert assigned(survivor) == [0, 1]
    survivor.close()


def test_a_static_member_returns_without_a_rebalance(broker, fresh):
    topic, group = clients.create(broker, fresh("topic"), partitions=2), fresh("group")
    rebalances = []

    def member(name):
        client = clients.consumer(broker, group, group_instance_id=name, session_timeout_ms=10000)
        client.subscribe([topic], on_assign=lambda _, parts: rebalances.append((name, len(parts))))
        return client

    stays, restarts = member("stays"), member("restarts")
    eventually(lambda: spin(stays, restarts) or (assigned(stays) and assigned(restarts)))
    before, was = list(rebalances), assigned(restarts)
    restarts.close()
    again = member("restarts")
    eventually(lambda: spin(stays, again) or assigned(again))
    assert assigned(again) == was
    new = rebalances[len(before) :]
    assert [name for name, _ in new] == ["restarts"], f"the other member was disturbed: {new}"
    stays.close()
    again.close()


def test_a_second_member_with_the_same_static_name_fences_the_first(broker, fresh):
    topic, group = clients.create(broker, fresh("topic")), fresh("group")
    first = clients.consumer(broker, group, group_instance_id="one")
    first.subscribe([topic])
    eventually(lambda: spin(first) or assigned(first))
    second = clients.consumer(broker, group, group_instance_id="one")
    second.subscribe([topic])

    def fenced():
        spin(second)
        try:
            clients.poll(first, 0.05)
        except KafkaException as error:
            return error.args[0].name() in ("_FATAL", "FENCED_INSTANCE_ID")
        return False

    eventually(fenced)
    eventually(lambda: spin(second) or assigned(second) == [0])
    second.close()
    first.close()


def test_a_group_resumes_from_its_commit(broker, fresh):
    topic, group = clients.create(broker, fresh("topic")), fresh("group")
    numbered(broker, topic, range(20), 1)
    first = clients.consumer(broker, group)
    first.subscribe([topic])
    taken = clients.take(first, 7)
    first.commit(message=taken[-1], asynchronous=False)
    first.close()
    second = clients.consumer(broker, group)
    second.subscribe([topic])
    assert [int(m.value()) for m in clients.take(second, 13)] == list(range(7, 20))
    second.close()


def test_commit_metadata_comes_back(broker, fresh):
    topic, group = clients.create(broker, fresh("topic"), partitions=2), fresh("group")
    client = clients.consumer(broker, group)
    commit = TopicPartition(topic, 0, 42, "checkpoint-é")
    client.commit(offsets=[commit], asynchronous=False)
    wanted = [TopicPartition(topic, 0), TopicPartition(topic, 1)]
    with_commit, without = client.committed(wanted, timeout=30)
    client.close()
    assert (with_commit.offset, with_commit.metadata) == (42, "checkpoint-é")
    assert without.offset == OFFSET_INVALID


def test_reset_by_time(broker, fresh):
    topic = clients.create(broker, fresh("topic"))
    base = clients.an_hour_ago()
    clients.produce(
        broker,
        topic,
        [{"value": str(n).encode(), "timestamp": base + n * 1000} for n in range(100)],
        linger_ms=100,
        compression_type="gzip",
    )
    client = clients.consumer(broker)

    def offset_at(stamp):
        [found] = client.offsets_for_times([TopicPartition(topic, 0, stamp)], timeout=30)
        return found.offset

    assert offset_at(base - 1) == 0
    assert offset_at(base + 41_000) == 41
    assert offset_at(base + 41_001) == 42
    assert offset_at(base + 99_001) == -1, "nothing is that late: the end"
    client.assign([TopicPartition(topic, 0, offset_at(base + 50_000))])
    assert int(clients.take(client, 1)[0].value()) == 50
    client.close()


@pytest.mark.parametrize("reset,expected", [("earliest", b"0"), ("latest", b"new")])
def test_a_group_without_commit_starts_at(broker, fresh, reset, expected):
    topic, group = clients.create(broker, fresh("topic")), fresh("group")
    numbered(broker, topic, range(5), 1)
    client = clients.consumer(broker, group, auto_offset_reset=reset)
    client.subscribe([topic])
    eventually(lambda: client.assignment() or clients.poll(client, 0.05) or client.assignment())
    client.close()
    client = clients.consumer(broker, group, auto_offset_reset=reset)
    client.assign([TopicPartition(topic, 0)])
    # A position shows that the reset has happened before the new record is written.
    first = clients.poll(client, 1.0)
    if reset == "latest":
        assert first is None
        clients.produce(broker, topic, [{"value": b"new"}])
        [first] = clients.take(client, 1)
    client.close()
    assert first.value() == expected


def test_an_offset_out_of_range_resets_to_earliest(broker, fresh):
    topic = clients.create(broker, fresh("topic"))
    numbered(broker, topic, range(3), 1)
    client = clients.consumer(broker, auto_offset_reset="earliest")
    client.assign([TopicPartition(topic, 0, 1000)])
    assert clients.take(client, 1)[0].offset() == 0
    client.close()


def test_seek_goes_back(broker, fresh):
    topic = clients.create(broker, fresh("topic"))
    numbered(broker, topic, range(30), 1)
    client = clients.consumer(broker)
    client.assign([TopicPartition(topic, 0, OFFSET_BEGINNING)])
    clients.take(client, 30)
    client.seek(TopicPartition(topic, 0, 10))
    assert clients.take(client, 1)[0].offset() == 10
    client.close()


def test_a_pattern_subscription_finds_new_topics(broker, fresh):
    prefix = fresh("pattern")
    clients.create(broker, f"{prefix}-a")
    client = clients.consumer(broker, fresh("group"))
    client.subscribe([f"^{prefix}-.*"])
    eventually(lambda: spin(client) or len(client.assignment()) == 1)
    clients.create(broker, f"{prefix}-b")
    eventually(lambda: spin(client) or len(client.assignment()) == 2)
    client.close()
