"""Delays, retention and purging."""

import pytest
from eventually import eventually

from .messages import (
    NO_QUEUE, bodies, change, counts, delete, pause, receive, refused, send, set_attributes, take,
    take_one,
)


def test_messages_are_delayed(sqs, queue):
    """guide: sqs-message-timers."""
    send(sqs, queue, "later", DelaySeconds=2)
    send(sqs, queue, "now")
    assert bodies(take(sqs, queue, 1)) == ["now"]
    assert receive(sqs, queue) == []
    assert counts(sqs, queue) == [0, 1, 1]
    assert bodies(take(sqs, queue, 1)) == ["later"]


def test_queues_delay_their_messages(sqs, create_queue):
    """guide: sqs-delay-queues."""
    queue = create_queue(DelaySeconds=2)
    send(sqs, queue, "a")
    assert receive(sqs, queue) == []
    assert counts(sqs, queue) == [0, 0, 1]
    assert bodies(take(sqs, queue, 1)) == ["a"]


def test_a_delay_of_zero_overrides_the_queues(sqs, create_queue):
    """API_SendMessage, DelaySeconds: the queue's is "the default value"."""
    queue = create_queue(DelaySeconds=900)
    send(sqs, queue, "late")
    send(sqs, queue, "now", DelaySeconds=0)
    assert bodies(take(sqs, queue, 1)) == ["now"]
    assert receive(sqs, queue, WaitTimeSeconds=1) == []


@pytest.mark.parametrize("seconds", [-1, 901])
def test_limits_of_delays(sqs, queue, seconds):
    """API_SendMessage, DelaySeconds: 0 to 900."""
    with refused("InvalidParameterValue", status=400):
        send(sqs, queue, "a", DelaySeconds=seconds)


def test_a_new_delay_is_for_what_is_sent_then(sqs, create_queue):
    """guide: sqs-delay-queues: "For standard queues, the per-queue delay setting is not
    retroactive"."""
    queue = create_queue(DelaySeconds=900)
    send(sqs, queue, "before")
    set_attributes(sqs, queue, DelaySeconds=0)
    send(sqs, queue, "after")
    assert bodies(take(sqs, queue, 1)) == ["after"]
    assert receive(sqs, queue, WaitTimeSeconds=1) == []


def test_fifo_queues_know_no_delay_of_a_message(sqs, fifo):
    """API_SendMessage, DelaySeconds: "When you set FifoQueue, you can't set DelaySeconds per
    message"; 0 is none."""
    with refused("InvalidParameterValue", status=400):
        send(sqs, fifo, "a", MessageGroupId="g", DelaySeconds=2)
    send(sqs, fifo, "b", MessageGroupId="g", DelaySeconds=0)
    assert bodies(take(sqs, fifo, 1)) == ["b"]


def test_fifo_queues_delay_their_messages(sqs, create_queue):
    """guide: sqs-delay-queues; a delay of 0 falls back to the queue's."""
    queue = create_queue(fifo=True, ContentBasedDeduplication="true", DelaySeconds=2)
    send(sqs, queue, "a", MessageGroupId="g")
    send(sqs, queue, "b", MessageGroupId="g", DelaySeconds=0)
    assert receive(sqs, queue) == []
    # Both are due, or the first would keep the second back.
    pause(2.5)
    assert bodies(take(sqs, queue, 2)) == ["a", "b"]


def test_a_new_delay_of_a_fifo_queue_is_for_all(sqs, create_queue):
    """guide: sqs-delay-queues: "For FIFO queues, the per-queue delay setting is retroactive"."""
    queue = create_queue(fifo=True, ContentBasedDeduplication="true", DelaySeconds=900)
    send(sqs, queue, "a", MessageGroupId="g")
    set_attributes(sqs, queue, DelaySeconds=0)
    assert bodies(take(sqs, queue, 1)) == ["a"]


