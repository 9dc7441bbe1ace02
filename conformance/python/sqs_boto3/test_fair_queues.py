"""Groups of standard queues: guide: sqs-fair-queues. AWS evens out over time what is exact here: one group's many messages
in flight do not keep the others waiting."""

import pytest

from .messages import bodies, delete, receive, send, take

pytestmark = pytest.mark.forebay


@pytest.fixture
def queue(create_queue):
    return create_queue(VisibilityTimeout=60)


def test_a_noisy_group_does_not_keep_a_quiet_one_waiting(sqs, queue):
    send(sqs, queue, *(f"noisy {number}" for number in range(20)), MessageGroupId="noisy")
    taken = take(sqs, queue, 5)
    send(sqs, queue, "quiet 0", "quiet 1", MessageGroupId="quiet")
    assert bodies(receive(sqs, queue, MaxNumberOfMessages=1)) == ["quiet 0"]
    assert bodies(receive(sqs, queue, MaxNumberOfMessages=2)) == ["quiet 1", "noisy 5"]
    # Nothing waits for anything: who asks gets what there is.
    assert len(take(sqs, queue, 14)) == 14
    delete(sqs, queue, *taken)
    assert receive(sqs, queue) == []


def test_what_is_in_no_group_waits_for_none(sqs, queue):
    send(sqs, queue, "noisy 0", "noisy 1", "noisy 2", MessageGroupId="noisy")
    take(sqs, queue, 1)
    send(sqs, queue, "alone 0", "alone 1")
    order = bodies(receive(sqs, queue, MaxNumberOfMessages=4))
    assert order == ["alone 0", "alone 1", "noisy 1", "noisy 2"]


def test_groups_are_shown_and_delivered_in_batches(sqs, queue):
    entries = [
        {"Id": str(number), "MessageBody": str(number), "MessageGroupId": f"g{number % 3}"}
        for number in range(9)
    ]
    assert len(sqs.send_message_batch(QueueUrl=queue, Entries=entries)["Successful"]) == 9
    found = {}
    for message in take(sqs, queue, 9):
        group = message["Attributes"]["MessageGroupId"]
        found.setdefault(group, []).append(message["Body"])
    assert found == {"g0": ["0", "3", "6"], "g1": ["1", "4", "7"], "g2": ["2", "5", "8"]}


def test_the_order_of_a_group_survives_what_comes_back(sqs, queue):
    send(sqs, queue, "a0", "a1", "a2", MessageGroupId="a")
    first = take(sqs, queue, 2)
    sqs.change_message_visibility(
        QueueUrl=queue, ReceiptHandle=first[0]["ReceiptHandle"], VisibilityTimeout=0
    )
    assert bodies(take(sqs, queue, 2)) == ["a0", "a2"]
