"""The few steps that most cases take."""

import time
from contextlib import contextmanager

import pytest
from botocore.exceptions import ClientError

# Nothing takes longer than this but a broker that hangs.
PATIENCE = 20

# What a value is refused with; which of the two is not documented for every parameter.
REFUSED_VALUE = ("InvalidParameterValue", "InvalidAttributeValue")
NO_QUEUE = "AWS.SimpleQueueService.NonExistentQueue"


@contextmanager
def refused(*codes, status=None):
    """The block is answered by an error, under one of the codes that SDKs see."""
    with pytest.raises(ClientError) as refusal:
        yield refusal
    error = refusal.value.response["Error"]
    assert error["Code"] in codes, error
    if status:
        assert refusal.value.response["ResponseMetadata"]["HTTPStatusCode"] == status


def send(sqs, queue, *bodies, **parameters):
    """Sends them one after the other; answers what came back."""
    return [sqs.send_message(QueueUrl=queue, MessageBody=body, **parameters) for body in bodies]


def receive(sqs, queue, **parameters):
    """One call; all system attributes."""
    parameters.setdefault("MaxNumberOfMessages", 10)
    parameters.setdefault("MessageSystemAttributeNames", ["All"])
    return sqs.receive_message(QueueUrl=queue, **parameters).get("Messages", [])


def take(sqs, queue, count, **parameters):
    """Receives until there are `count`, without deleting them: of a queue may come a few a call."""
    taken, deadline = [], time.monotonic() + PATIENCE
    while len(taken) < count:
        assert time.monotonic() < deadline, f"{len(taken)} of {count} messages"
        wanted = min(10, count - len(taken))
        taken += receive(
            sqs, queue, **{"WaitTimeSeconds": 2, "MaxNumberOfMessages": wanted, **parameters}
        )
    return taken


def take_one(sqs, queue, **parameters):
    return take(sqs, queue, 1, **parameters)[0]


def bodies(messages):
    return [message["Body"] for message in messages]


def delete(sqs, queue, *messages):
    for message in messages:
        sqs.delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])


def change(sqs, queue, message, seconds):
    """Hides the message for so long from now on."""
    sqs.change_message_visibility(
        QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"], VisibilityTimeout=seconds
    )


def attributes(sqs, queue, *names):
    """The values of a queue's attributes, in the order of the names; all of them without any."""
    found = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=list(names) or ["All"])
    found = found.get("Attributes", {})
    return [found[name] for name in names] if names else found


def set_attributes(sqs, queue, **values):
    texts = {key: str(value) for key, value in values.items()}
    sqs.set_queue_attributes(QueueUrl=queue, Attributes=texts)


def arn(sqs, queue):
    return attributes(sqs, queue, "QueueArn")[0]


def counts(sqs, queue):
    """How many messages are ready, in flight and delayed."""
    names = ["", "NotVisible", "Delayed"]
    names = [f"ApproximateNumberOfMessages{name}" for name in names]
    return [int(value) for value in attributes(sqs, queue, *names)]


def pause(seconds):
    """Lets that much of a visibility time-out or delay pass: the clock is the server's."""
    time.sleep(seconds)