def test_a_new_delay_of_a_standard_queue_is_for_what_comes(sqs, create_queue):
    """guide: sqs-delay-queues: "For standard queues, the per-queue delay setting is not retroactive"."""
    queue = create_queue(DelaySeconds=900)
    send(sqs, queue, "a")
    set_attributes(sqs, queue, DelaySeconds=0)
    send(sqs, queue, "b")
    assert bodies(take(sqs, queue, 1)) == ["b"]
    assert counts(sqs, queue) == [0, 1, 1]


@pytest.mark.slow
def test_messages_expire(sqs, create_queue):
    """API_SetQueueAttributes, MessageRetentionPeriod: 60 seconds at least; ready, delayed and in
    flight. "When you change a queue's attributes ... MessageRetentionPeriod ... will impact the
    existing messages in the queue"."""
    expiring = {"MessageRetentionPeriod": 60}
    queues = [create_queue(**expiring) for _ in range(2)]
    later = create_queue()
    grouped = create_queue(fifo=True, ContentBasedDeduplication="true", **expiring)
    ready, in_flight = queues
    for queue in [*queues, later]:
        send(sqs, queue, "a")
    send(sqs, ready, "delayed", DelaySeconds=50)
    send(sqs, grouped, "a", "b", MessageGroupId="g")
    message = take_one(sqs, in_flight, VisibilityTimeout=600)
    take_one(sqs, grouped, VisibilityTimeout=1)
    pause(55)
    # Not one of them before its time.
    assert counts(sqs, in_flight) == [0, 1, 0]
    assert counts(sqs, grouped) == [2, 0, 0]
    set_attributes(sqs, later, MessageRetentionPeriod=60)
    pause(10)
    for queue in [*queues, later, grouped]:
        assert receive(sqs, queue, WaitTimeSeconds=1) == []
    for queue in [ready, later, grouped]:
        eventually(lambda: counts(sqs, queue) == [0, 0, 0], 20, what=f"{queue} is empty")
    # What somebody still has does not come back.
    try:
        change(sqs, in_flight, message, 0)
    except sqs.exceptions.ClientError:
        pass  # It is gone already.
    assert receive(sqs, in_flight, WaitTimeSeconds=1) == []
    # To delete what has expired is not wrong.
    delete(sqs, in_flight, message)


def test_purging(sqs, queue):
    """API_PurgeQueue: "Deletes available messages in a queue (including in-flight messages)"; the
    delayed, too."""
    send(sqs, queue, "ready", "in flight")
    send(sqs, queue, "delayed", DelaySeconds=2)
    take_one(sqs, queue, VisibilityTimeout=2)
    sqs.purge_queue(QueueUrl=queue)
    eventually(lambda: counts(sqs, queue) == [0, 0, 0], 60, what="an empty queue")
    assert receive(sqs, queue, WaitTimeSeconds=3) == []
    send(sqs, queue, "after")
    assert bodies(take(sqs, queue, 1)) == ["after"]


def test_handles_of_purged_messages(sqs, queue):
    """API_DeleteMessage: what is gone may be deleted."""
    send(sqs, queue, "a")
    message = take_one(sqs, queue)
    sqs.purge_queue(QueueUrl=queue)
    eventually(lambda: counts(sqs, queue) == [0, 0, 0], 60, what="an empty queue")
    delete(sqs, queue, message)


def test_one_purge_a_minute(sqs, queue, create_queue):
    """API_PurgeQueue: PurgeQueueInProgress within 60 seconds, of the same queue."""
    sqs.purge_queue(QueueUrl=queue)
    with refused("AWS.SimpleQueueService.PurgeQueueInProgress", status=403) as refusal:
        sqs.purge_queue(QueueUrl=queue)
    assert "60 seconds" in refusal.value.response["Error"]["Message"]
    other = create_queue(name=queue.rsplit("/", 1)[1] + "-other")
    sqs.purge_queue(QueueUrl=other)


def test_purging_what_is_not_there(sqs, queue):
    """API_PurgeQueue: QueueDoesNotExist."""
    with refused(NO_QUEUE, status=400):
        sqs.purge_queue(QueueUrl=f"{queue}-not")
