"""Direct reply-to: answers without a queue."""

import pika
import pytest

from eventually import eventually

from .test_errors import refused

REPLY_TO = "amq.rabbitmq.reply-to"
ASKING = pika.BasicProperties(reply_to=REPLY_TO, correlation_id="1")


def take_answers(channel):
    """Has answers come to a channel; they gather in what is returned."""
    answers = []
    channel.basic_consume(
        REPLY_TO, lambda _c, method, p, body: answers.append((method, p, body)), auto_ack=True
    )
    return answers


def wait_answers(channel, answers):
    def have_come():
        channel.connection.process_data_events(0.1)
        return answers

    return eventually(have_come, what="answers")


def asked(channel, queue):
    """Publishes a request. Answers the name that goes with it."""
    channel.basic_publish("", queue, b"request", ASKING)
    return eventually(lambda: channel.basic_get(queue, auto_ack=True)[1]).reply_to


def test_answers_come_to_the_channel_that_asked(connect, channel, queue):
    answers = take_answers(channel)
    name = asked(channel, queue)
    assert name.startswith(REPLY_TO + ".")
    other = connect().channel()
    other.confirm_delivery()
    declared = other.queue_declare(name, passive=True).method
    assert (declared.queue, declared.message_count, declared.consumer_count) == (name, 0, 1)
    properties = pika.BasicProperties(correlation_id="1", headers={"n": 1})
    other.basic_publish("", name, b"answer", properties, mandatory=True)
    [(method, properties, body)] = wait_answers(channel, answers)
    assert (method.exchange, method.routing_key, method.redelivered) == ("", name, False)
    assert (properties.correlation_id, properties.headers, body) == ("1", {"n": 1}, b"answer")


def test_an_answer_may_ask_back(connect, channel, queue):
    answers = take_answers(channel)
    other = connect()
    there = other.channel()
    asked_back = take_answers(there)
    there.basic_publish("", asked(channel, queue), b"and you?", ASKING)
    [(_, properties, _)] = wait_answers(channel, answers)
    channel.basic_publish("", properties.reply_to, b"well")
    assert [body for _, _, body in wait_answers(there, asked_back)] == [b"well"]


def test_copies_go_to_queues_and_to_who_asked(channel, queue):
    answers = take_answers(channel)
    name = asked(channel, queue)
    channel.basic_publish("", queue, b"both", pika.BasicProperties(headers={"CC": [name]}))
    [(method, _, body)] = wait_answers(channel, answers)
    assert (method.routing_key, body) == (queue, b"both")
    assert channel.basic_get(queue, auto_ack=True)[2] == b"both"


def test_unknown_names_are_returned(connect, channel, queue):
    take_answers(channel)
    name = asked(channel, queue)
    other = connect().channel()
    other.confirm_delivery()
    for unknown in [REPLY_TO, f"{REPLY_TO}.{'x' * 40}.yyyy"]:
        with pytest.raises(pika.exceptions.UnroutableError):
            other.basic_publish("", unknown, b"?", mandatory=True)
    # Only the default exchange knows the names.
    with pytest.raises(pika.exceptions.UnroutableError):
        other.basic_publish("amq.direct", name, b"?", mandatory=True)
    channel.close()
    code, text = refused(other, lambda c: c.queue_declare(name, passive=True))
    assert (code, text) == (404, f"NOT_FOUND - no queue '{name}' in vhost '/'")


def test_what_is_refused(connection, channel, queue):
    def consume(channel, auto_ack=True):
        channel.basic_consume(REPLY_TO, lambda *_: None, auto_ack=auto_ack)

    def twice(channel):
        consume(channel)
        consume(channel)

    def without_consumer(channel):
        channel.basic_publish("", queue, b"request", ASKING)
        channel.queue_declare(queue, passive=True)

    for act, why in [
        (lambda c: consume(c, auto_ack=False), "reply consumer cannot acknowledge"),
        (twice, "reply consumer already set"),
        (without_consumer, "fast reply consumer does not exist"),
    ]:
        code, text = refused(connection.channel(), act)
        assert (code, text) == (406, f"PRECONDITION_FAILED - {why}")
    take_answers(channel)
    name = asked(channel, queue)
    code, text = refused(connection.channel(), lambda c: c.queue_bind(name, "amq.fanout"))
    why = "cannot bind or unbind to a volatile (direct reply-to) queue"
    assert (code, text) == (403, f"ACCESS_REFUSED - {why}")
    consuming = lambda c: c.basic_consume(name, lambda *_: None, auto_ack=True)  # noqa: E731
    code, text = refused(connection.channel(), consuming)
    assert code == 406
    assert text.endswith(f"only creator channel may consume from queue '{name}' in vhost '/'")
