"""Visibility time-outs and receipt handles of standard queues."""

import pytest

from .messages import (
    attributes, bodies, change, counts, delete, pause, receive, refused, send, set_attributes,
    take, take_one,
)


def test_a_received_message_is_hidden(sqs, create_queue):
    """guide: sqs-visibility-timeout; the queue's VisibilityTimeout."""
    queue = create_queue(VisibilityTimeout=2)
    send(sqs, queue, "a")
    take_one(sqs, queue)
    assert receive(sqs, queue) == []
    assert take_one(sqs, queue)["Attributes"]["ApproximateReceiveCount"] == "2"


def test_a_time_out_of_the_call_comes_before_the_queues(sqs, queue, create_queue):
    """API_ReceiveMessage, VisibilityTimeout."""
    send(sqs, queue, "a")
    first = take_one(sqs, queue, VisibilityTimeout=1)
    again = take_one(sqs, queue)
    assert again["MessageId"] == first["MessageId"]
    assert receive(sqs, queue, WaitTimeSeconds=1) == []


def test_a_time_out_of_zero_hides_nothing(sqs, queue):
    """API_ReceiveMessage, VisibilityTimeout: 0 to 43,200."""
    send(sqs, queue, "a")
    counted = [
        take_one(sqs, queue, VisibilityTimeout=0)["Attributes"]["ApproximateReceiveCount"]
        for _ in range(3)
    ]
    assert counted == ["1", "2", "3"]


def test_a_queues_new_time_out_is_for_what_is_received_then(sqs, queue):
    """guide: sqs-visibility-timeout: what is in flight keeps its time-out."""
    send(sqs, queue, "a", "b")
    take_one(sqs, queue)
    set_attributes(sqs, queue, VisibilityTimeout=1)
    second = take_one(sqs, queue)
    assert take_one(sqs, queue)["MessageId"] == second["MessageId"]


def test_deleted_messages_do_not_come_back(sqs, create_queue):
    """API_DeleteMessage."""
    queue = create_queue(VisibilityTimeout=1)
    send(sqs, queue, "a")
    delete(sqs, queue, take_one(sqs, queue))
    assert receive(sqs, queue, WaitTimeSeconds=2) == []
    assert counts(sqs, queue) == [0, 0, 0]


def test_time_outs_are_extended(sqs, queue):
    """API_ChangeMessageVisibility: counts from the call."""
    send(sqs, queue, "a")
    message = take_one(sqs, queue, VisibilityTimeout=2)
    change(sqs, queue, message, 600)
    assert receive(sqs, queue, WaitTimeSeconds=3) == []
    assert counts(sqs, queue) == [0, 1, 0]


def test_time_outs_are_shortened(sqs, queue):
    """API_ChangeMessageVisibility: also to less than is left."""
    send(sqs, queue, "a")
    message = take_one(sqs, queue, VisibilityTimeout=600)
    change(sqs, queue, message, 1)
    assert receive(sqs, queue) == []
    assert take_one(sqs, queue)["MessageId"] == message["MessageId"]


def test_messages_are_given_back(sqs, queue):
    """guide: sqs-visibility-timeout: "terminate the visibility timeout" by 0."""
    send(sqs, queue, "a")
    message = take_one(sqs, queue)
    change(sqs, queue, message, 0)
    again = take_one(sqs, queue)
    assert again["Attributes"]["ApproximateReceiveCount"] == "2"
    # It was for this one time: the next is hidden for as long as the queue says.
    assert receive(sqs, queue, WaitTimeSeconds=1) == []


@pytest.mark.parametrize("seconds", [-1, 43_201])
def test_limits_of_time_outs(sqs, queue, seconds):
    """API_ChangeMessageVisibility, VisibilityTimeout: 0 to 43200."""
    send(sqs, queue, "a")
    message = take_one(sqs, queue)
    with refused("InvalidParameterValue", status=400):
        change(sqs, queue, message, seconds)


def test_twelve_hours_from_the_receive_at_most(sqs, queue):
    """guide: sqs-visibility-timeout: "a 12-hour maximum visibility timeout from the time the
    message is first received. Extending doesn't reset this 12-hour limit"."""
    send(sqs, queue, "a")
    message = take_one(sqs, queue)
    pause(2)
    with refused("InvalidParameterValue", status=400):
        change(sqs, queue, message, 43_200)
    change(sqs, queue, message, 43_000)


