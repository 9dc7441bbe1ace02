"""Streams of virtual hosts, which Kafka knows by two names in one: docs/interop.md."""

import os

import pika
import pytest
from confluent_kafka.admin import AdminClient, NewTopic

from rabbit_management.api import NOT_FOUND, Api
from rabbit_pika.conftest import connect_to
from rabbit_pika.test_errors import refused

pytestmark = pytest.mark.forebay

STREAM = {"x-queue-type": "stream"}


@pytest.fixture
def api():
    return Api()


@pytest.fixture
def vhost(api, fresh):
    """A virtual host whose name begins with a slash, as many do."""
    with api.virtual_host("/" + fresh("shop")[-20:]) as name:
        yield name


@pytest.fixture
def channel(vhost):
    connection = connect_to(os.environ["BROKER_AMQP"], vhost=vhost)
    channel = connection.channel()
    channel.confirm_delivery()
    channel.basic_qos(prefetch_count=10)
    yield channel
    if connection.is_open:
        connection.close()


@pytest.fixture
def topic(channel, vhost):
    """What Kafka calls the stream `events`."""
    channel.queue_declare("events", durable=True, arguments=STREAM)
    return f"{vhost[1:]}.events"


@pytest.fixture
def admin(broker):
    return AdminClient({"bootstrap.servers": broker})


def first(channel, queue, count):
    """The first messages of a stream."""
    seen = []
    begin = {"x-stream-offset": "first"}
    for method, properties, body in channel.consume(queue, arguments=begin, inactivity_timeout=20):
        assert method is not None, f"{len(seen)} of {count} in time"
        seen.append((method, properties, body))
        if len(seen) == count:
            channel.cancel()
            return seen


def test_kafka_reads_what_amqp_published_in_another_virtual_host(channel, topic, consume):
    channel.queue_bind("events", "amq.topic", "order.#")
    channel.basic_publish("", "events", b"1", mandatory=True)
    channel.basic_publish("amq.topic", "order.new", b"2", mandatory=True)
    records = consume(topic, 2)
    assert [(record.key(), record.value()) for record in records] == [
        (None, b"1"),
        (b"order.new", b"2"),
    ]


def test_amqp_reads_in_another_virtual_host_what_kafka_produced(channel, topic, produce):
    produce(topic, b"hello", key=b"k", headers=[("trace", b"t")])
    ((method, properties, body),) = first(channel, "events", 1)
    # Where it is consumed the stream has its own name.
    assert (method.exchange, method.routing_key, body) == ("", "events", b"hello")
    assert (properties.headers["trace"], properties.headers["forebay.key"]) == ("t", "k")


def test_a_consumer_is_given_what_its_filter_says_of_what_kafka_produced(channel, topic, produce):
    for value in (b"eu", b"us", b"eu"):
        produce(topic, value, headers=[("x-stream-filter-value", value)])
    produce(topic, b"of none")
    arguments = {"x-stream-offset": "first", "x-stream-filter": "us", "x-stream-match-unfiltered": True}
    seen = []
    for method, _, body in channel.consume("events", arguments=arguments, inactivity_timeout=20):
        assert method is not None, f"{seen} in time"
        seen.append(body)
        if len(seen) == 2:
            break
    assert seen == [b"us", b"of none"]


def test_the_stream_is_nowhere_else(channel, topic):
    elsewhere = connect_to(os.environ["BROKER_AMQP"])
    for name in ("events", topic):
        code, _ = refused(elsewhere.channel(), lambda c: c.queue_declare(name, passive=True))
        assert code == 404
    # A queue of the default virtual host may be called like it.
    open_channel = elsewhere.channel()
    open_channel.queue_declare(topic, durable=True)
    open_channel.basic_publish("", topic, b"for the queue")
    channel.basic_publish("", "events", b"for the stream")
    assert [body for _, _, body in first(channel, "events", 1)] == [b"for the stream"]
    assert open_channel.queue_delete(topic).method.message_count == 1
    elsewhere.close()


def test_a_stream_whose_topic_is_there_is_refused(channel, vhost, admin):
    topic = f"{vhost[1:]}.a_stream"
    admin.create_topics([NewTopic(topic, 1)])[topic].result(20)
    assert refused(
        channel, lambda c: c.queue_declare("a stream", durable=True, arguments=STREAM)
    ) == (
        406,
        f"PRECONDITION_FAILED - cannot declare queue 'a stream' in vhost '{vhost}': its topic would be "
        f"'{topic}', which exists already",
    )
    admin.delete_topics([topic])[topic].result(20)


def test_a_name_that_is_too_long_for_a_topic_is_refused(channel, vhost):
    code, text = refused(
        channel, lambda c: c.queue_declare("q" * 245, durable=True, arguments=STREAM)
    )
    assert code == 406
    assert text.startswith("PRECONDITION_FAILED - cannot declare queue 'qqq")


def test_a_topic_that_kafka_deletes_ends_the_consumers_of_its_stream(channel, topic, admin):
    channel.queue_bind("events", "amq.fanout")
    cancelled = []
    channel.add_on_cancel_callback(cancelled.append)
    channel.basic_consume("events", print, arguments={"x-stream-offset": "next"})
    admin.delete_topics([topic])[topic].result(20)
    while not cancelled:
        channel.connection.process_data_events(1)
    with pytest.raises(pika.exceptions.UnroutableError):
        channel.basic_publish("amq.fanout", "", b"to nobody", mandatory=True)


def test_topics_go_with_their_virtual_host(channel, topic, vhost, api, admin, fresh):
    stays = fresh("stays")
    admin.create_topics([NewTopic(stays, 1)])[stays].result(20)
    assert api.delete("vhosts", vhost).status == 204
    topics = admin.list_topics(timeout=20).topics
    assert topic not in topics and stays in topics
    with pytest.raises(pika.exceptions.ConnectionClosedByBroker):
        channel.connection.process_data_events(20)
    # One of the same name is another one.
    api.made("vhosts", vhost)
    assert api.get("queues", vhost, "events").error == NOT_FOUND


def test_a_queue_is_subscribed_to_the_stream_of_its_virtual_host(channel, topic, produce):
    channel.queue_declare("work", durable=True)
    channel.queue_bind("work", "events", arguments={"x-stream-offset": "first"})
    produce(topic, b"to be done")
    for method, properties, body in channel.consume("work", inactivity_timeout=20):
        assert (method is not None, body) == (True, b"to be done")
        assert properties.headers["forebay.topic"] == topic
        channel.basic_ack(method.delivery_tag)
        break
    channel.cancel()
    channel.queue_unbind("work", "events")
    # A topic of Kafka is a stream in the default virtual host only.
    code, _ = refused(channel, lambda c: c.queue_bind("work", topic))
    assert code == 404
