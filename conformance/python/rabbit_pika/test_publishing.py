"""Confirms, returns, transactions."""

import pika
import pytest

from .messages import PERSISTENT, publish, ready, take


def test_confirms(channel, queue):
    channel.confirm_delivery()
    bodies = [b"%d" % n for n in range(300)]
    publish(channel, queue, *bodies)
    assert take(channel, queue) == bodies


def test_mandatory_message_without_a_queue_is_returned(channel):
    channel.confirm_delivery()
    with pytest.raises(pika.exceptions.UnroutableError) as returned:
        channel.basic_publish("", "nowhere", b"lost", PERSISTENT, mandatory=True)
    assert returned.value.messages[0].body == b"lost"
    assert returned.value.messages[0].method.reply_code == 312


def test_full_queue_refuses(channel, fresh):
    name = fresh("queue")
    arguments = {"x-max-length": 1, "x-overflow": "reject-publish"}
    channel.queue_declare(name, durable=True, arguments=arguments)
    channel.confirm_delivery()
    publish(channel, name, b"fits")
    with pytest.raises(pika.exceptions.NackError):
        publish(channel, name, b"does not")
    assert take(channel, name) == [b"fits"]


def test_properties_come_back_as_they_were(channel, queue):
    properties = pika.BasicProperties(
        content_type="text/plain",
        content_encoding="utf-8",
        headers={"n": 1, "s": "text", "l": [1, "two"], "t": {"nested": True}, "none": None},
        delivery_mode=2,
        priority=3,
        correlation_id="c",
        reply_to="r",
        message_id="m",
        timestamp=1_700_000_000,
        type="t",
        user_id="guest",
        app_id="a",
    )
    publish(channel, queue, b"body" * 100_000, properties=properties)
    method, found, body = channel.basic_get(queue)
    assert body == b"body" * 100_000
    assert found == properties
    assert (method.exchange, method.routing_key) == ("", queue)


def test_transaction(channel, connection, queue):
    other = connection.channel()
    channel.tx_select()
    publish(channel, queue, b"a")
    assert ready(other, queue) == 0
    channel.tx_commit()
    assert ready(other, queue) == 1
    publish(channel, queue, b"b")
    channel.tx_rollback()
    channel.tx_commit()
    assert take(other, queue) == [b"a"]
