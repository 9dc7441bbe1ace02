"""Attributes of queues: defaults, limits, what can be changed."""

import itertools
import json
import time

import pytest
from eventually import eventually

from .messages import (
    REFUSED_VALUE, arn, attributes, change, counts, refused, send, set_attributes, take,
)

# API_SetQueueAttributes.
LIMITS = {
    "VisibilityTimeout": (0, 43_200),
    "DelaySeconds": (0, 900),
    "MaximumMessageSize": (1_024, 1_048_576),
    "MessageRetentionPeriod": (60, 1_209_600),
    "ReceiveMessageWaitTimeSeconds": (0, 20),
    "KmsDataKeyReusePeriodSeconds": (60, 86_400),
}

DEFAULTS = {
    "VisibilityTimeout": "30",
    "DelaySeconds": "0",
    "MaximumMessageSize": "1048576",
    "MessageRetentionPeriod": "345600",
    "ReceiveMessageWaitTimeSeconds": "0",
    "SqsManagedSseEnabled": "true",
    "ApproximateNumberOfMessages": "0",
    "ApproximateNumberOfMessagesNotVisible": "0",
    "ApproximateNumberOfMessagesDelayed": "0",
}
ALWAYS = {"QueueArn", "CreatedTimestamp", "LastModifiedTimestamp"}


def test_defaults(sqs, queue):
    """API_CreateQueue, Attributes."""
    found = attributes(sqs, queue)
    assert {name: found.get(name) for name in DEFAULTS} == DEFAULTS
    assert set(found) == set(DEFAULTS) | ALWAYS


def test_defaults_of_fifo_queues(sqs, create_queue):
    """API_CreateQueue, Attributes: DeduplicationScope and FifoThroughputLimit."""
    expected = DEFAULTS | {
        "FifoQueue": "true",
        "ContentBasedDeduplication": "false",
        "DeduplicationScope": "queue",
        "FifoThroughputLimit": "perQueue",
    }
    found = attributes(sqs, create_queue(fifo=True))
    assert {name: found.get(name) for name in expected} == expected
    assert set(found) == set(expected) | ALWAYS


def test_only_what_is_asked_for(sqs, queue):
    """API_GetQueueAttributes, AttributeNames."""
    names = ["DelaySeconds", "QueueArn"]
    found = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=names)
    assert set(found["Attributes"]) == set(names)
    assert not sqs.get_queue_attributes(QueueUrl=queue).get("Attributes")


def test_what_is_not_set_is_not_answered(sqs, queue):
    """API_GetQueueAttributes: a queue without a policy has none to answer."""
    names = ["Policy", "RedrivePolicy", "RedriveAllowPolicy", "KmsMasterKeyId", "DelaySeconds"]
    found = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=names)
    assert set(found["Attributes"]) == {"DelaySeconds"}


def test_unknown_names_are_refused(sqs, queue):
    """API_GetQueueAttributes and API_SetQueueAttributes: InvalidAttributeName."""
    with refused("InvalidAttributeName", status=400):
        sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["DelaySeconds", "Colour"])
    with refused("InvalidAttributeName", status=400):
        set_attributes(sqs, queue, Colour="blue")


@pytest.mark.parametrize("name", LIMITS)
def test_limits(sqs, create_queue, name):
    """API_SetQueueAttributes; the same for API_CreateQueue."""
    least, most = LIMITS[name]
    also = {"KmsMasterKeyId": "alias/aws/sqs"} if name.startswith("Kms") else {}
    for value in [least, most]:
        queue = create_queue(**{name: value}, **also)
        assert attributes(sqs, queue, name) == [str(value)]
        set_attributes(sqs, queue, **{name: least})
        set_attributes(sqs, queue, **{name: value})
        assert attributes(sqs, queue, name) == [str(value)]
    for value in [least - 1, most + 1, "many", "1.5", " 60"]:
        with refused(*REFUSED_VALUE, status=400):
            set_attributes(sqs, queue, **{name: value})
        with refused(*REFUSED_VALUE, status=400):
            create_queue(**{name: value}, **also)
    assert attributes(sqs, queue, name) == [str(most)]


def test_one_wrong_value_changes_nothing(sqs, queue):
    """API_SetQueueAttributes: an error, and no attribute is set."""
    with refused(*REFUSED_VALUE):
        set_attributes(sqs, queue, DelaySeconds=5, VisibilityTimeout=50_000)
    assert attributes(sqs, queue, "DelaySeconds", "VisibilityTimeout") == ["0", "30"]


@pytest.mark.parametrize(
    "name", ["QueueArn", "CreatedTimestamp", "ApproximateNumberOfMessages", "All"]
)
def test_what_cannot_be_set(sqs, queue, name):
    """API_SetQueueAttributes: not among its attributes."""
    with refused("InvalidAttributeName", *REFUSED_VALUE):
        set_attributes(sqs, queue, **{name: "1"})


