"""Exchanges of delayed messages, as RabbitMQ's plugin has them. Debian does not package the plugin, so
what it does is taken from its documentation and its source."""

import time

import pika
import pytest

from .messages import consume, publish, ready, wait_ready
from .test_errors import refused

pytestmark = pytest.mark.forebay

KIND = "x-delayed-message"


@pytest.fixture
def exchange(channel, queue, fresh):
    """A durable one of kind topic, with the queue bound to it by k.#."""
    name = fresh("exchange")
    arguments = {"x-delayed-type": "topic"}
    channel.exchange_declare(name, KIND, durable=True, arguments=arguments)
    channel.queue_bind(queue, name, "k.#")
    return name


def delayed(delay, **properties):
    headers = {"x-delay": delay, "mine": "kept"}
    return pika.BasicProperties(headers=headers, delivery_mode=2, **properties)


def test_messages_come_when_they_are_due(channel, queue, exchange):
    channel.confirm_delivery()
    began = time.monotonic()
    publish(channel, "k.1", b"last", properties=delayed(1500), exchange=exchange)
    publish(channel, "k.2", b"text", properties=delayed("1000"), exchange=exchange)
    publish(channel, "k.3", b"first", properties=delayed(500), exchange=exchange)
    for at_once in [delayed(0), delayed(-5), pika.BasicProperties()]:
        publish(channel, "k.4", b"now", properties=at_once, exchange=exchange)
    assert ready(channel, queue) == 3
    messages = consume(channel, queue, 6, auto_ack=True)
    assert time.monotonic() - began >= 1.5
    assert [body for _, _, body in messages] == [b"now"] * 3 + [b"first", b"text", b"last"]
    method, properties, _ = messages[4]
    assert (method.exchange, method.routing_key) == (exchange, "k.2")
    # Negated, so that nobody delays it again.
    assert properties.headers == {"x-delay": -1000, "mine": "kept"}
    assert properties.delivery_mode == 2


def test_unroutable_when_due_is_dropped(channel, queue, exchange):
    channel.confirm_delivery()
    publish(channel, "other", b"lost", properties=delayed(300), exchange=exchange)
    publish(channel, "k", b"found", properties=delayed(600), exchange=exchange)
    wait_ready(channel, queue, 1)
    assert channel.basic_get(queue, auto_ack=True)[2] == b"found"


def test_arguments(connection, fresh):
    name = fresh("exchange")

    def declare(**arguments):
        return lambda c: c.exchange_declare(name, KIND, arguments=arguments)

    for arguments, why in [
        ({}, "Invalid argument, 'x-delayed-type' must be an existing exchange type"),
        ({"x-delayed-type": 5}, "Invalid argument, 'x-delayed-type' must be an existing exchange type"),
        (
            {"x-delayed-type": KIND},
            "Invalid argument, 'x-delayed-message' can't be used for 'x-delayed-type'",
        ),
        ({"x-delayed-type": "bogus"}, "unknown exchange type 'bogus'"),
    ]:
        code, text = refused(connection.channel(), declare(**arguments))
        assert (code, text) == (406, f"PRECONDITION_FAILED - {why}")
    declare(**{"x-delayed-type": "direct"})(connection.channel())
    code, text = refused(connection.channel(), declare(**{"x-delayed-type": "fanout"}))
    assert (code, "inequivalent arg 'x-delayed-type'" in text) == (406, True)


def test_a_message_that_waited_dies_as_any_other(channel, queue, exchange, fresh):
    dead = fresh("dead")
    channel.queue_declare(dead)
    source = fresh("source")
    arguments = {"x-dead-letter-exchange": "", "x-dead-letter-routing-key": dead}
    channel.queue_declare(source, arguments=arguments)
    channel.queue_bind(source, exchange, "die")
    properties = delayed(200, expiration="100", priority=3)
    publish(channel, "die", b"m", properties=properties, exchange=exchange)
    [(_, properties, body)] = consume(channel, dead, 1, auto_ack=True)
    assert (body, properties.headers["x-delay"], properties.priority) == (b"m", -200, 3)
    [death] = properties.headers["x-death"]
    assert (death["queue"], death["exchange"], death["reason"]) == (source, exchange, "expired")
