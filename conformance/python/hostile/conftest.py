"""After every hostile case the broker is alive, and a normal client is served."""

import os

import pytest
from librdkafka import clients


def resident_bytes():
    """The broker's resident memory."""
    with open(f"/proc/{os.environ['BROKER_PID']}/statm") as statm:
        return int(statm.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


@pytest.fixture
def make_topic(broker, fresh):
    """Creates a topic and waits until it is led: raw requests are not retried as a client's are."""

    def make(**config):
        topic = clients.create(broker, fresh("topic"), **config)
        assert clients.watermarks(broker, topic) == (0, 0)
        return topic

    return make


@pytest.fixture
def topic(make_topic):
    return make_topic()


@pytest.fixture(autouse=True)
def a_normal_client_still_works(broker, fresh):
    yield
    topic = clients.create(broker, fresh("after"))
    clients.produce(broker, topic, [{"value": b"still served"}])
    [message] = clients.read(broker, topic, 1)
    assert message.value() == b"still served"