def test_a_queue_stays_what_it_is(sqs, queue, fifo):
    """API_CreateQueue, FifoQueue: "You can't change it for an existing queue"."""
    with refused("InvalidAttributeName"):
        set_attributes(sqs, queue, FifoQueue="true")
    set_attributes(sqs, fifo, FifoQueue="true")
    with refused("InvalidAttributeValue"):
        set_attributes(sqs, fifo, FifoQueue="false")


@pytest.mark.parametrize(
    "name, value", [("ContentBasedDeduplication", "true"), ("DeduplicationScope", "queue")]
)
def test_what_only_fifo_queues_have_cannot_be_set_on_others(sqs, queue, name, value):
    """API_SetQueueAttributes: "The following attributes apply only to FIFO queues"."""
    with refused("InvalidAttributeName"):
        set_attributes(sqs, queue, **{name: value})


def test_high_throughput_wants_groups_as_the_scope(sqs, create_queue):
    """API_SetQueueAttributes, FifoThroughputLimit: perMessageGroupId "is allowed only when the
    value for DeduplicationScope is messageGroup"."""
    queue = create_queue(fifo=True)
    with refused(*REFUSED_VALUE):
        set_attributes(sqs, queue, FifoThroughputLimit="perMessageGroupId")
    both = {"FifoThroughputLimit": "perMessageGroupId", "DeduplicationScope": "messageGroup"}
    set_attributes(sqs, queue, **both)
    assert attributes(sqs, queue, *both) == list(both.values())
    with refused(*REFUSED_VALUE):
        set_attributes(sqs, queue, DeduplicationScope="queue")
    with refused(*REFUSED_VALUE):
        set_attributes(sqs, queue, DeduplicationScope="world")


def test_timestamps(sqs, queue):
    """API_GetQueueAttributes: CreatedTimestamp and LastModifiedTimestamp, epoch time in seconds."""
    names = ["CreatedTimestamp", "LastModifiedTimestamp"]
    created, modified = map(int, attributes(sqs, queue, *names))
    assert created == modified
    assert abs(created - time.time()) < 60

    delays = itertools.count(1)

    def changed():
        set_attributes(sqs, queue, DelaySeconds=next(delays))
        now = list(map(int, attributes(sqs, queue, *names)))
        return now[0] == created and now[1] > modified

    eventually(changed, 5, every=0.3, what="a later LastModifiedTimestamp")


def test_counters(sqs, queue):
    """API_GetQueueAttributes: ApproximateNumberOfMessages, NotVisible and Delayed."""
    send(sqs, queue, "a", "b", "c")
    send(sqs, queue, "later", DelaySeconds=900)
    eventually(lambda: counts(sqs, queue) == [3, 0, 1], what="three ready, one delayed")
    message = take(sqs, queue, 2)[0]
    eventually(lambda: counts(sqs, queue) == [1, 2, 1], what="two in flight")
    change(sqs, queue, message, 0)
    eventually(lambda: counts(sqs, queue) == [2, 1, 1], what="one of them back")


def test_counters_of_fifo_queues(sqs, fifo):
    """API_GetQueueAttributes: messages that wait for their group are ready, too."""
    send(sqs, fifo, "a", "b", "c", MessageGroupId="g")
    take(sqs, fifo, 1)
    eventually(lambda: counts(sqs, fifo) == [2, 1, 0], what="one in flight")


def test_policies_are_set_and_removed(sqs, queue):
    """API_SetQueueAttributes, Policy; it goes with the empty text."""
    allowed = {
        "Sid": "all",
        "Effect": "Allow",
        "Principal": "*",
        "Action": "sqs:SendMessage",
        "Resource": arn(sqs, queue),
    }
    policy = {"Version": "2012-10-17", "Statement": [allowed]}
    set_attributes(sqs, queue, Policy=json.dumps(policy))
    assert json.loads(attributes(sqs, queue, "Policy")[0]) == policy
    set_attributes(sqs, queue, Policy="")
    assert "Policy" not in attributes(sqs, queue)


def test_a_policy_is_json(sqs, queue):
    """API_SetQueueAttributes, Policy: "A valid AWS policy"."""
    with refused(*REFUSED_VALUE):
        set_attributes(sqs, queue, Policy="not a policy")


def test_one_kind_of_encryption_at_a_time(sqs, queue):
    """API_SetQueueAttributes, SqsManagedSseEnabled: "Only one server-side encryption option"."""
    set_attributes(sqs, queue, KmsMasterKeyId="alias/own", KmsDataKeyReusePeriodSeconds=600)
    names = ["KmsMasterKeyId", "KmsDataKeyReusePeriodSeconds", "SqsManagedSseEnabled"]
    assert attributes(sqs, queue, *names) == ["alias/own", "600", "false"]
    with refused("InvalidAttributeName", *REFUSED_VALUE):
        set_attributes(sqs, queue, KmsMasterKeyId="alias/own", SqsManagedSseEnabled="true")
    set_attributes(sqs, queue, SqsManagedSseEnabled="true")
    found = attributes(sqs, queue)
    assert found["SqsManagedSseEnabled"] == "true"
    assert "KmsMasterKeyId" not in found
