"""Streams: every consumer reads them from where it wants, and nothing is taken out. They are the same in every virtual
host."""

import pika
import pytest

from rabbit_management.each_virtual_host import connect, vhost  # noqa: F401

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
        ({"x-max-age": "0s"}, "invalid_max_age"),
        ({"x-max-age": "+1h"}, "invalid_max_age"),
        ({"x-single-active-consumer": True}, "of queue type rabbit_stream_queue"),
        ({"x-consumer-timeout": 10_000}, "of queue type rabbit_stream_queue"),
        ({"x-quorum-initial-group-size": 3}, "of queue type rabbit_stream_queue"),
        ({"x-max-in-memory-length": 3}, "of queue type rabbit_stream_queue"),
        ({"x-max-in-memory-bytes": 3}, "of queue type rabbit_stream_queue"),
        ({"x-queue-version": 2}, "of queue type rabbit_stream_queue"),
        ({"x-queue-master-locator": "min-masters"}, "of queue type rabbit_stream_queue"),
        ({"x-stream-filter-size-bytes": "16"}, '"expected integer, got longstr"'),
        ({"x-initial-cluster-size": 0}, "{value_zero,0}"),
        ({"x-initial-cluster-size": -1}, "{value_negative,-1}"),
        ({"x-queue-leader-locator": "zzz"}, "invalid_queue_locator_arg"),
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


@pytest.mark.parametrize(
    "arguments, text",
    [
        (
            {"x-stream-max-segment-size-bytes": 3_000_000_001},
            "Exceeded max value for x-stream-max-segment-size-bytes",
        ),
        ({"x-stream-filter-size-bytes": 15}, "Invalid value for x-stream-filter-size-bytes"),
        ({"x-stream-filter-size-bytes": 256}, "Invalid value for x-stream-filter-size-bytes"),
    ],
)
def test_sizes_that_are_none(connect, fresh, arguments, text):
    name = fresh("stream")
    said = refused(
        connect().channel(),
        lambda c: c.queue_declare(name, durable=True, arguments=STREAM | arguments),
    )
    assert said == (406, f"PRECONDITION_FAILED - {text}")


@pytest.mark.parametrize(
    "arguments",
    [
        {"x-max-age": "99999999999999999999Y"},
        {"x-stream-max-segment-size-bytes": 1},
        {"x-stream-max-segment-size-bytes": 3_000_000_000},
        {"x-stream-filter-size-bytes": 16, "x-initial-cluster-size": 3},
        {"x-queue-leader-locator": "balanced"},
        {"x-queue-leader-locator": "client-local"},
        {"x-queue-leader-locator": "random"},
        {"x-queue-leader-locator": "least-leaders"},
        {"x-unheard-of": True},
    ],
)
def test_arguments_that_streams_take(channel, fresh, arguments):
    name = fresh("stream")
    for _ in range(2):
        channel.queue_declare(name, durable=True, arguments=STREAM | arguments)


@pytest.mark.parametrize("kind", ["stream", "quorum"])
def test_only_classic_queues_are_named_by_the_broker(connect, kind):
    assert refused(
        connect().channel(),
        lambda c: c.queue_declare("", durable=True, arguments={"x-queue-type": kind}),
    ) == (
        406,
        f"PRECONDITION_FAILED - Cannot declare a server-named queue for type rabbit_{kind}_queue",
    )


def test_the_names_of_the_broker_are_not_for_streams(connect):
    assert refused(
        connect().channel(),
        lambda c: c.queue_declare("amq.stream", durable=True, arguments=STREAM),
    ) == (403, "ACCESS_REFUSED - queue name 'amq.stream' contains reserved prefix 'amq.*'")


def test_a_stream_may_be_called_anything(channel, fresh):
    name = fresh("a stream: ä/1")
    channel.queue_declare(name, durable=True, arguments=STREAM)
    channel.queue_bind(name, "amq.topic", "k")
    channel.confirm_delivery()
    publish(channel, name, b"0")
    channel.basic_publish("amq.topic", "k", b"1", mandatory=True)
    channel.basic_qos(prefetch_count=10)
    assert read(channel, name, 2, "first") == [(0, b"0"), (1, b"1")]
    channel.queue_delete(name)


