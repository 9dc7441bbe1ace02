"""FIFO queues: a message is taken once in five minutes."""

import hashlib
import os
import time

import pytest
from eventually import eventually

from .messages import (
    bodies, counts, delete, receive, refused, send, set_attributes, take, take_one,
)


def sha256(body):
    return hashlib.sha256(body.encode()).hexdigest()


@pytest.fixture
def by_id(create_queue):
    """A FIFO queue that wants an id."""
    return create_queue(fifo=True)


@pytest.fixture
def by_group(create_queue):
    """A FIFO queue whose groups have ids of their own."""
    return create_queue(fifo=True, DeduplicationScope="messageGroup")


def send_as(sqs, queue, identity, *texts, group="g"):
    return send(sqs, queue, *texts, MessageGroupId=group, MessageDeduplicationId=identity)


def test_an_id_is_needed(sqs, by_id):
    """API_SendMessage, MessageDeduplicationId: without it and without ContentBasedDeduplication
    "the action fails with an error"."""
    with refused("InvalidParameterValue", status=400):
        send(sqs, by_id, "a", MessageGroupId="g")


def test_a_duplicate_is_accepted_and_not_delivered(sqs, by_id):
    """guide: FIFO-queues-exactly-once-processing: "accepted successfully but aren't delivered"."""
    first, second, third = send_as(sqs, by_id, "d", "a", "another body", "a")
    assert first["MessageId"] == second["MessageId"] == third["MessageId"]
    assert first["SequenceNumber"] == second["SequenceNumber"]
    assert bodies(take(sqs, by_id, 1)) == ["a"]
    assert receive(sqs, by_id, WaitTimeSeconds=1) == []
    assert counts(sqs, by_id) == [0, 1, 0]


def test_ids_are_known_after_the_message_is_deleted(sqs, by_id):
    """API_SendMessage, MessageDeduplicationId: "continues to keep track of the message
    deduplication ID even after the message is received and deleted"."""
    send_as(sqs, by_id, "d", "a")
    delete(sqs, by_id, take_one(sqs, by_id))
    send_as(sqs, by_id, "d", "a")
    assert receive(sqs, by_id, WaitTimeSeconds=1) == []


def test_ids_are_of_the_whole_queue(sqs, by_id):
    """API_CreateQueue, DeduplicationScope: queue is the default."""
    send_as(sqs, by_id, "d", "a", group="g")
    send_as(sqs, by_id, "d", "b", group="h")
    assert bodies(take(sqs, by_id, 1)) == ["a"]
    assert receive(sqs, by_id, WaitTimeSeconds=1) == []


def test_ids_are_of_a_group_if_the_scope_is(sqs, by_group):
    """API_CreateQueue, DeduplicationScope: messageGroup."""
    send_as(sqs, by_group, "d", "a", group="g")
    send_as(sqs, by_group, "d", "b", "c", group="h")
    assert sorted(bodies(take(sqs, by_group, 2))) == ["a", "b"]
    assert receive(sqs, by_group, WaitTimeSeconds=1) == []


def test_ids_are_of_one_queue(sqs, by_id, create_queue):
    """guide: FIFO-queues-exactly-once-processing."""
    name = by_id.rsplit("/", 1)[1].removesuffix(".fifo") + "-2.fifo"
    other = create_queue(name=name, FifoQueue="true")
    send_as(sqs, by_id, "d", "a")
    send_as(sqs, other, "d", "a")
    assert bodies(take(sqs, by_id, 1) + take(sqs, other, 1)) == ["a", "a"]


def test_by_content(sqs, fifo):
    """API_CreateQueue, ContentBasedDeduplication: "a SHA-256 hash ... using the body of the message
    (but not the attributes of the message)"."""
    attribute = {"a": {"DataType": "String", "StringValue": "v"}}
    send(sqs, fifo, "a", "b", MessageGroupId="g")
    send(sqs, fifo, "a", MessageGroupId="h", MessageAttributes=attribute)
    found = take(sqs, fifo, 2)
    assert bodies(found) == ["a", "b"]
    assert found[0]["Attributes"]["MessageDeduplicationId"] == sha256("a")
    assert receive(sqs, fifo, WaitTimeSeconds=1) == []


