"""Message move tasks: the dead are sent back, or elsewhere."""

import base64
import json

import pytest
from eventually import eventually

from .messages import (
    arn, bodies, counts, delete, receive, refused, send, set_attributes, take, take_one,
)


@pytest.fixture
def dead(create_queue):
    return create_queue()


@pytest.fixture
def graveyard(sqs, create_queue, dead):
    """graveyard("a", "b") is a queue whose messages of that name have died."""

    def create(*texts):
        redrive = json.dumps({"deadLetterTargetArn": arn(sqs, dead), "maxReceiveCount": 1})
        queue = create_queue(VisibilityTimeout=1, RedrivePolicy=redrive)
        for text in texts:
            send(sqs, queue, text)
            take_one(sqs, queue)
        assert receive(sqs, queue, WaitTimeSeconds=2) == []
        return queue

    return create


def start(sqs, source, **parameters):
    return sqs.start_message_move_task(SourceArn=arn(sqs, source), **parameters)["TaskHandle"]


def tasks(sqs, source, **parameters):
    return sqs.list_message_move_tasks(SourceArn=arn(sqs, source), **parameters)["Results"]


def finished(sqs, source):
    """The latest task, when it is at its end."""

    def ended():
        [task] = tasks(sqs, source)
        return task if task["Status"] not in ("RUNNING", "CANCELLING") else None

    return eventually(ended, what="the end of the task")


def test_the_dead_go_back_to_where_they_came_from(sqs, graveyard, dead):
    """API_StartMessageMoveTask, DestinationArn: "If this field is left blank, the messages will be
    redriven back to their respective original source queues"."""
    one, other = graveyard("a", "b"), graveyard("c")
    start(sqs, dead)
    task = finished(sqs, dead)
    assert task["Status"] == "COMPLETED"
    assert task["SourceArn"] == arn(sqs, dead)
    assert task["ApproximateNumberOfMessagesMoved"] == 3
    assert task["ApproximateNumberOfMessagesToMove"] == 3
    assert task["StartedTimestamp"] > 1_700_000_000_000
    for absent in ["DestinationArn", "TaskHandle", "FailureReason", "MaxNumberOfMessagesPerSecond"]:
        assert absent not in task
    set_attributes(sqs, one, VisibilityTimeout=30)
    assert sorted(bodies(take(sqs, one, 2))) == ["a", "b"]
    assert bodies(take(sqs, other, 1)) == ["c"]
    eventually(lambda: counts(sqs, dead) == [0, 0, 0], what="an empty dead-letter queue")


def test_those_who_went_back_live_anew(sqs, graveyard, dead):
    """guide: sqs-configure-dead-letter-queue-redrive: "Redriven messages are considered new
    messages with a new messageId and enqueueTime", and with a new receive count."""
    queue = graveyard("a")
    before = take_one(sqs, dead, VisibilityTimeout=0)
    start(sqs, dead)
    assert finished(sqs, dead)["Status"] == "COMPLETED"
    message = take_one(sqs, queue)
    assert message["Attributes"]["ApproximateReceiveCount"] == "1"
    assert "DeadLetterQueueSourceArn" not in message["Attributes"]
    assert int(message["Attributes"]["SentTimestamp"]) > int(before["Attributes"]["SentTimestamp"])


def test_the_dead_go_elsewhere(sqs, graveyard, dead, create_queue):
    """API_StartMessageMoveTask, DestinationArn."""
    source = graveyard("a", "b")
    elsewhere = create_queue()
    start(sqs, dead, DestinationArn=arn(sqs, elsewhere))
    task = finished(sqs, dead)
    assert (task["Status"], task["DestinationArn"]) == ("COMPLETED", arn(sqs, elsewhere))
    assert sorted(bodies(take(sqs, elsewhere, 2))) == ["a", "b"]
    assert receive(sqs, source, WaitTimeSeconds=1) == []


def test_attributes_are_moved_with_the_message(sqs, graveyard, dead):
    """API_StartMessageMoveTask: the message, whole."""
    queue = graveyard()
    own = {"a": {"DataType": "Binary", "BinaryValue": b"\x00\xff"}}
    send(sqs, queue, "a", MessageAttributes=own)
    take_one(sqs, queue)
    assert receive(sqs, queue, WaitTimeSeconds=2) == []
    start(sqs, dead)
    finished(sqs, dead)
    assert take_one(sqs, queue, MessageAttributeNames=["All"])["MessageAttributes"] == own


def test_the_rate_is_limited(sqs, graveyard, dead):
    """API_StartMessageMoveTask, MaxNumberOfMessagesPerSecond; TaskHandle "is only populated for
    tasks that are in RUNNING status"."""
    graveyard(*map(str, range(6)))
    handle = start(sqs, dead, MaxNumberOfMessagesPerSecond=1)
    [task] = tasks(sqs, dead)
    assert (task["Status"], task["TaskHandle"]) == ("RUNNING", handle)
    assert task["MaxNumberOfMessagesPerSecond"] == 1
    task = finished(sqs, dead)
    assert task["ApproximateNumberOfMessagesMoved"] == 6