def test_a_stream_is_bound_and_unbound(channel, stream):
    channel.queue_bind(stream, "amq.topic", "k.#")
    channel.basic_publish("amq.topic", "k.1", b"3", mandatory=True)
    channel.queue_unbind(stream, "amq.topic", "k.#")
    with pytest.raises(pika.exceptions.UnroutableError):
        channel.basic_publish("amq.topic", "k.1", b"4", mandatory=True)
    channel.basic_qos(prefetch_count=10)
    assert read(channel, stream, 2, 2) == [(2, b"2"), (3, b"3")]


def test_a_stream_that_was_deleted_is_not_there(connect, stream, vhost):
    channel = connect().channel()
    channel.queue_delete(stream)
    assert refused(channel, lambda c: c.queue_declare(stream, passive=True)) == (
        404,
        f"NOT_FOUND - no queue '{stream}' in vhost '{vhost}'",
    )


@pytest.mark.parametrize(
    "wanted, expected",
    [
        ({"x-stream-filter": "a"}, [b"a"]),
        ({"x-stream-filter": ["a", "b"]}, [b"a", b"b"]),
        ({"x-stream-filter": "zzz", "x-stream-match-unfiltered": True}, [b"of none"]),
        ({"x-stream-filter": "a", "x-stream-match-unfiltered": True}, [b"a", b"of none"]),
        ({"x-stream-filter": 5}, [b"a", b"b", b"of none"]),
    ],
)
def test_a_consumer_is_given_what_its_filter_says(channel, stream, wanted, expected):
    # Each is in a chunk of its own, since it is confirmed before the next.
    for value in ("a", "b"):
        headers = {"x-stream-filter-value": value}
        channel.basic_publish("", stream, value.encode(), pika.BasicProperties(headers=headers))
    publish(channel, stream, b"of none")
    channel.basic_qos(prefetch_count=1)
    seen = []

    def on_message(channel, method, _properties, body):
        seen.append(body)
        channel.basic_ack(method.delivery_tag)

    arguments = {"x-stream-offset": 3} | wanted
    channel.basic_consume(stream, on_message, arguments=arguments)
    while len(seen) < len(expected):
        channel.connection.process_data_events(1)
    channel.connection.process_data_events(0.3)
    assert seen == expected


def test_consumers_of_a_stream_have_no_priority(connect, stream, vhost):
    channel = connect().channel()
    channel.basic_qos(prefetch_count=1)
    assert refused(
        channel, lambda c: c.basic_consume(stream, print, arguments={"x-priority": 5})
    ) == (
        406,
        f"PRECONDITION_FAILED - invalid arg 'x-priority' for queue '{stream}' in vhost '{vhost}' "
        "of queue type rabbit_stream_queue",
    )


def test_a_stream_is_no_classic_queue(connect, stream, vhost):
    channel = connect().channel()
    code, text = refused(channel, lambda c: c.queue_declare(stream, durable=True))
    assert (code, text) == (
        406,
        f"PRECONDITION_FAILED - inequivalent arg 'x-queue-type' for queue '{stream}' in vhost '{vhost}': "
        "received 'classic' but current is 'stream'",
    )


def closed(connection, act):
    """What the connection is closed with by something that is not implemented."""
    with pytest.raises(pika.exceptions.ConnectionClosedByBroker) as refusal:
        act(connection.channel())
    assert refusal.value.reply_code == 540
    return refusal.value.reply_text


def test_what_streams_do_not_do_is_not_implemented(connect, stream, vhost):
    where = f"queue '{stream}' in vhost '{vhost}'"
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


def test_a_consumer_of_a_stream_has_a_prefetch(connect, stream, vhost):
    channel = connect().channel()
    assert refused(channel, lambda c: c.basic_consume(stream, print)) == (
        406,
        f"PRECONDITION_FAILED - consumer prefetch count is not set for stream queue '{stream}' in "
        f"vhost '{vhost}'",
    )


@pytest.mark.parametrize(
    "offset, shown", [("zzz", '<<"zzz">>'), ("0s", '<<"0s">>'), ("+1h", '<<"+1h">>'), ("", "<<>>")]
)
def test_an_offset_that_is_none_is_refused(connect, stream, vhost, offset, shown):
    channel = connect().channel()
    channel.basic_qos(prefetch_count=1)
    code, text = refused(
        channel,
        lambda c: c.basic_consume(stream, print, arguments={"x-stream-offset": offset}),
    )
    assert code == 406
    assert text == (
        f"PRECONDITION_FAILED - invalid arg 'x-stream-offset' for queue '{stream}' in vhost '{vhost}': "
        f"{{invalid_stream_offset_arg,{{longstr,{shown}}}}}"
    )
