"""FIFO queues: the order within groups, and when a group is blocked."""

import pytest

from .messages import (
    bodies, change, counts, delete, pause, receive, refused, send, set_attributes, take, take_one,
)


@pytest.fixture
def short(create_queue):
    """A FIFO queue that hides messages for a second."""
    return create_queue(fifo=True, ContentBasedDeduplication="true", VisibilityTimeout=1)


def put(sqs, queue, group, *numbers):
    send(sqs, queue, *[f"{group}{n}" for n in numbers], MessageGroupId=group)


def test_a_group_is_needed(sqs, fifo):
    """API_SendMessage, MessageGroupId: "If you do not provide a MessageGroupId when sending a
    message to a FIFO queue, the action fails"."""
    with refused("MissingParameter", "InvalidParameterValue", status=400):
        send(sqs, fifo, "a")


def test_messages_come_in_order(sqs, fifo):
    """guide: FIFO-queues-understanding-logic: one after the other, each deleted."""
    put(sqs, fifo, "g", *range(25))
    found = []
    for _ in range(25):
        message = take_one(sqs, fifo)
        delete(sqs, fifo, message)
        found.append(message["Body"])
    assert found == [f"g{n}" for n in range(25)]


def test_sequence_numbers_increase(sqs, fifo):
    """API_SendMessage, SequenceNumber: "128 bits ... continues to increase for a particular
    MessageGroupId"."""
    sent = send(sqs, fifo, *map(str, range(10)), MessageGroupId="g")
    numbers = [one["SequenceNumber"] for one in sent]
    assert all(number.isdigit() and len(number) <= 39 for number in numbers)
    assert [int(number) for number in numbers] == sorted({int(number) for number in numbers})


def test_several_of_a_group_in_one_receive(sqs, fifo):
    """guide: FIFO-queues-understanding-logic: "multiple messages with the same message group ID"
    come in one call, in order."""
    put(sqs, fifo, "g", 1, 2, 3, 4)
    assert bodies(receive(sqs, fifo, MaxNumberOfMessages=3, WaitTimeSeconds=5)) == [
        "g1", "g2", "g3"
    ]


def test_a_group_is_blocked_while_one_of_it_is_in_flight(sqs, fifo):
    """guide: FIFO-queues-understanding-logic: "no additional messages from the same group are
    returned unless you delete the message or it becomes visible"."""
    put(sqs, fifo, "g", 1, 2)
    put(sqs, fifo, "h", 1)
    first = take_one(sqs, fifo)
    assert first["Body"] == "g1"
    assert bodies(take(sqs, fifo, 1)) == ["h1"]
    assert receive(sqs, fifo, WaitTimeSeconds=1) == []
    delete(sqs, fifo, first)
    assert bodies(take(sqs, fifo, 1)) == ["g2"]


def test_what_is_sent_to_a_blocked_group_waits(sqs, fifo):
    """guide: FIFO-queues-understanding-logic."""
    put(sqs, fifo, "g", 1)
    first = take_one(sqs, fifo)
    put(sqs, fifo, "g", 2)
    assert receive(sqs, fifo, WaitTimeSeconds=1) == []
    delete(sqs, fifo, first)
    assert bodies(take(sqs, fifo, 1)) == ["g2"]


def test_a_group_stays_blocked_until_all_in_flight_are_gone(sqs, fifo):
    """guide: FIFO-queues-understanding-logic; a part is deleted."""
    put(sqs, fifo, "g", 1, 2, 3, 4)
    first, second, third = take(sqs, fifo, 3)
    delete(sqs, fifo, first)
    assert receive(sqs, fifo, WaitTimeSeconds=1) == []
    delete(sqs, fifo, third)
    assert receive(sqs, fifo, WaitTimeSeconds=1) == []
    delete(sqs, fifo, second)
    assert bodies(take(sqs, fifo, 1)) == ["g4"]


def test_a_group_comes_back_in_order(sqs, short):
    """guide: FIFO-queues-understanding-logic: after the time-out the same messages come first."""
    put(sqs, short, "g", 1, 2, 3)
    assert bodies(take(sqs, short, 2)) == ["g1", "g2"]
    pause(1.5)
    assert bodies(take(sqs, short, 3)) == ["g1", "g2", "g3"]


