"""Where the dead go: by what they were published with."""

import pika
import pytest

from .messages import consume, publish, take, wait_ready


def reject(channel, queue):
    """Has the next message of a queue die."""
    wait_ready(channel, queue, 1)
    method, _, _ = channel.basic_get(queue)
    channel.basic_reject(method.delivery_tag, requeue=False)


@pytest.fixture
def declare(channel, fresh):
    """Declares a queue whose dead go to an exchange."""

    def declare(exchange, key=None):
        name = fresh("mortal")
        arguments = {"x-dead-letter-exchange": exchange}
        if key is not None:
            arguments["x-dead-letter-routing-key"] = key
        channel.queue_declare(name, arguments=arguments)
        return name

    return declare


def test_headers_of_the_dead_are_looked_at(channel, queue, declare, fresh):
    exchange = fresh("headers")
    channel.exchange_declare(exchange, "headers")
    channel.queue_bind(queue, exchange, "", {"kind": "wanted"})
    source = declare(exchange)
    for kind in ["unwanted", "wanted"]:
        properties = pika.BasicProperties(headers={"kind": kind})
        publish(channel, source, kind.encode(), properties=properties)
        reject(channel, source)
    wait_ready(channel, queue, 1)
    assert take(channel, queue) == [b"wanted"]


def test_copies_of_the_dead(channel, queue, declare, fresh):
    exchange = fresh("direct")
    channel.exchange_declare(exchange, "direct")
    channel.queue_bind(queue, exchange, "copy")
    source = declare(exchange)
    properties = pika.BasicProperties(headers={"CC": ["copy"]})
    publish(channel, source, b"m", properties=properties)
    reject(channel, source)
    [(method, properties, _)] = consume(channel, queue, 1, auto_ack=True)
    assert method.routing_key == source
    assert properties.headers["CC"] == ["copy"]
    assert properties.headers["x-death"][0]["routing-keys"] == [source, "copy"]


def test_another_key_takes_the_place_of_copies(channel, queue, declare, fresh):
    exchange = fresh("direct")
    channel.exchange_declare(exchange, "direct")
    second = declare(exchange)
    first = declare(exchange, key=second)
    channel.queue_bind(second, exchange, second)
    channel.queue_bind(queue, exchange, "copy")
    properties = pika.BasicProperties(headers={"CC": ["copy"]})
    publish(channel, first, b"m", properties=properties)
    reject(channel, first)
    wait_ready(channel, second, 1)
    method, properties, _ = channel.basic_get(second)
    assert properties.headers["x-death"][0]["routing-keys"] == [first, "copy"]
    # It comes back here, and not to the copy's key either.
    channel.basic_reject(method.delivery_tag, requeue=False)
    wait_ready(channel, second, 1)
    _, properties, _ = channel.basic_get(second)
    assert properties.headers["x-death"][0]["routing-keys"] == [second]
    assert take(channel, queue) == []


def test_the_dead_keep_their_priority(channel, declare, fresh):
    dead = fresh("dead")
    channel.queue_declare(dead, arguments={"x-max-priority": 5})
    source = declare("", key=dead)
    for priority in [0, 3, 5]:
        properties = pika.BasicProperties(priority=priority, expiration="5")
        publish(channel, source, b"%d" % priority, properties=properties)
    wait_ready(channel, dead, 3)
    assert take(channel, dead) == [b"5", b"3", b"0"]


@pytest.mark.forebay
def test_the_dead_wait_in_an_exchange_of_delayed_messages_once(channel, queue, declare, fresh):
    exchange = fresh("delayed")
    arguments = {"x-delayed-type": "fanout"}
    channel.exchange_declare(exchange, "x-delayed-message", arguments=arguments)
    source = declare(exchange)
    channel.queue_bind(queue, exchange, "")
    properties = pika.BasicProperties(headers={"x-delay": 500})
    publish(channel, source, b"m", properties=properties)
    reject(channel, source)
    assert take(channel, queue) == []
    [(_, properties, _)] = consume(channel, queue, 1, auto_ack=True)
    assert properties.headers["x-delay"] == -500
    assert properties.headers["x-death"][0]["queue"] == source