def test_what_is_not_in_flight(sqs, queue):
    """API_ChangeMessageVisibility: MessageNotInflight. Where it is not refused, it holds."""
    send(sqs, queue, "a")
    message = take_one(sqs, queue)
    change(sqs, queue, message, 0)
    try:
        change(sqs, queue, message, 600)
    except sqs.exceptions.MessageNotInflight:
        assert bodies(take(sqs, queue, 1)) == ["a"]
    else:
        assert receive(sqs, queue, WaitTimeSeconds=1) == []


def test_deleting_what_is_visible_again(sqs, create_queue):
    """guide: sqs-visibility-timeout; API_DeleteMessage: a standard queue takes the handle though
    the time-out is over, as long as the message is there."""
    queue = create_queue(VisibilityTimeout=1)
    send(sqs, queue, "a")
    message = take_one(sqs, queue)
    pause(1.5)
    delete(sqs, queue, message)
    assert receive(sqs, queue, WaitTimeSeconds=2) == []


def test_deleting_by_an_old_handle(sqs, queue):
    """API_DeleteMessage: "the request will succeed, but the message might not be deleted"."""
    send(sqs, queue, "a")
    old = take_one(sqs, queue, VisibilityTimeout=0)
    take_one(sqs, queue, VisibilityTimeout=0)
    delete(sqs, queue, old)


@pytest.mark.forebay
def test_an_old_handle_deletes(sqs, queue):
    """API_DeleteMessage leaves it open; SQS itself does delete, and programs have come to rely on
    it (LocalStack: remove_message_with_old_receipt_handle)."""
    send(sqs, queue, "a")
    old = take_one(sqs, queue, VisibilityTimeout=0)
    take_one(sqs, queue, VisibilityTimeout=0)
    delete(sqs, queue, old)
    assert receive(sqs, queue, WaitTimeSeconds=1) == []


def test_deleting_twice(sqs, queue):
    """API_DeleteMessage: nothing is wrong with a message that is gone."""
    send(sqs, queue, "a")
    message = take_one(sqs, queue)
    delete(sqs, queue, message, message, message)


def test_changing_what_was_deleted(sqs, queue):
    """API_ChangeMessageVisibility: refused; SQS says InvalidParameterValue."""
    send(sqs, queue, "a")
    message = take_one(sqs, queue)
    delete(sqs, queue, message)
    with refused("InvalidParameterValue", status=400):
        change(sqs, queue, message, 5)


@pytest.mark.parametrize(
    "handle", ["garbage", "a" * 1024, "AQEB" + "x" * 60, "größe"],
    ids=["garbage", "long", "plausible", "umlaut"],
)
def test_handles_that_nobody_gave(sqs, queue, handle):
    """API_DeleteMessage, API_ChangeMessageVisibility: ReceiptHandleIsInvalid."""
    message = {"ReceiptHandle": handle}
    with refused("ReceiptHandleIsInvalid"):
        delete(sqs, queue, message)
    with refused("ReceiptHandleIsInvalid"):
        change(sqs, queue, message, 5)


def test_handles_are_needed(sqs, queue):
    """API_DeleteMessage, ReceiptHandle: required."""
    with refused("MissingParameter", "ReceiptHandleIsInvalid"):
        sqs.delete_message(QueueUrl=queue)
    with refused("MissingParameter", "ReceiptHandleIsInvalid"):
        delete(sqs, queue, {"ReceiptHandle": ""})


def test_handles_are_of_one_queue(sqs, queue, create_queue):
    """API_DeleteMessage, ReceiptHandle: "associated with the message", which is elsewhere."""
    other = create_queue(name=queue.rsplit("/", 1)[1] + "-other")
    send(sqs, queue, "a")
    send(sqs, other, "a")
    message = take_one(sqs, queue, VisibilityTimeout=2)
    take_one(sqs, other, VisibilityTimeout=2)
    with refused("ReceiptHandleIsInvalid", "InvalidParameterValue"):
        delete(sqs, other, message)
    assert bodies(take(sqs, queue, 1) + take(sqs, other, 1)) == ["a", "a"]


def test_receives_are_counted(sqs, create_queue):
    """API_ReceiveMessage: ApproximateReceiveCount; the time of the first receive stays."""
    queue = create_queue(VisibilityTimeout=1)
    send(sqs, queue, "a")
    seen = [take_one(sqs, queue)["Attributes"] for _ in range(3)]
    assert [one["ApproximateReceiveCount"] for one in seen] == ["1", "2", "3"]
    assert len({one["ApproximateFirstReceiveTimestamp"] for one in seen}) == 1
    assert attributes(sqs, queue, "VisibilityTimeout") == ["1"]
