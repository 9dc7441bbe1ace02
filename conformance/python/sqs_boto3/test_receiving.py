"""ReceiveMessage: how many, what of them, and how long to wait."""

import threading
import time

import pytest

from . import digests
from .messages import (
    NO_QUEUE, bodies, change, receive, refused, send, set_attributes, take, take_one,
)

SYSTEM = {
    "SenderId", "SentTimestamp", "ApproximateReceiveCount", "ApproximateFirstReceiveTimestamp",
}


def test_an_empty_queue(sqs, queue):
    """API_ReceiveMessage: "the call does not return a message list"."""
    assert "Messages" not in sqs.receive_message(QueueUrl=queue)


def test_a_queue_that_is_not_there(sqs, queue):
    """API_ReceiveMessage: QueueDoesNotExist."""
    with refused(NO_QUEUE, status=400):
        receive(sqs, f"{queue}-not")


@pytest.mark.parametrize("most", [1, 3, 10])
def test_never_more_than_asked_for(sqs, queue, most):
    """API_ReceiveMessage, MaxNumberOfMessages: 1 to 10."""
    for _ in range(2):
        sqs.send_message_batch(
            QueueUrl=queue, Entries=[{"Id": str(n), "MessageBody": str(n)} for n in range(10)]
        )
    assert 1 <= len(take(sqs, queue, most, MaxNumberOfMessages=most)) <= most


def test_one_message_by_default(sqs, queue):
    """API_ReceiveMessage, MaxNumberOfMessages: "Default: 1"."""
    send(sqs, queue, "a", "b")
    found = sqs.receive_message(QueueUrl=queue, WaitTimeSeconds=5)
    assert len(found["Messages"]) == 1


@pytest.mark.parametrize(
    "parameter, value",
    [
        ("MaxNumberOfMessages", 0), ("MaxNumberOfMessages", 11), ("MaxNumberOfMessages", -1),
        ("WaitTimeSeconds", -1), ("WaitTimeSeconds", 21),
        ("VisibilityTimeout", -1), ("VisibilityTimeout", 43_201),
    ],
)
def test_limits_of_parameters(sqs, queue, parameter, value):
    """API_ReceiveMessage."""
    with refused("InvalidParameterValue", status=400):
        receive(sqs, queue, **{parameter: value})


def test_system_attributes(sqs, queue):
    """API_ReceiveMessage, MessageSystemAttributeNames: All."""
    before = time.time()
    send(sqs, queue, "a")
    message = take_one(sqs, queue)
    found = message["Attributes"]
    assert set(found) == SYSTEM
    assert found["SenderId"]
    assert found["ApproximateReceiveCount"] == "1"
    sent, first = int(found["SentTimestamp"]), int(found["ApproximateFirstReceiveTimestamp"])
    assert (before - 60) * 1000 < sent <= first < (time.time() + 60) * 1000
    change(sqs, queue, message, 0)
    again = take_one(sqs, queue)["Attributes"]
    assert abs(int(again.pop("ApproximateFirstReceiveTimestamp")) - first) < 1000
    del found["ApproximateFirstReceiveTimestamp"]
    assert again == {**found, "ApproximateReceiveCount": "2"}


def test_system_attributes_of_fifo_queues(sqs, fifo):
    """API_ReceiveMessage, MessageSystemAttributeNames: All."""
    [sent] = send(sqs, fifo, "a", MessageGroupId="g", MessageDeduplicationId="d")
    found = take_one(sqs, fifo)["Attributes"]
    assert set(found) == SYSTEM | {"SequenceNumber", "MessageGroupId", "MessageDeduplicationId"}
    assert (found["MessageGroupId"], found["MessageDeduplicationId"]) == ("g", "d")
    assert found["SequenceNumber"] == sent["SequenceNumber"]


@pytest.mark.parametrize("parameter", ["AttributeNames", "MessageSystemAttributeNames"])
def test_only_the_system_attributes_that_are_asked_for(sqs, create_queue, parameter):
    """API_ReceiveMessage: AttributeNames "will be supported for backward compatibility"."""
    queue = create_queue(VisibilityTimeout=0)
    send(sqs, queue, "a")

    def found(*names):
        chosen = {parameter: list(names), "WaitTimeSeconds": 5}
        [message] = sqs.receive_message(QueueUrl=queue, **chosen)["Messages"]
        return set(message.get("Attributes", {}))

    assert found() == set()
    assert found("SentTimestamp") == {"SentTimestamp"}
    assert found("SentTimestamp", "SenderId", "AWSTraceHeader") == {"SentTimestamp", "SenderId"}
    assert found("All") == SYSTEM


def test_unknown_system_attributes_are_refused(sqs, queue):
    """API_ReceiveMessage, MessageSystemAttributeNames: its valid values."""
    with refused("InvalidAttributeName", "InvalidParameterValue", status=400):
        receive(sqs, queue, MessageSystemAttributeNames=["Colour"])


ATTRIBUTES = {
    name: {"DataType": "String", "StringValue": f"the {name}"}
    for name in ["bar.one", "bar.two", "barrel", "foo"]
}


