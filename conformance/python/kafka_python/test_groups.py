"""Consumer groups of the classic protocol."""

import time

from eventually import eventually
from kafka import TopicPartition
from kafka.structs import OffsetAndMetadata
from librdkafka.clients import create

from . import clients


def numbered(broker, topic, numbers, partitions=1):
    records = [{"value": str(n).encode(), "partition": n % partitions} for n in numbers]
    clients.produce(broker, topic, records)


def member(broker, group, topic, **config):
    return clients.consumer(
        broker,
        topic,
        group_id=group,
        session_timeout_ms=6000,
        heartbeat_interval_ms=500,
        metadata_max_age_ms=1000,
        **config,
    )


def spin(*members):
    polled = [client.poll(timeout_ms=50) for client in members]
    return {int(r.value) for batch in polled for part in batch.values() for r in part}


def test_members_join_and_leave_while_consuming(broker, fresh):
    topic, group = create(broker, fresh("topic"), partitions=4), fresh("group")
    commits = {"enable_auto_commit": True, "auto_commit_interval_ms": 100}
    seen = set()
    numbered(broker, topic, range(400), 4)
    first = member(broker, group, topic, **commits)
    eventually(lambda: seen.update(spin(first)) or len(seen) >= 50)
    second = member(broker, group, topic, **commits)
    eventually(lambda: seen.update(spin(first, second)) or second.assignment())
    numbered(broker, topic, range(400, 800), 4)
    eventually(lambda: seen.update(spin(first, second)) or len(seen) >= 600)
    first.close()
    numbered(broker, topic, range(800, 1000), 4)
    eventually(lambda: seen.update(spin(second)) or len(seen) == 1000, within=60)
    second.close()


def test_a_group_resumes_from_its_commit(broker, fresh):
    topic, group = fresh("topic"), fresh("group")
    numbered(broker, topic, range(20))
    first = member(broker, group, topic)
    clients.take(first, 7)
    first.commit({TopicPartition(topic, 0): OffsetAndMetadata(7, "", -1)})
    first.close()
    second = member(broker, group, topic)
    assert int(clients.take(second, 1)[0].value) == 7
    second.close()


def test_commit_metadata_comes_back(broker, fresh):
    part = TopicPartition(create(broker, fresh("topic")), 0)
    client = clients.consumer(broker, group_id=fresh("group"))
    client.assign([part])
    client.commit({part: OffsetAndMetadata(42, "checkpoint", -1)})
    committed = client.committed(part, metadata=True)
    client.close()
    assert (committed.offset, committed.metadata) == (42, "checkpoint")


def test_reset_by_time(broker, fresh):
    part = TopicPartition(create(broker, fresh("topic")), 0)
    base = int(time.time() * 1000) - 3_600_000
    clients.produce(
        broker,
        part.topic,
        [{"value": str(n).encode(), "timestamp_ms": base + n * 1000} for n in range(100)],
    )
    client = clients.consumer(broker)
    found = client.offsets_for_times({part: base + 41_001})[part]
    late = client.offsets_for_times({part: base + 99_001})[part]
    ends = client.beginning_offsets([part])[part], client.end_offsets([part])[part]
    client.close()
    assert (found.offset, found.timestamp) == (42, base + 42_000)
    assert late is None
    assert ends == (0, 100)
