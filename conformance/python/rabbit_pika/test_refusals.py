"""What RabbitMQ 4.3.6 says, word by word, of what it refuses, and what it takes after all."""

import pika
import pytest

from .messages import ready

LOCKED = (
    "RESOURCE_LOCKED - cannot obtain exclusive access to locked queue '{}' in vhost '/'. It could be "
    "originally declared on another connection or the exclusive property value does not match that of "
    "the original declaration."
)
INEQUIVALENT = "PRECONDITION_FAILED - inequivalent arg '{}' for queue '{{}}' in vhost '/': {}"
INVALID = "PRECONDITION_FAILED - invalid arg '{}' for queue '{{}}' in vhost '/': {}"


def refused(method, *arguments, **named):
    """The words that the channel is closed with."""
    with pytest.raises(pika.exceptions.ChannelClosedByBroker) as refusal:
        method(*arguments, **named)
    return refusal.value.reply_text


def of_type(queue_type):
    return {"x-queue-type": queue_type}


@pytest.mark.parametrize(
    "first, second, argument, versus",
    [
        (
            {"x-message-ttl": 5},
            {"x-message-ttl": 1000},
            "x-message-ttl",
            "received '1000' but current is '5'",
        ),
        (
            {"x-dead-letter-exchange": "a"},
            {"x-dead-letter-exchange": "b"},
            "x-dead-letter-exchange",
            "received 'b' but current is 'a'",
        ),
        (
            {"x-message-ttl": 5},
            {},
            "x-message-ttl",
            "received none but current is the value '5' of type 'signedint'",
        ),
        ({}, of_type("quorum"), "x-queue-type", "received 'quorum' but current is 'classic'"),
        (of_type("quorum"), {}, "x-queue-type", "received 'classic' but current is 'quorum'"),
    ],
)
def test_arguments_that_differ(channel, fresh, first, second, argument, versus):
    name = fresh("queue")
    channel.queue_declare(name, durable=True, arguments=first)
    said = refused(channel.queue_declare, name, durable=True, arguments=second)
    assert said == INEQUIVALENT.format(argument, versus).format(name)


def test_type_that_a_queue_has_anyway_may_be_named(channel, queue):
    channel.queue_declare(queue, durable=True, arguments=of_type("classic"))


def test_queue_that_is_not_exclusive_cannot_become_it(channel, queue):
    said = refused(channel.queue_declare, queue, durable=True, exclusive=True)
    words = LOCKED.format(queue)
    # As much as a short string holds.
    assert said == (words if len(words) <= 255 else words[:252] + "...")


def test_expiry_that_is_too_long(channel, fresh):
    name = fresh("queue")
    said = refused(channel.queue_declare, name, arguments={"x-message-ttl": 2**40})
    wrong = INVALID.format("x-message-ttl", "{{value_too_large,1099511627776}}")
    assert said == wrong.format(name)


def test_dead_letter_exchange_that_is_no_name(channel, fresh):
    name = fresh("queue")
    arguments = {"x-dead-letter-exchange": 1}
    said = refused(channel.queue_declare, name, arguments=arguments)
    wrong = "invalid type 'signedint' for arg 'x-dead-letter-exchange' in queue '{}' in vhost '/'"
    assert said == "PRECONDITION_FAILED - " + wrong.format(name)


def test_priority_of_a_consumer_that_is_no_number(channel, queue):
    said = refused(channel.basic_consume, queue, print, arguments={"x-priority": "a"})
    wrong = INVALID.format("x-priority", '"expected integer, got longstr"')
    assert said == wrong.format(queue)


def test_alternate_exchange_that_is_no_name(channel, fresh):
    name = fresh("exchange")
    arguments = {"alternate-exchange": 1}
    said = refused(channel.exchange_declare, name, "direct", arguments=arguments)
    wrong = "invalid type 'signedint' for arg 'alternate-exchange' in exchange '{}' in vhost '/'"
    assert said == "PRECONDITION_FAILED - " + wrong.format(name)


def test_default_exchange_cannot_be_asked_for(channel):
    said = refused(channel.exchange_declare, "", passive=True)
    assert said == "ACCESS_REFUSED - operation not permitted on the default exchange"


def test_missing_exchange_is_said_before_a_missing_queue(channel, fresh):
    queue, exchange = fresh("queue"), fresh("exchange")
    said = refused(channel.queue_bind, queue, exchange, "key")
    assert said == f"NOT_FOUND - no exchange '{exchange}' in vhost '/'"


def test_nobody_has_a_single_active_consumers_queue_alone(channel, fresh):
    name = fresh("queue")
    channel.queue_declare(name, durable=True, arguments={"x-single-active-consumer": True})
    said = refused(channel.basic_consume, name, print, exclusive=True)
    assert said == f"ACCESS_REFUSED - queue '{name}' in vhost '/' in exclusive use"


def test_copies_go_to_those_keys_that_are_text(channel, fresh, queue):
    headers = {"CC": [1, queue]}
    channel.confirm_delivery()
    channel.basic_publish("", fresh("nowhere"), b"", pika.BasicProperties(headers=headers))
    assert ready(channel, queue) == 1
