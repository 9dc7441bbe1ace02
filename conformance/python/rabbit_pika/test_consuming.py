"""Consumers: prefetch, acknowledgements, what comes back, and when they end."""

import pytest

from eventually import eventually

from .messages import consume, publish, ready, wait_ready


def test_prefetch_bounds_what_is_unacknowledged(channel, connection, queue):
    publish(channel, queue, *(b"%d" % n for n in range(10)))
    channel.basic_qos(prefetch_count=3)
    seen = []
    channel.basic_consume(queue, lambda c, method, p, body: seen.append((method, body)))
    connection.process_data_events(1)
    assert [body for _, body in seen] == [b"0", b"1", b"2"]
    channel.basic_ack(seen[-1][0].delivery_tag, multiple=True)
    connection.process_data_events(1)
    assert [body for _, body in seen[3:]] == [b"3", b"4", b"5"]


# RabbitMQ 4.3 has given it up, and takes it for the prefetch of each consumer.
@pytest.mark.forebay
def test_global_prefetch_is_shared_by_the_channel(channel, connection, fresh):
    channel.basic_qos(prefetch_count=2, global_qos=True)
    seen = []
    for name in [fresh("first"), fresh("second")]:
        channel.queue_declare(name)
        publish(channel, name, b"a", b"b")
        channel.basic_consume(name, lambda c, method, p, body: seen.append(method))
    connection.process_data_events(1)
    assert len(seen) == 2
    channel.basic_ack(0, multiple=True)
    connection.process_data_events(1)
    assert len(seen) == 4


def test_requeued_messages_keep_their_place(channel, queue):
    publish(channel, queue, b"0", b"1", b"2", b"3", b"4")
    got = [channel.basic_get(queue)[0].delivery_tag for _ in range(3)]
    channel.basic_nack(got[-1], multiple=True, requeue=True)
    again = [channel.basic_get(queue) for _ in range(5)]
    assert [body for _, _, body in again] == [b"0", b"1", b"2", b"3", b"4"]
    assert [method.redelivered for method, _, _ in again] == [True] * 3 + [False] * 2


def test_rejected_messages_are_gone(channel, queue):
    publish(channel, queue, b"a", b"b")
    method, _, _ = channel.basic_get(queue)
    channel.basic_reject(method.delivery_tag, requeue=False)
    assert channel.basic_get(queue)[2] == b"b"


def test_no_ack(channel, queue):
    bodies = [b"%d" % n for n in range(3000)]
    publish(channel, queue, *bodies)
    found = consume(channel, queue, 3000, auto_ack=True)
    assert [body for _, _, body in found] == bodies
    channel.cancel()
    wait_ready(channel, queue, 0)


def test_recover(channel, queue):
    publish(channel, queue, b"a", b"b")
    channel.basic_get(queue)
    channel.basic_get(queue)
    assert ready(channel, queue) == 0
    channel.basic_recover(requeue=True)
    assert ready(channel, queue) == 2


def test_what_a_closed_connection_held_comes_back(connect, channel, queue):
    publish(channel, queue, b"a")
    other = connect()
    assert other.channel().basic_get(queue)[2] == b"a"
    assert ready(channel, queue) == 0
    other.close()
    assert ready(channel, queue) == 1


def test_consumer_is_told_that_its_queue_is_gone(channel, connection, connect, fresh):
    name = fresh("queue")
    channel.queue_declare(name)
    tag = channel.basic_consume(name, lambda *_: None)
    cancelled = []
    channel.add_on_cancel_callback(lambda frame: cancelled.append(frame.method.consumer_tag))
    connect().channel().queue_delete(name)

    def is_told():
        connection.process_data_events(0.1)
        return cancelled

    assert eventually(is_told) == [tag]
