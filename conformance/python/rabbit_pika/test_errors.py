"""What is refused, and how: codes and texts are RabbitMQ's."""

import pika
import pytest


def refused(channel, act):
    with pytest.raises(pika.exceptions.ChannelClosedByBroker) as refusal:
        act(channel)
    return refusal.value.reply_code, refusal.value.reply_text


def test_missing_queue(connection):
    expected = (404, "NOT_FOUND - no queue 'nope' in vhost '/'")
    assert refused(connection.channel(), lambda c: c.basic_get("nope")) == expected
    assert refused(connection.channel(), lambda c: c.queue_purge("nope")) == expected
    consume = refused(connection.channel(), lambda c: c.basic_consume("nope", lambda *_: None))
    assert consume == expected
    assert connection.is_open


def test_declaring_again_otherwise(connection, queue):
    code, text = refused(connection.channel(), lambda c: c.queue_declare(queue, durable=False))
    assert code == 406
    assert text == (
        f"PRECONDITION_FAILED - inequivalent arg 'durable' for queue '{queue}' in vhost '/': "
        "received 'false' but current is 'true'"
    )
    arguments = {"x-message-ttl": 1000}
    code, text = refused(
        connection.channel(),
        lambda c: c.queue_declare(queue, durable=True, arguments=arguments),
    )
    assert code == 406
    assert "inequivalent arg 'x-message-ttl'" in text
    assert text.endswith("received the value '1000' of type 'signedint' but current is none")


def test_exchange_of_another_or_no_type(connection, fresh):
    name = fresh("exchange")
    connection.channel().exchange_declare(name, "direct")
    code, text = refused(connection.channel(), lambda c: c.exchange_declare(name, "fanout"))
    assert (code, "inequivalent arg 'type'" in text) == (406, True)
    code, text = refused(connection.channel(), lambda c: c.exchange_declare(name, "bogus"))
    assert (code, text) == (406, "PRECONDITION_FAILED - unknown exchange type 'bogus'")


def test_unknown_delivery_tag(connection, queue):
    channel = connection.channel()
    channel.basic_ack(99)
    code, text = refused(channel, lambda c: c.queue_declare(queue, passive=True))
    assert (code, text) == (406, "PRECONDITION_FAILED - unknown delivery tag 99")


def test_invalid_arguments(connection, fresh):
    name = fresh("queue")
    for arguments, why in [
        ({"x-message-ttl": -1}, "{value_negative,-1}"),
        ({"x-expires": 0}, "{value_zero,0}"),
        ({"x-overflow": "zzz"}, "invalid_overflow"),
        ({"x-dead-letter-routing-key": "k"}, "routing_key_but_no_dlx_defined"),
    ]:
        declare = lambda c: c.queue_declare(name, arguments=arguments)  # noqa: E731
        code, text = refused(connection.channel(), declare)
        assert code == 406
        assert text.endswith(f"for queue '{name}' in vhost '/': {why}"), text


def test_connection_error_ends_the_connection(connect):
    connection = connect()
    channel = connection.channel()
    with pytest.raises(pika.exceptions.ConnectionClosedByBroker) as closed:
        channel.basic_qos(prefetch_size=10)
    assert closed.value.reply_code == 540
    assert connect().is_open


def test_wrong_password_and_unknown_vhost(connection):
    good = connection._impl.params
    wrong = pika.ConnectionParameters(
        good.host, good.port, credentials=pika.PlainCredentials("guest", "wrong")
    )
    with pytest.raises(pika.exceptions.ProbableAuthenticationError):
        pika.BlockingConnection(wrong)
    elsewhere = pika.ConnectionParameters(good.host, good.port, virtual_host="other")
    with pytest.raises(pika.exceptions.AMQPConnectionError):
        pika.BlockingConnection(elsewhere)