def test_one_task_at_a_time(sqs, graveyard, dead):
    """API_StartMessageMoveTask: "Only one active message movement task is supported per queue"."""
    graveyard(*map(str, range(5)))
    handle = start(sqs, dead, MaxNumberOfMessagesPerSecond=1)
    with refused("InvalidParameterValue", "AWS.SimpleQueueService.UnsupportedOperation"):
        start(sqs, dead)
    sqs.cancel_message_move_task(TaskHandle=handle)


def test_tasks_are_cancelled(sqs, graveyard, dead):
    """API_CancelMessageMoveTask: what was moved stays moved."""
    queue = graveyard(*map(str, range(8)))
    set_attributes(sqs, queue, VisibilityTimeout=30)
    handle = start(sqs, dead, MaxNumberOfMessagesPerSecond=1)
    eventually(lambda: tasks(sqs, dead)[0]["ApproximateNumberOfMessagesMoved"] >= 1, what="one")
    moved = sqs.cancel_message_move_task(TaskHandle=handle)["ApproximateNumberOfMessagesMoved"]
    task = finished(sqs, dead)
    assert task["Status"] == "CANCELLED"
    assert 1 <= moved <= task["ApproximateNumberOfMessagesMoved"] < 8
    moved = task["ApproximateNumberOfMessagesMoved"]
    assert len(take(sqs, queue, moved)) == moved
    assert receive(sqs, queue, WaitTimeSeconds=1) == []
    assert counts(sqs, dead)[0] == 8 - moved
    with refused("ResourceNotFoundException", "InvalidParameterValue",
                 "AWS.SimpleQueueService.UnsupportedOperation"):
        sqs.cancel_message_move_task(TaskHandle=handle)


def test_the_latest_tasks_are_listed(sqs, graveyard, dead):
    """API_ListMessageMoveTasks, MaxResults: 1 by default, up to 10; the most recent first."""
    queue = graveyard("a")
    for count in range(3):
        start(sqs, dead)
        eventually(
            lambda: all(t["Status"] == "COMPLETED" for t in tasks(sqs, dead, MaxResults=10)),
            what="the end of the task",
        )
        assert len(tasks(sqs, dead, MaxResults=10)) == count + 1
    listed = tasks(sqs, dead, MaxResults=10)
    assert [task["ApproximateNumberOfMessagesMoved"] for task in listed] == [0, 0, 1]
    assert tasks(sqs, dead) == listed[:1]
    for results in [0, 11]:
        with refused("InvalidParameterValue", status=400):
            tasks(sqs, dead, MaxResults=results)
    delete(sqs, queue, take_one(sqs, queue))


def test_the_source_is_a_dead_letter_queue(sqs, queue):
    """API_StartMessageMoveTask, SourceArn: "only ARNs of dead-letter queues"."""
    with refused("InvalidParameterValue", status=400):
        start(sqs, queue)


def test_queues_that_are_not_there(sqs, graveyard, dead):
    """API_StartMessageMoveTask: ResourceNotFoundException."""
    graveyard()
    there = arn(sqs, dead)
    with refused("ResourceNotFoundException", status=404):
        sqs.start_message_move_task(SourceArn=f"{there}-not")
    with refused("ResourceNotFoundException", status=404):
        sqs.start_message_move_task(SourceArn=there, DestinationArn=f"{there}-not")
    with refused("ResourceNotFoundException", status=404):
        sqs.list_message_move_tasks(SourceArn=f"{there}-not")


@pytest.mark.parametrize("rate", [0, -1, 501])
def test_limits_of_the_rate(sqs, graveyard, dead, rate):
    """API_StartMessageMoveTask, MaxNumberOfMessagesPerSecond: "The maximum value is 500"."""
    graveyard()
    with refused("InvalidParameterValue", status=400):
        start(sqs, dead, MaxNumberOfMessagesPerSecond=rate)


def test_handles_of_no_task(sqs, graveyard, dead):
    """API_CancelMessageMoveTask: ResourceNotFoundException, or no handle at all."""
    graveyard("a")
    with refused("InvalidParameterValue", status=400):
        sqs.cancel_message_move_task(TaskHandle="garbage")
    start(sqs, dead)
    finished(sqs, dead)
    made_up = json.dumps({"taskId": "00000000-0000-0000-0000-000000000000",
                          "sourceArn": arn(sqs, dead)})
    handle = base64.b64encode(made_up.encode()).decode()
    with refused("ResourceNotFoundException", "InvalidParameterValue"):
        sqs.cancel_message_move_task(TaskHandle=handle)


def test_a_destination_that_is_deleted(sqs, graveyard, dead, create_queue):
    """API_ListMessageMoveTasks: FAILED with a FailureReason; what is left stays where it was."""
    graveyard(*map(str, range(6)))
    elsewhere = create_queue()
    start(sqs, dead, DestinationArn=arn(sqs, elsewhere), MaxNumberOfMessagesPerSecond=1)
    eventually(lambda: tasks(sqs, dead)[0]["ApproximateNumberOfMessagesMoved"] >= 1, what="one")
    sqs.delete_queue(QueueUrl=elsewhere)
    task = finished(sqs, dead)
    assert task["Status"] == "FAILED"
    assert task["FailureReason"] == "AWS.SimpleQueueService.NonExistentQueue"
    assert counts(sqs, dead)[0] == 6 - task["ApproximateNumberOfMessagesMoved"]
