"""Time to live, dead letters, priorities, lengths."""

import pika

from eventually import eventually

from .messages import publish, take, wait_ready


def declare(channel, fresh, **arguments):
    name = fresh("queue")
    named = {f"x-{key.replace('_', '-')}": value for key, value in arguments.items()}
    channel.queue_declare(name, durable=True, arguments=named)
    return name


def test_messages_expire(channel, fresh, queue):
    name = declare(channel, fresh, message_ttl=100)
    publish(channel, name, b"a")
    wait_ready(channel, name, 0)
    publish(channel, queue, b"b", properties=pika.BasicProperties(expiration="100"))
    wait_ready(channel, queue, 0)


def test_expired_messages_are_dead_lettered(channel, fresh, queue):
    arguments = {"dead_letter_exchange": "", "dead_letter_routing_key": queue}
    name = declare(channel, fresh, **arguments)
    sent = pika.BasicProperties(expiration="50", headers={"mine": 1})
    publish(channel, name, b"dead", properties=sent)
    wait_ready(channel, queue, 1)
    method, properties, body = channel.basic_get(queue)
    assert (body, method.routing_key) == (b"dead", queue)
    assert properties.expiration is None
    assert properties.headers["mine"] == 1
    assert properties.headers["x-first-death-queue"] == name
    assert properties.headers["x-first-death-reason"] == "expired"
    [death] = properties.headers["x-death"]
    assert death["count"] == 1
    assert death["queue"] == name
    assert death["reason"] == "expired"
    assert death["exchange"] == ""
    assert death["routing-keys"] == [name]
    assert death["original-expiration"] == "50"


def test_rejected_messages_are_dead_lettered_through_an_exchange(channel, fresh, queue):
    exchange = fresh("dlx")
    channel.exchange_declare(exchange, "fanout")
    channel.queue_bind(queue, exchange)
    name = declare(channel, fresh, dead_letter_exchange=exchange)
    publish(channel, name, b"poison")
    method, _, _ = channel.basic_get(name)
    channel.basic_nack(method.delivery_tag, requeue=False)
    wait_ready(channel, queue, 1)
    method, properties, body = channel.basic_get(queue)
    assert (body, method.exchange, method.routing_key) == (b"poison", exchange, name)
    assert properties.headers["x-death"][0]["reason"] == "rejected"


def test_priorities(channel, fresh):
    name = declare(channel, fresh, max_priority=5)
    for priority in [1, 5, 3, 9]:
        properties = pika.BasicProperties(priority=priority)
        publish(channel, name, b"%d" % priority, properties=properties)
    assert take(channel, name) == [b"5", b"9", b"3", b"1"]


def test_longest_queue_drops_its_head(channel, fresh):
    name = declare(channel, fresh, max_length=2)
    publish(channel, name, b"a", b"b", b"c")
    assert take(channel, name) == [b"b", b"c"]


def test_quorum_queue_gives_up_on_a_message(channel, fresh, queue):
    name = declare(
        channel,
        fresh,
        queue_type="quorum",
        delivery_limit=1,
        dead_letter_exchange="",
        dead_letter_routing_key=queue,
    )
    publish(channel, name, b"poison")
    for _ in range(2):
        # RabbitMQ puts it back in its own time.
        method = eventually(lambda: channel.basic_get(name)[0], what="the message")
        channel.basic_reject(method.delivery_tag, requeue=True)
    wait_ready(channel, queue, 1)
    _, properties, _ = channel.basic_get(queue)
    assert properties.headers["x-death"][0]["reason"] == "delivery_limit"
