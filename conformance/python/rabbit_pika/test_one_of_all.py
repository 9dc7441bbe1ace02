"""Exchanges that give each message to one of their queues."""

import pytest

from .messages import publish, take
from .test_errors import refused


def spread(channel, fresh, kind, keys):
    """Publishes under keys to ten queues; answers how many each has got, by queue."""
    exchange = fresh("exchange")
    channel.exchange_declare(exchange, kind)
    queues = [channel.queue_declare("", exclusive=True).method.queue for _ in range(10)]
    for queue in queues:
        channel.queue_bind(queue, exchange, "")
    channel.confirm_delivery()
    for key in keys:
        publish(channel, key, b"%s" % key.encode(), exchange=exchange)
    return [take(channel, queue) for queue in queues]


@pytest.mark.parametrize("kind", ["x-random", "x-local-random"])
def test_by_lot(channel, fresh, kind):
    got = spread(channel, fresh, kind, ["same"] * 500)
    assert sum(map(len, got)) == 500
    assert all(20 <= len(bodies) <= 90 for bodies in got), got


def test_by_key(channel, fresh):
    keys = [f"key-{n}" for n in range(200)]
    got = spread(channel, fresh, "x-modulus-hash", keys * 2)
    assert sum(map(len, got)) == 400
    # Each key goes to one queue, and all queues get some.
    assert all(sorted(bodies) == sorted(2 * list(set(bodies))) for bodies in got)
    assert all(got)


def test_local_random_bindings_have_no_key(connection, channel, fresh, queue):
    exchange = fresh("exchange")
    channel.exchange_declare(exchange, "x-local-random")
    code, text = refused(connection.channel(), lambda c: c.queue_bind(queue, exchange, "k"))
    why = "Non empty binding 'k' key not permitted"
    assert (code, text) == (406, f"PRECONDITION_FAILED - {why}")
