"""Dead letters: where they go, and how they are sent back."""

import json

import pytest

from eventually import eventually

from .command import arn_of


@pytest.fixture
def dead(create_queue):
    return create_queue()


@pytest.fixture
def graveyard(aws, sqs, queue, dead):
    """graveyard("a", "b"): `queue`, whose messages of that name have died."""

    def bury(*bodies):
        # JSON in JSON, as the command's page has it.
        redrive = json.dumps({"deadLetterTargetArn": arn_of(dead), "maxReceiveCount": "1"})
        given = json.dumps({"RedrivePolicy": redrive})
        aws.sqs("set-queue-attributes", queue_url=queue, attributes=given)
        for body in bodies:
            sqs.send_message(QueueUrl=queue, MessageBody=body)
        taken = sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10, VisibilityTimeout=0)
        assert len(taken["Messages"]) == len(bodies)
        eventually(lambda: waiting(sqs, dead) == len(bodies), what="the dead")
        return queue

    return bury


def waiting(sqs, queue):
    name = "ApproximateNumberOfMessages"
    return int(sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=[name])["Attributes"][name])


def ended(aws, dead, status):
    """The only task of the queue, when it has come to that."""

    def look():
        (task,) = aws.sqs("list-message-move-tasks", source_arn=arn_of(dead))["Results"]
        return task if task["Status"] == status else None

    return eventually(look, what=f"a task that is {status}")


def test_the_dead_are_found_and_sent_back(aws, sqs, graveyard, dead):
    """sqs/set-queue-attributes, sqs/list-dead-letter-source-queues, sqs/start-message-move-task,
    sqs/list-message-move-tasks."""
    source = graveyard("m")
    assert aws.sqs("list-dead-letter-source-queues", queue_url=dead) == {"queueUrls": [source]}
    assert aws.sqs("start-message-move-task", source_arn=arn_of(dead))["TaskHandle"]
    task = ended(aws, dead, "COMPLETED")
    assert (task["ApproximateNumberOfMessagesMoved"], task["SourceArn"]) == (1, arn_of(dead))
    (got,) = sqs.receive_message(QueueUrl=source)["Messages"]
    assert got["Body"] == "m"


def test_a_task_is_cancelled(aws, sqs, graveyard, dead):
    """sqs/cancel-message-move-task: what was moved stays there, the rest where it is."""
    source, many = graveyard(*"abcdefghij"), 10
    started = aws.sqs(
        "start-message-move-task",
        source_arn=arn_of(dead),
        destination_arn=arn_of(source),
        max_number_of_messages_per_second="1",
    )
    cancelled = aws.sqs("cancel-message-move-task", task_handle=started["TaskHandle"])
    moved = ended(aws, dead, "CANCELLED")["ApproximateNumberOfMessagesMoved"]
    assert cancelled["ApproximateNumberOfMessagesMoved"] <= moved < many
    assert waiting(sqs, dead) == many - moved
    said = aws.refused("sqs", "cancel-message-move-task", task_handle=started["TaskHandle"])
    assert "when calling the CancelMessageMoveTask operation: Only active tasks can" in said