def test_an_id_comes_before_the_content(sqs, fifo):
    """API_SendMessage: "your MessageDeduplicationId overrides the generated one"."""
    send_as(sqs, fifo, "one", "a")
    send_as(sqs, fifo, "two", "a")
    assert bodies(take(sqs, fifo, 2)) == ["a", "a"]


def test_an_id_that_is_the_hash_of_another_message(sqs, fifo):
    """API_SendMessage: "the same as the one generated for the first ... the two messages are
    treated as duplicates"."""
    send(sqs, fifo, "a", MessageGroupId="g")
    send_as(sqs, fifo, sha256("a"), "b")
    assert bodies(take(sqs, fifo, 1)) == ["a"]
    assert receive(sqs, fifo, WaitTimeSeconds=1) == []


def test_content_within_a_group(sqs, create_queue):
    """API_CreateQueue: DeduplicationScope and ContentBasedDeduplication together."""
    queue = create_queue(
        fifo=True, ContentBasedDeduplication="true", DeduplicationScope="messageGroup"
    )
    send(sqs, queue, "a", "a", MessageGroupId="g")
    send(sqs, queue, "a", MessageGroupId="h")
    assert bodies(take(sqs, queue, 2)) == ["a", "a"]
    assert receive(sqs, queue, WaitTimeSeconds=1) == []


def test_deduplication_by_content_is_switched(sqs, fifo):
    """API_SetQueueAttributes, ContentBasedDeduplication."""
    set_attributes(sqs, fifo, ContentBasedDeduplication="false")
    with refused("InvalidParameterValue"):
        send(sqs, fifo, "a", MessageGroupId="g")
    set_attributes(sqs, fifo, ContentBasedDeduplication="true")
    send(sqs, fifo, "a", MessageGroupId="g")
    assert bodies(take(sqs, fifo, 1)) == ["a"]


@pytest.mark.forebay
def test_purging_forgets_the_ids(sqs, by_id):
    """API_PurgeQueue does not say; SQS does so (LocalStack:
    purge_queue_clears_fifo_deduplication_cache)."""
    send_as(sqs, by_id, "d", "a")
    sqs.purge_queue(QueueUrl=by_id)
    eventually(lambda: counts(sqs, by_id) == [0, 0, 0], what="an empty queue")
    send_as(sqs, by_id, "d", "b")
    assert bodies(take(sqs, by_id, 1)) == ["b"]


def test_a_duplicate_of_a_refused_message_is_none(sqs, by_id):
    """API_SendMessage: only what "is sent successfully" counts."""
    with refused("InvalidMessageContents"):
        send_as(sqs, by_id, "d", "a\x08b")
    send_as(sqs, by_id, "d", "a")
    assert bodies(take(sqs, by_id, 1)) == ["a"]


@pytest.mark.skipif(os.environ.get("SQS") != "full", reason="five minutes: with SQS=full")
def test_five_minutes(sqs, by_id):
    """API_SendMessage, MessageDeduplicationId: "the 5-minute deduplication interval", from the
    first send on, whatever is sent again meanwhile."""
    began = time.monotonic()
    [first] = send_as(sqs, by_id, "d", "first")
    eventually(lambda: time.monotonic() - began > 285, 300, every=5)
    [second] = send_as(sqs, by_id, "d", "second")
    assert second["MessageId"] == first["MessageId"]
    eventually(lambda: time.monotonic() - began > 303, 60, every=1)
    [third] = send_as(sqs, by_id, "d", "third")
    assert third["MessageId"] != first["MessageId"]
    assert bodies(take(sqs, by_id, 2)) == ["first", "third"]
