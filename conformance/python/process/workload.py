"""Clients that go on whatever happens to the server, and write down what they see.

All are threads of their own and end with the test.
"""

import itertools
import threading

from confluent_kafka import Consumer, KafkaException, Producer, TopicPartition
from eventually import eventually
from librdkafka import clients

# Refused connections are what these tests are about; and the way back must be short.
IMPATIENT = {
    "log_level": 0,
    "reconnect.backoff.ms": 5,
    "reconnect.backoff.max.ms": 50,
    "retry.backoff.ms": 10,
    "retry.backoff.max.ms": 50,
}
UNDER_WAY = 300
POLL = 500


def create(history, server, topic, partitions, **config):
    """A topic, and what is expected of its partitions."""
    expected = ("dense", "compacted", "start_advances", "across_lives")
    expectations = {name: config.pop(name) for name in expected if name in config}
    clients.create(server.broker, topic, partitions, **config)
    for partition in range(partitions):
        history.log(f"{topic}-{partition}", **expectations)


class ContinuousProducer:
    """Sends numbered records to every partition of a topic, until it is finished."""

    def __init__(
        self, history, broker, topic, partitions, process, idempotent=True, keys=(None,), padding=0
    ):
        """The keys go round; `padding` is what the values are longer by."""
        self.history, self.topic, self.process = history, topic, process
        self.partitions = range(partitions)
        self.keys = itertools.cycle(keys)
        self.padding = b"." * padding
        self.acknowledged = 0
        self.errors = []
        self.stopping = threading.Event()
        self.client = Producer(
            {
                "bootstrap.servers": broker,
                "enable.idempotence": idempotent,
                "acks": "all",
                "linger.ms": 1,
                "batch.num.messages": 200,
                "message.timeout.ms": 120_000,
                **IMPATIENT,
            }
        )
        history.producer(process, once=idempotent, keeps_order="log" if idempotent else "no")
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def run(self):
        try:
            for number in itertools.count():
                if self.stopping.is_set():
                    return
                while len(self.client) > UNDER_WAY:
                    self.client.poll(0.01)
                for partition in self.partitions:
                    value = f"{self.process}:{number}".encode() + self.padding
                    self.send(partition, value, next(self.keys))
                # A pace that leaves the readers time to write down what they see.
                self.client.poll(0.002)
        except KafkaException as fatal:
            self.errors.append(fatal)

    def send(self, partition, value, key):
        log = f"{self.topic}-{partition}"
        sending = self.history.send(self.process, log, value, key)

        def delivered(error, message):
            sending.delivered(error, message)
            if error:
                self.errors.append(error)
            else:
                self.acknowledged += 1

        self.client.produce(self.topic, value, key, partition=partition, on_delivery=delivered)

    def wait_for_progress(self, records=200, within=60):
        """Waits until so many more are acknowledged: the stream is known to flow."""
        goal = self.acknowledged + records

        def flows():
            assert not self.errors, f"{self.process}: {self.errors[0]}"
            return self.acknowledged >= goal

        eventually(flows, within=within, every=0.005, what=f"{self.process} makes progress")

    def finish(self):
        """Stops, and waits until everything is acknowledged."""
        self.stop()
        assert self.client.flush(120) == 0, f"{self.process}: not everything was acknowledged"
        assert not self.errors, f"{self.process}: {self.errors[0]}"

    def abandon(self):
        """Stops and gives up what is under way; every callback has run when this returns."""
        self.stop()
        self.client.purge()
        eventually(lambda: self.client.flush(0.1) == 0, what="callbacks of what was given up")

    def stop(self):
        self.stopping.set()
        self.thread.join()


def group_consumer(broker, group):
    return Consumer(
        {
            "bootstrap.servers": broker,
            "group.id": group,
            "auto.offset.reset": "earliest",
            "enable.auto.commit": False,
            "session.timeout.ms": 6000,
            "heartbeat.interval.ms": 200,
            **IMPATIENT,
        }
    )


def write_down(history, process, messages, call, invoked, group=None):
    """The records of a poll; answers the position behind them, by topic and partition."""
    positions = {}
    for message in messages:
        if message.error():
            continue  # The broker is away.
        history.receive(
            process,
            f"{message.topic()}-{message.partition()}",
            message.offset(),
            message.value(),
            message.key(),
            group=group,
            call=call,
            invoked=invoked,
        )
        positions[message.topic(), message.partition()] = message.offset() + 1
    return positions


