"""Consumer groups of the classic protocol."""

import threading
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


class MemberThread:
    """A member that polls in a thread of its own, as an application does, until it is stopped."""

    def __init__(self, client, seen):
        self.client, self.seen = client, seen
        self.leaving = threading.Event()
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def run(self):
        while not self.leaving.is_set():
            for records in self.client.poll(timeout_ms=200).values():
                self.seen.update(int(record.value) for record in records)
        self.client.close()

    def leave(self):
        self.leaving.set()
        self.thread.join(30)
        assert not self.thread.is_alive(), "close() hangs"


def test_members_join_and_leave_while_consuming(broker, fresh):
    topic, group = create(broker, fresh("topic"), partitions=4), fresh("group")
    commits = {"enable_auto_commit": True, "auto_commit_interval_ms": 100}
    seen = set()
    numbered(broker, topic, range(400), 4)
    first = MemberThread(member(broker, group, topic, **commits), seen)
    eventually(lambda: len(seen) >= 50, what="the first member reads")
    second = MemberThread(member(broker, group, topic, **commits), seen)
    eventually(lambda: second.client.assignment(), what="the second member gets partitions")
    numbered(broker, topic, range(400, 800), 4)
    eventually(lambda: len(seen) == 800, what="both read everything")
    first.leave()
    numbered(broker, topic, range(800, 1000), 4)
    eventually(lambda: len(seen) == 1000, what="the second member reads the rest")
    second.leave()


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