def test_what_is_left_of_a_group_comes_back_in_order(sqs, short):
    """guide: FIFO-queues-understanding-logic: without what was deleted meanwhile."""
    put(sqs, short, "g", 1, 2, 3)
    _, second = take(sqs, short, 2)
    delete(sqs, short, second)
    pause(1.5)
    assert bodies(take(sqs, short, 2)) == ["g1", "g3"]


def test_a_group_is_given_back_in_order(sqs, fifo):
    """API_ChangeMessageVisibility of 0, for each of them."""
    put(sqs, fifo, "g", 1, 2, 3)
    for message in take(sqs, fifo, 2):
        change(sqs, fifo, message, 0)
    assert bodies(take(sqs, fifo, 3)) == ["g1", "g2", "g3"]


def test_a_message_given_back_comes_without_those_after_it_in_flight(sqs, fifo):
    """guide: FIFO-queues-understanding-logic; as SQS itself does (LocalStack:
    fifo_message_group_visibility_after_terminate_visibility_timeout, validated on AWS)."""
    put(sqs, fifo, "g", 1, 2, 3)
    first, _ = take(sqs, fifo, 2)
    change(sqs, fifo, first, 0)
    assert bodies(receive(sqs, fifo, WaitTimeSeconds=2)) == ["g1"]


@pytest.mark.parametrize("position, expected", [(0, []), (1, ["g0"]), (2, ["g0", "g1"])])
def test_an_extended_message_blocks_what_comes_after_it(sqs, create_queue, position, expected):
    """API_ChangeMessageVisibility; LocalStack: fifo_group_visibility_extends_with_change_message_
    visibility, validated on AWS."""
    queue = create_queue(fifo=True, ContentBasedDeduplication="true", VisibilityTimeout=2)
    put(sqs, queue, "g", 0, 1, 2)
    message = take(sqs, queue, 3)[position]
    change(sqs, queue, message, 600)
    pause(2.5)
    assert bodies(receive(sqs, queue, WaitTimeSeconds=1)) == expected


def test_a_time_out_of_zero_keeps_the_order(sqs, fifo):
    """API_ReceiveMessage, VisibilityTimeout."""
    put(sqs, fifo, "g", 1, 2)
    for _ in range(3):
        found = receive(sqs, fifo, VisibilityTimeout=0, MaxNumberOfMessages=1, WaitTimeSeconds=5)
        assert bodies(found) == ["g1"]


def test_groups_do_not_wait_for_each_other(sqs, fifo):
    """guide: FIFO-queues-understanding-logic: messages of other groups can be received."""
    for n in range(3):
        for group in "abcde":
            put(sqs, fifo, group, n)
    found = []
    for _ in range(5):
        found += receive(sqs, fifo, MaxNumberOfMessages=1, WaitTimeSeconds=5)
    assert sorted(bodies(found)) == ["a0", "b0", "c0", "d0", "e0"]
    assert receive(sqs, fifo, WaitTimeSeconds=1) == []


def test_a_whole_batch_of_many_groups_is_in_order(sqs, fifo):
    """API_SendMessage, MessageGroupId: "For each MessageGroupId, the messages are sorted by time
    sent"."""
    for n in range(10):
        for group in "abc":
            put(sqs, fifo, group, n)
    found = []
    while len(found) < 30:
        messages = take(sqs, fifo, 1, MaxNumberOfMessages=10)
        found += bodies(messages)
        delete(sqs, fifo, *messages)
    for group in "abc":
        assert [body for body in found if body[0] == group] == [f"{group}{n}" for n in range(10)]


def test_deleting_with_an_expired_handle_is_refused(sqs, short):
    """API_ReceiveMessage: "if a consumer ... tries to delete the processed messages" after the
    time-out, "the action fails with an error"."""
    put(sqs, short, "g", 1)
    message = take_one(sqs, short)
    pause(1.5)
    with refused("InvalidParameterValue", status=400) as refusal:
        delete(sqs, short, message)
    assert "expired" in refusal.value.response["Error"]["Message"]
    again = take_one(sqs, short)
    assert again["Attributes"]["ApproximateReceiveCount"] == "2"
    delete(sqs, short, again)


