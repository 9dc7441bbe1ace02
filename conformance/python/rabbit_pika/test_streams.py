"""Streams: every consumer reads them from where it wants, and nothing is taken out."""

import pika
import pytest

from .messages import publish
from .test_errors import refused

STREAM = {"x-queue-type": "stream"}


@pytest.fixture
def stream(channel, fresh):
    """A stream of three messages."""
    name = fresh("stream")
    channel.queue_declare(name, durable=True, arguments=STREAM)
    channel.confirm_delivery()
    publish(channel, name, b"0", b"1", b"2")
    return name


def read(channel, stream, count, offset):
    """The offsets and bodies of the next messages from somewhere on."""
    seen = []
    for method, properties, body in channel.consume(
        stream, arguments={"x-stream-offset": offset}, inactivity_timeout=20
    ):
        assert method is not None, f"{len(seen)} of {count} in time"
        assert not method.redelivered
        seen.append((int(properties.headers["x-stream-offset"]), body))
        channel.basic_ack(method.delivery_tag)
        if len(seen) == count:
            channel.cancel()
            return seen


def test_a_stream_is_read_again_and_again(connect, stream):
    for _ in range(2):
        channel = connect().channel()
        channel.basic_qos(prefetch_count=10)
        assert read(channel, stream, 3, "first") == [(0, b"0"), (1, b"1"), (2, b"2")]


def test_a_consumer_begins_where_it_wants(connect, channel, stream):
    reader = connect().channel()
    reader.basic_qos(prefetch_count=10)
    assert read(reader, stream, 1, 2) == [(2, b"2")]
    reader.basic_consume(
        stream, lambda *message: seen.append(message), arguments={"x-stream-offset": "next"}
    )
    seen = []
    publish(channel, stream, b"3")
    while not seen:
        reader.connection.process_data_events(1)
    assert seen[0][3] == b"3"


def test_the_prefetch_bounds_what_is_not_acknowledged(connect, stream):
    channel = connect().channel()
    channel.basic_qos(prefetch_count=2)
    seen = []
    channel.basic_consume(
        stream,
        lambda _channel, method, _properties, body: seen.append((method.delivery_tag, body)),
        arguments={"x-stream-offset": "first"},
    )
    while len(seen) < 2:
        channel.connection.process_data_events(1)
    channel.connection.process_data_events(0.5)
    assert [body for _, body in seen] == [b"0", b"1"]
    channel.basic_ack(seen[0][0])
    while len(seen) < 3:
        channel.connection.process_data_events(1)


def test_a_stream_is_declared_again_with_what_it_was_declared_with(channel, stream):
    channel.queue_declare(stream, durable=True, arguments=STREAM)
    channel.queue_declare(stream, passive=True)


@pytest.mark.parametrize(
    "arguments, why",
    [
        ({"x-message-ttl": 5}, "of queue type rabbit_stream_queue"),
        ({"x-max-age": "7x"}, "invalid_max_age"),
        ({"x-max-age": 7}, "{unacceptable_type,signedint}"),
        ({"x-max-length-bytes": -7}, "{value_negative,-7}"),
    ],
)
def test_arguments_that_streams_do_not_have(connect, fresh, arguments, why):
    channel = connect().channel()
    name = fresh("stream")
    code, text = refused(
        channel,
        lambda c: c.queue_declare(name, durable=True, arguments=STREAM | arguments),
    )
    assert code == 406
    assert text.startswith("PRECONDITION_FAILED - invalid arg ") and text.endswith(why)


def test_a_stream_is_no_classic_queue(connect, stream):
    channel = connect().channel()
    code, text = refused(channel, lambda c: c.queue_declare(stream, durable=True))
    assert (code, text) == (
        406,
        f"PRECONDITION_FAILED - inequivalent arg 'x-queue-type' for queue '{stream}' in vhost '/': "
        "received 'classic' but current is 'stream'",
    )


def closed(connection, act):
    """What the connection is closed with by something that is not implemented."""
    with pytest.raises(pika.exceptions.ConnectionClosedByBroker) as refusal:
        act(connection.channel())
    assert refusal.value.reply_code == 540
    return refusal.value.reply_text


def test_what_streams_do_not_do_is_not_implemented(connect, stream):
    where = f"queue '{stream}' in vhost '/'"
    not_implemented = "NOT_IMPLEMENTED - {} not supported by stream queues " + where
    assert closed(connect(), lambda c: c.basic_get(stream)) == not_implemented.format("basic.get")
    assert closed(connect(), lambda c: c.queue_purge(stream)) == not_implemented.format(
        "queue.purge"
    )

    def consume(channel):
        channel.basic_qos(prefetch_count=1)
        channel.basic_consume(stream, print, auto_ack=True)

    assert closed(connect(), consume) == (
        f"NOT_IMPLEMENTED - automatic acknowledgement not supported by stream {where}"
    )


def test_a_consumer_of_a_stream_has_a_prefetch(connect, stream):
    channel = connect().channel()
    assert refused(channel, lambda c: c.basic_consume(stream, print)) == (
        406,
        f"PRECONDITION_FAILED - consumer prefetch count is not set for stream queue '{stream}' in "
        "vhost '/'",
    )


def test_an_offset_that_is_none_is_refused(connect, stream):
    channel = connect().channel()
    channel.basic_qos(prefetch_count=1)
    code, text = refused(
        channel,
        lambda c: c.basic_consume(stream, print, arguments={"x-stream-offset": "zzz"}),
    )
    assert code == 406
    assert text == (
        f"PRECONDITION_FAILED - invalid arg 'x-stream-offset' for queue '{stream}' in vhost '/': "
        '{invalid_stream_offset_arg,{longstr,<<"zzz">>}}'
    )