@pytest.mark.parametrize(
    "asked, expected",
    [
        ([], []),
        (["All"], list(ATTRIBUTES)),
        ([".*"], list(ATTRIBUTES)),
        (["foo"], ["foo"]),
        (["Foo", "none"], []),
        (["foo", "none"], ["foo"]),
        (["bar.*"], ["bar.one", "bar.two", "barrel"]),
        (["bar..*", "none.*"], ["bar.one", "bar.two"]),
        (["bar.one", "All"], list(ATTRIBUTES)),
    ],
    ids=lambda names: "-".join(names).replace("*", "star") or "none",
)
def test_only_the_message_attributes_that_are_asked_for(sqs, queue, asked, expected):
    """API_ReceiveMessage, MessageAttributeNames; the digest is of what is returned, or the SDKs
    that check it would find it wrong."""
    send(sqs, queue, "a", MessageAttributes=ATTRIBUTES)
    message = take_one(sqs, queue, MessageAttributeNames=asked)
    wanted = {name: ATTRIBUTES[name] for name in expected}
    assert message.get("MessageAttributes", {}) == wanted
    digest = digests.of_attributes(wanted) if wanted else None
    assert message.get("MD5OfMessageAttributes") == digest


def test_every_receive_has_a_handle_of_its_own(sqs, create_queue):
    """API_DeleteMessage: "you will get a different ReceiptHandle each time"."""
    queue = create_queue(VisibilityTimeout=0)
    send(sqs, queue, "a")
    assert len({take_one(sqs, queue)["ReceiptHandle"] for _ in range(5)}) == 5


def timed(call):
    began = time.monotonic()
    answer = call()
    return answer, time.monotonic() - began


def later(seconds, call):
    """Has another thread do it."""
    timer = threading.Timer(seconds, call)
    timer.start()
    return timer


def test_long_polls_wait(sqs, queue):
    """guide: sqs-short-and-long-polling: an empty answer is for the end of the wait."""
    found, took = timed(lambda: receive(sqs, queue, WaitTimeSeconds=2))
    assert (found, took >= 1.9) == ([], True)


def test_long_polls_end_with_the_first_message(sqs, queue):
    """API_ReceiveMessage, WaitTimeSeconds: "If a message is available, the call returns sooner": it
    does not wait until there are as many as were asked for."""
    sender = later(0.5, lambda: send(sqs, queue, "a"))
    found, took = timed(lambda: receive(sqs, queue, WaitTimeSeconds=20))
    sender.join()
    assert bodies(found) == ["a"]
    assert 0.4 < took < 10


def test_long_polls_do_not_wait_for_what_is_there(sqs, queue):
    """API_ReceiveMessage, WaitTimeSeconds."""
    send(sqs, queue, "a", "b")
    found, took = timed(lambda: take(sqs, queue, 2, WaitTimeSeconds=20))
    assert sorted(bodies(found)) == ["a", "b"]
    assert took < 10


def test_the_queue_says_how_long_to_wait(sqs, create_queue):
    """API_SetQueueAttributes, ReceiveMessageWaitTimeSeconds."""
    queue = create_queue(ReceiveMessageWaitTimeSeconds=2)
    _, took = timed(lambda: receive(sqs, queue))
    assert took >= 1.9
    set_attributes(sqs, queue, ReceiveMessageWaitTimeSeconds=0)
    _, took = timed(lambda: receive(sqs, queue))
    assert took < 1.9


def test_a_wait_of_zero_overrides_the_queues(sqs, create_queue):
    """guide: sqs-short-and-long-polling: WaitTimeSeconds of the call comes before the queue's."""
    queue = create_queue(ReceiveMessageWaitTimeSeconds=20)
    found, took = timed(lambda: receive(sqs, queue, WaitTimeSeconds=0))
    assert found == []
    assert took < 10


def test_long_polls_see_what_comes_back(sqs, queue):
    """guide: sqs-visibility-timeout: the time-out ends while somebody waits."""
    send(sqs, queue, "a")
    take_one(sqs, queue, VisibilityTimeout=1)
    found, took = timed(lambda: receive(sqs, queue, WaitTimeSeconds=20))
    assert bodies(found) == ["a"]
    assert took < 10


def test_long_polls_see_what_becomes_due(sqs, queue):
    """guide: sqs-message-timers: the delay ends while somebody waits."""
    send(sqs, queue, "a", DelaySeconds=1)
    found, took = timed(lambda: receive(sqs, queue, WaitTimeSeconds=20))
    assert bodies(found) == ["a"]
    assert 0.5 < took < 10


def test_one_message_for_many_who_wait(sqs, queue):
    """guide: sqs-visibility-timeout: one consumer has it, the others go on waiting."""
    found = []
    threads = [
        threading.Thread(target=lambda: found.append(receive(sqs, queue, WaitTimeSeconds=3)))
        for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    send(sqs, queue, "a", "b")
    for thread in threads:
        thread.join()
    assert sorted(body for messages in found for body in bodies(messages)) == ["a", "b"]


def test_a_queue_that_is_deleted_under_a_long_poll(sqs, queue):
    """API_DeleteQueue: the poll ends, empty or refused, at the latest with its wait."""
    later(0.5, lambda: sqs.delete_queue(QueueUrl=queue))
    _, took = timed(lambda: receive_or_refused(sqs, queue, WaitTimeSeconds=4))
    assert took < 10
    with refused(NO_QUEUE):
        receive(sqs, queue)


def receive_or_refused(sqs, queue, **parameters):
    try:
        return receive(sqs, queue, **parameters)
    except sqs.exceptions.QueueDoesNotExist:
        return None
