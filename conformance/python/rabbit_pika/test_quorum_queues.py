"""What only quorum queues do: counts of how often a message came back, and who may get."""

import pika
import pytest
from eventually import eventually

from .messages import consume, publish
from .test_errors import refused


@pytest.fixture
def quorum(channel, fresh):
    name = fresh("quorum")
    arguments = {"x-queue-type": "quorum"}
    channel.queue_declare(name, durable=True, arguments=arguments)
    return name


def get(channel, queue):
    """Waits for a message: its tag and headers."""

    def got():
        method, properties, _ = channel.basic_get(queue)
        return method and (method, properties.headers)

    method, headers = eventually(got)
    return method.delivery_tag, headers or {}


def test_messages_tell_how_often_they_came_back(connect, channel, quorum):
    publish(channel, quorum, b"m", properties=pika.BasicProperties(headers={"a": 1}))
    tag, headers = get(channel, quorum)
    assert headers == {"a": 1}
    # To give a message back is not to fail.
    channel.basic_nack(tag, requeue=True)
    tag, headers = get(channel, quorum)
    assert headers == {"a": 1, "x-acquired-count": 1}
    channel.basic_reject(tag, requeue=True)
    tag, headers = get(channel, quorum)
    assert headers == {"a": 1, "x-acquired-count": 2, "x-delivery-count": 1}
    channel.basic_nack(tag, requeue=True)
    other = connect()
    assert get(other.channel(), quorum)[1]["x-acquired-count"] == 3
    other.close()
    _, headers = get(channel, quorum)
    assert headers == {"a": 1, "x-acquired-count": 4, "x-delivery-count": 2}
    channel.basic_recover(requeue=True)
    [(_, properties, _)] = consume(channel, quorum, 1)
    assert properties.headers == {"a": 1, "x-acquired-count": 5, "x-delivery-count": 2}


def test_classic_queues_tell_no_counts(channel, queue):
    publish(channel, queue, b"m")
    tag, headers = get(channel, queue)
    channel.basic_reject(tag, requeue=True)
    assert get(channel, queue)[1] == headers == {}


def test_get_with_a_single_active_consumer(connection, channel, fresh):
    arguments = {"x-single-active-consumer": True}
    classic = fresh("classic")
    channel.queue_declare(classic, durable=True, arguments=arguments)
    publish(channel, classic, b"m")
    get(channel, classic)
    name = fresh("quorum")
    arguments["x-queue-type"] = "quorum"
    channel.queue_declare(name, durable=True, arguments=arguments)
    code, text = refused(connection.channel(), lambda c: c.basic_get(name))
    assert (code, text) == (
        405,
        f"RESOURCE_LOCKED - cannot obtain access to locked queue '{name}' in vhost '/'. "
        'basic.get operations are not supported by <<"quorum">> queues with single active consumer',
    )
