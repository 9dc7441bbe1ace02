"""Much that comes and goes, and consumers that read nothing: nothing is lost, memory is bounded.

CRASH_CYCLES=100000 has it come and go as often as that.
"""

import os
import socket
import urllib.request

import pytest

from eventually import eventually
from openmetrics import Page
from process.conftest import cycles  # noqa: F401

from .conftest import connect_to
from .messages import publish, ready, take, wait_ready

MEBIBYTE = 1 << 20
# What a broker may keep of what is gone: buffers of its own, and what its allocator holds back.
KEPT_MAX = 48 * MEBIBYTE


@pytest.fixture
def memory(is_forebay):
    """What the broker takes, in bytes; nothing of RabbitMQ, which promises nothing."""

    def memory():
        if not is_forebay:
            return 0
        url = f"http://{os.environ['BROKER_ADMIN']}/metrics"
        with urllib.request.urlopen(url, timeout=20) as page:
            return Page(page.read().decode()).value("process_resident_memory_bytes")

    return memory


def vanish(connection):
    """Ends a connection without a word, as a machine does that goes away."""
    connection._impl._transport._sock.shutdown(socket.SHUT_RDWR)


@pytest.mark.cycles(quick=500, ci=2_000, full=10_000)
def test_queues_come_and_go_and_leave_nothing(channel, queue, fresh, cycles, memory):  # noqa: F811
    publish(channel, queue, b"stays")
    names = [fresh("queue") for _ in range(20)]

    def come_and_go(count):
        for number in range(count):
            name = names[number % len(names)]
            # One in twenty is on the disk, which takes its time.
            channel.queue_declare(name, durable=number % len(names) == 0)
            channel.queue_bind(name, "amq.topic", f"churn.{number}")
            channel.basic_publish("amq.topic", f"churn.{number}", b"x" * 100)
            channel.queue_delete(name)

    come_and_go(cycles // 10)
    before = memory()
    come_and_go(cycles)
    assert memory() - before < KEPT_MAX
    assert take(channel, queue) == [b"stays"]


@pytest.mark.cycles(quick=30, ci=100, full=1_000)
def test_connections_come_and_go_and_lose_nothing(channel, queue, cycles, memory):  # noqa: F811
    bodies = [b"%d" % number for number in range(10)]
    publish(channel, queue, *bodies)

    def come_and_go(count):
        for number in range(count):
            visitor = connect_to(os.environ["BROKER_AMQP"])
            visiting = visitor.channel()
            visiting.basic_qos(prefetch_count=5)
            visiting.basic_consume(queue, lambda *_: None)
            if number % 2:
                visitor.close()
            else:
                vanish(visitor)

    come_and_go(cycles // 10)
    wait_ready(channel, queue, len(bodies))
    before = memory()
    come_and_go(cycles)
    wait_ready(channel, queue, len(bodies))
    assert memory() - before < KEPT_MAX
    assert sorted(take(channel, queue)) == bodies


def test_a_consumer_that_asks_for_much_and_reads_nothing_takes_little(channel, queue, memory):
    body = bytes(128 << 10)
    count = 800
    channel.confirm_delivery()
    publish(channel, queue, *[body] * count)
    before = memory()
    idle = connect_to(os.environ["BROKER_AMQP"])
    reading = idle.channel()
    reading.basic_qos(prefetch_count=65_535)
    reading.basic_consume(queue, lambda *_: None)
    # What comes from here on nobody takes off the socket.
    eventually(lambda: ready(channel, queue) < count, what="a message that is on its way")
    assert memory() - before < len(body) * count / 2
    vanish(idle)
    wait_ready(channel, queue, count)
    assert len(take(channel, queue)) == count