class GroupMember:
    """Reads a topic as a member of a group, and commits after every poll."""

    numbers = itertools.count()

    def __init__(self, history, broker, topic, group):
        self.history, self.group = history, group
        self.process = f"{group}-member-{next(self.numbers)}"
        self.positions = {}
        self.calls = itertools.count()
        self.failure = None
        self.stopping = threading.Event()
        self.client = group_consumer(broker, group)
        self.client.subscribe([topic], on_assign=self.assigned, on_revoke=self.revoked)
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def run(self):
        try:
            while not self.stopping.is_set():
                self.poll()
            self.client.close()
        except Exception as failure:
            self.failure = failure

    def assigned(self, client, partitions):
        """Starts at what the group has committed, and says so."""
        for partition in committed_offsets(
            self.history, client, self.process, self.group, partitions
        ):
            log = f"{partition.topic}-{partition.partition}"
            position = partition.offset if partition.offset >= 0 else None
            self.history.assigned(self.process, log, position)
        self.positions.clear()

    def revoked(self, client, partitions):
        self.positions.clear()

    def poll(self):
        invoked, call = self.history.now(), next(self.calls)
        messages = self.client.consume(POLL, timeout=0.05)
        self.positions |= write_down(
            self.history, self.process, messages, call, invoked, self.group
        )
        if self.positions:
            self.commit()

    def commit(self):
        offsets = [TopicPartition(*place, offset) for place, offset in self.positions.items()]
        commits = [
            self.history.commit(self.process, self.group, f"{o.topic}-{o.partition}", o.offset)
            for o in offsets
        ]
        try:
            answers = self.client.commit(offsets=offsets, asynchronous=False)
            errors = [answer.error for answer in answers]
        except KafkaException as error:
            errors = [error] * len(offsets)
        for commit, error in zip(commits, errors):
            commit.unknown() if error else commit.ok()
        if not any(errors):
            self.positions.clear()

    def stop(self):
        """Leaves the group."""
        self.stopping.set()
        self.thread.join(60)
        assert not self.thread.is_alive(), f"{self.process} does not end"
        if self.failure:
            raise self.failure


class Follower:
    """Reads the end of a topic without a group, from a few records before it."""

    numbers = itertools.count()
    BEFORE_END = 100

    def __init__(self, history, broker, topic, partitions):
        self.history = history
        self.process = f"follower-{next(self.numbers)}"
        self.client = group_consumer(broker, "none")
        self.stopping = threading.Event()
        starts = []
        for partition in range(partitions):
            low, high = clients.watermarks(broker, topic, partition)
            starts.append(TopicPartition(topic, partition, max(low, high - self.BEFORE_END)))
            history.assigned(self.process, f"{topic}-{partition}", starts[-1].offset)
        self.client.assign(starts)
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def run(self):
        for call in itertools.count():
            if self.stopping.is_set():
                return
            invoked = self.history.now()
            messages = self.client.consume(POLL, timeout=0.05)
            write_down(self.history, self.process, messages, call, invoked)

    def stop(self):
        self.stopping.set()
        self.thread.join()
        self.client.close()


def committed_offsets(history, client, process, group, partitions):
    """Asks for what a group has committed until there is an answer, and writes that down."""

    def ask():
        invoked = history.now()
        try:
            return invoked, client.committed(partitions, timeout=clients.PATIENCE)
        except KafkaException:
            return None  # Asked of a broker that is on its way out.

    invoked, answered = eventually(ask, what=f"an answer about what {group} has committed")
    for partition in answered:
        log = f"{partition.topic}-{partition.partition}"
        offset = partition.offset if partition.offset >= 0 else None
        history.committed(process, group, log, offset, invoked)
    return answered


class Group:
    """Two members, of which one is replaced now and then, and an observer that is none."""

    def __init__(self, history, broker, topic, partitions, name):
        self.history, self.broker, self.topic, self.name = history, broker, topic, name
        self.partitions = partitions
        self.members = [GroupMember(history, broker, topic, name) for _ in range(2)]
        self.observer = group_consumer(broker, name)

    def replace_a_member(self):
        self.members.pop(0).stop()
        self.members.append(GroupMember(self.history, self.broker, self.topic, self.name))

    def look(self):
        """What is committed, by partition."""
        for member in self.members:
            assert not member.failure, f"{member.process}: {member.failure}"
        partitions = [TopicPartition(self.topic, p) for p in range(self.partitions)]
        answered = committed_offsets(
            self.history, self.observer, f"{self.name}-observer", self.name, partitions
        )
        return [partition.offset for partition in answered]

    def finish(self):
        """Waits until the group has committed all there is, and leaves."""
        invoked = self.history.now()
        ends = [clients.watermarks(self.broker, self.topic, p)[1] for p in range(self.partitions)]

        eventually(
            lambda: self.look() == ends,
            within=120,
            every=0.2,
            what=f"{self.name} reads up to {ends}",
        )
        for member in self.members:
            member.stop()
        self.observer.close()
        for partition, end in enumerate(ends):
            log = f"{self.topic}-{partition}"
            start, _ = clients.watermarks(self.broker, self.topic, partition)
            self.history.drain(self.name, log, start, end, invoked, group=self.name)
