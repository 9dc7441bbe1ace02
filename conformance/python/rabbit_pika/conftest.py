"""What all cases with pika share: connections that end with the case, and names."""

import os

import pika
import pytest

# Nothing takes longer than this but a broker that hangs.
PATIENCE = 20


def connect_to(address, user="guest", password="guest", vhost="/"):
    host, port = address.rsplit(":", 1)
    return pika.BlockingConnection(
        pika.ConnectionParameters(
            host,
            int(port),
            vhost,
            pika.PlainCredentials(user, password),
            heartbeat=30,
            socket_timeout=PATIENCE,
            blocked_connection_timeout=PATIENCE,
        )
    )


@pytest.fixture
def connect():
    """Opens connections to the broker, and closes those that are left."""
    opened = []

    def connect(**where):
        opened.append(connect_to(os.environ["BROKER_AMQP"], **where))
        return opened[-1]

    yield connect
    for connection in opened:
        if connection.is_open:
            connection.close()


@pytest.fixture
def connection(connect):
    return connect()


@pytest.fixture
def channel(connection):
    return connection.channel()


@pytest.fixture
def queue(channel, fresh):
    """An empty durable queue."""
    name = fresh("queue")
    channel.queue_declare(name, durable=True)
    return name
