"""Creates and deletes topics without end, and knows which of them must be there."""

import itertools
import threading

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient, NewTopic

from .workload import IMPATIENT

LIFETIME = 3
"""A topic is deleted when so many more have been created."""


class TopicChanges:
    """A thread that goes on whatever happens to the server."""

    def __init__(self, broker):
        self.client = AdminClient({"bootstrap.servers": broker, **IMPATIENT})
        self.created, self.maybe_deleted, self.deleted = {}, set(), set()
        self.stopping = threading.Event()
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def run(self):
        for number in itertools.count():
            if self.stopping.is_set():
                return
            self.stopping.wait(0.01)
            name, partitions = f"made-{number}", 1 + number % 5
            if self.is_done(self.create(name, partitions), "TOPIC_ALREADY_EXISTS"):
                self.created[name] = partitions
            old = f"made-{number - LIFETIME}"
            if old in self.created:
                self.maybe_deleted.add(old)
                if self.is_done(self.delete(old), "UNKNOWN_TOPIC_OR_PART"):
                    self.deleted.add(old)

    def create(self, name, partitions):
        return self.client.create_topics([NewTopic(name, partitions, 1)])[name]

    def delete(self, name):
        return self.client.delete_topics([name])[name]

    def is_done(self, future, error_of_repetition):
        """Whether the server says so; else nobody knows. A retry finds its own work done."""
        try:
            future.result(60)
        except KafkaException as error:
            return error.args[0].name() == error_of_repetition
        return True

    def verify(self):
        """What was acknowledged by now holds."""
        must_be, must_not_be = dict(self.created), set(self.deleted)
        topics = self.client.list_topics(timeout=30).topics
        for name in self.maybe_deleted:
            must_be.pop(name, None)
        there = {name: len(topics[name].partitions) for name in must_be if name in topics}
        assert there == must_be, f"created and gone: {must_be.keys() - there.keys()}"
        back = must_not_be & topics.keys()
        assert not back, f"deleted and back: {back}"

    def finish(self):
        self.stopping.set()
        self.thread.join(60)
        assert not self.thread.is_alive()
        self.verify()
