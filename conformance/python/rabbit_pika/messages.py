"""Publishing, and looking into queues."""

import pika

from eventually import eventually

PERSISTENT = pika.BasicProperties(delivery_mode=2)


def publish(channel, queue, *bodies, properties=PERSISTENT, exchange=""):
    for body in bodies:
        channel.basic_publish(exchange, queue, body, properties)


def ready(channel, queue):
    return channel.queue_declare(queue, passive=True).method.message_count


def wait_ready(channel, queue, count):
    eventually(lambda: ready(channel, queue) == count, what=f"{count} messages in {queue}")


def take(channel, queue):
    """Takes and acknowledges everything that is ready; answers the bodies."""
    bodies = []
    while True:
        method, _, body = channel.basic_get(queue, auto_ack=True)
        if method is None:
            return bodies
        bodies.append(body)


def consume(channel, queue, count, **arguments):
    """The next messages: (method, properties, body) each. The consumer is left."""
    messages = []
    for message in channel.consume(queue, inactivity_timeout=10, **arguments):
        assert message[0] is not None, f"{len(messages)} of {count} in time"
        messages.append(message)
        if len(messages) == count:
            return messages
