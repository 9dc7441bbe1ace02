"""Queues and exchanges: declaring, routing, deleting."""

import pika
import pytest

from .messages import publish, ready, take


def test_default_exchange_routes_by_queue_name(channel, queue):
    publish(channel, queue, b"a", b"b")
    assert take(channel, queue) == [b"a", b"b"]


@pytest.mark.parametrize(
    "kind, binding, matching, other",
    [
        ("direct", "a", "a", "b"),
        ("topic", "a.*.#", "a.b", "a"),
        ("fanout", "", "whatever", None),
    ],
)
def test_exchange_kinds(channel, queue, fresh, kind, binding, matching, other):
    exchange = fresh("exchange")
    channel.exchange_declare(exchange, kind)
    channel.queue_bind(queue, exchange, binding)
    channel.basic_publish(exchange, matching, b"yes")
    if other:
        channel.basic_publish(exchange, other, b"no")
    assert take(channel, queue) == [b"yes"]
    channel.queue_unbind(queue, exchange, binding)
    channel.basic_publish(exchange, matching, b"no more")
    assert take(channel, queue) == []


@pytest.mark.parametrize("match, goes", [("all", False), ("any", True)])
def test_headers_exchange(channel, queue, match, goes):
    channel.queue_bind(queue, "amq.headers", "", {"x-match": match, "a": 1, "b": "two"})
    properties = pika.BasicProperties(headers={"a": 1, "b": "three"})
    channel.basic_publish("amq.headers", "", b"m", properties)
    assert take(channel, queue) == ([b"m"] if goes else [])
    channel.queue_unbind(queue, "amq.headers", "", {"x-match": match, "a": 1, "b": "two"})


def test_exchange_to_exchange_and_alternate(channel, queue, fresh):
    first, second, unrouted = fresh("first"), fresh("second"), fresh("unrouted")
    channel.exchange_declare(unrouted, "fanout")
    channel.exchange_declare(first, "direct", arguments={"alternate-exchange": unrouted})
    channel.exchange_declare(second, "fanout")
    channel.exchange_bind(second, first, "k")
    channel.queue_bind(queue, second)
    other = channel.queue_declare("", exclusive=True).method.queue
    channel.queue_bind(other, unrouted)
    channel.basic_publish(first, "k", b"through")
    channel.basic_publish(first, "else", b"alternate")
    assert take(channel, queue) == [b"through"]
    assert take(channel, other) == [b"alternate"]


def test_server_named_queue(channel):
    name = channel.queue_declare("", exclusive=True).method.queue
    assert name.startswith("amq.gen-")
    publish(channel, name, b"m")
    assert take(channel, name) == [b"m"]


def test_purge_and_delete_say_how_many(channel, queue):
    publish(channel, queue, b"a", b"b")
    assert channel.queue_purge(queue).method.message_count == 2
    publish(channel, queue, b"c")
    assert channel.queue_delete(queue).method.message_count == 1
    assert channel.queue_delete(queue).method.message_count == 0


def test_exclusive_queue_ends_with_its_connection(connect, fresh):
    name = fresh("mine")
    owner, other = connect(), connect()
    owner.channel().queue_declare(name, exclusive=True)
    with pytest.raises(pika.exceptions.ChannelClosedByBroker) as refused:
        other.channel().queue_declare(name, passive=True)
    assert refused.value.reply_code == 405
    owner.close()
    with pytest.raises(pika.exceptions.ChannelClosedByBroker) as refused:
        other.channel().queue_declare(name, passive=True)
    assert refused.value.reply_code == 404


def test_auto_delete_queue_ends_with_its_last_consumer(channel, connection, fresh):
    name = fresh("auto")
    channel.queue_declare(name, auto_delete=True)
    assert ready(channel, name) == 0, "nobody has consumed yet"
    tag = channel.basic_consume(name, lambda *_: None)
    channel.basic_cancel(tag)
    with pytest.raises(pika.exceptions.ChannelClosedByBroker) as refused:
        connection.channel().queue_declare(name, passive=True)
    assert refused.value.reply_code == 404