def test_deleting_by_the_handle_of_an_earlier_receive_is_refused(sqs, fifo):
    """guide: FIFO-queues-exactly-once-processing: the message is somebody else's meanwhile."""
    put(sqs, fifo, "g", 1)
    old = take_one(sqs, fifo, VisibilityTimeout=0)
    new = take_one(sqs, fifo)
    with refused("InvalidParameterValue", status=400):
        delete(sqs, fifo, old)
    delete(sqs, fifo, new)
    assert receive(sqs, fifo, WaitTimeSeconds=1) == []


def test_deleting_in_time_because_it_was_extended(sqs, short):
    """API_ChangeMessageVisibility."""
    put(sqs, short, "g", 1)
    message = take_one(sqs, short)
    change(sqs, short, message, 30)
    pause(1.5)
    delete(sqs, short, message)
    assert counts(sqs, short) == [0, 0, 0]


def test_hundreds_of_groups(sqs, fifo):
    """guide: FIFO-queues-understanding-logic: there may be any number of them."""
    groups = [f"{n:03}" for n in range(300)]
    for start in range(0, 300, 10):
        sqs.send_message_batch(QueueUrl=fifo, Entries=[
            {"Id": group, "MessageBody": group, "MessageGroupId": group}
            for group in groups[start:start + 10]
        ])
    assert sorted(bodies(take(sqs, fifo, 300))) == groups


def test_attempts_answer_the_same_again(sqs, fifo):
    """API_ReceiveMessage, ReceiveRequestAttemptId: "the same messages and receipt handles", though
    they are hidden."""
    put(sqs, fifo, "g", 1, 2, 3)
    attempt = {"ReceiveRequestAttemptId": "attempt", "MaxNumberOfMessages": 2}
    first = receive(sqs, fifo, WaitTimeSeconds=5, **attempt)
    again = receive(sqs, fifo, **attempt)
    assert bodies(again) == bodies(first) == ["g1", "g2"]
    assert [m["ReceiptHandle"] for m in again] == [m["ReceiptHandle"] for m in first]
    assert receive(sqs, fifo, ReceiveRequestAttemptId="other") == []


def test_attempts_hide_the_messages_anew(sqs, create_queue):
    """API_ReceiveMessage, ReceiveRequestAttemptId: "it resets the visibility timeout"."""
    queue = create_queue(fifo=True, ContentBasedDeduplication="true", VisibilityTimeout=3)
    put(sqs, queue, "g", 1)
    [first] = receive(sqs, queue, WaitTimeSeconds=5, ReceiveRequestAttemptId="attempt")
    pause(2)
    [again] = receive(sqs, queue, ReceiveRequestAttemptId="attempt")
    assert again["ReceiptHandle"] == first["ReceiptHandle"]
    pause(2)
    # Four seconds after the first receive it is still hidden, and the handle good.
    assert receive(sqs, queue) == []
    delete(sqs, queue, again)


def test_attempts_end_when_a_message_is_changed(sqs, fifo):
    """API_ReceiveMessage, ReceiveRequestAttemptId: only "if none of the messages have been modified
    (deleted or had their visibility changes)"."""
    put(sqs, fifo, "g", 1, 2)
    attempt = {"ReceiveRequestAttemptId": "attempt", "MaxNumberOfMessages": 1}
    [first] = receive(sqs, fifo, WaitTimeSeconds=5, **attempt)
    delete(sqs, fifo, first)
    assert bodies(receive(sqs, fifo, WaitTimeSeconds=5, **attempt)) in (["g2"], [])


def test_ids_of_attempts(sqs, fifo):
    """API_ReceiveMessage, ReceiveRequestAttemptId: 128 characters, alphanumeric and punctuation."""
    receive(sqs, fifo, ReceiveRequestAttemptId="a" * 128)
    for attempt in ["a" * 129, "two words"]:
        with refused("InvalidParameterValue", status=400):
            receive(sqs, fifo, ReceiveRequestAttemptId=attempt)


def test_high_throughput_keeps_the_order(sqs, fifo):
    """guide: high-throughput-fifo."""
    high = {"FifoThroughputLimit": "perMessageGroupId", "DeduplicationScope": "messageGroup"}
    put(sqs, fifo, "g", 1, 2)
    set_attributes(sqs, fifo, **high)
    put(sqs, fifo, "g", 3)
    put(sqs, fifo, "h", 1)
    found = bodies(take(sqs, fifo, 4))
    assert [body for body in found if body[0] == "g"] == ["g1", "g2", "g3"]
