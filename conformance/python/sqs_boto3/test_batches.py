"""Batches: limits of the whole, and failures of single entries."""

import pytest

from . import digests
from .messages import bodies, change, counts, delete, receive, refused, send, take

PREFIX = "AWS.SimpleQueueService."
MAX_BYTES = 1_048_576


def entries(*ids, **more):
    return [{"Id": one, "MessageBody": f"body {one}", **more} for one in ids]


def send_batch(sqs, queue, batch):
    return sqs.send_message_batch(QueueUrl=queue, Entries=batch)


def ids(results):
    return [result["Id"] for result in results]


def test_ten_messages_in_a_batch(sqs, queue):
    """API_SendMessageBatch: a result for each entry."""
    names = [f"n-{n}" for n in range(10)]
    result = send_batch(sqs, queue, entries(*names))
    assert "Failed" not in result
    assert ids(result["Successful"]) == names
    for one in result["Successful"]:
        assert one["MD5OfMessageBody"] == digests.of_body(f"body {one['Id']}")
    found = {message["Body"]: message for message in take(sqs, queue, 10)}
    sent = {f"body {one['Id']}": one["MessageId"] for one in result["Successful"]}
    assert {body: message["MessageId"] for body, message in found.items()} == sent


def test_entries_have_attributes_of_their_own(sqs, queue):
    """API_SendMessageBatchRequestEntry."""
    attribute = {"a": {"DataType": "Number", "StringValue": "7"}}
    header = {"AWSTraceHeader": {"DataType": "String", "StringValue": "Root=1-5759e988-bd862e3f"}}
    batch = [
        {"Id": "one", "MessageBody": "a", "MessageAttributes": attribute},
        {"Id": "two", "MessageBody": "b", "MessageSystemAttributes": header},
        {"Id": "three", "MessageBody": "c", "DelaySeconds": 900},
    ]
    one, two, _ = send_batch(sqs, queue, batch)["Successful"]
    assert one["MD5OfMessageAttributes"] == digests.of_attributes(attribute)
    assert two["MD5OfMessageSystemAttributes"] == digests.of_attributes(header)
    assert sorted(bodies(take(sqs, queue, 2))) == ["a", "b"]
    assert counts(sqs, queue)[2] == 1


def batch_of(queue, operation, batch):
    return {
        "send": lambda sqs: sqs.send_message_batch(QueueUrl=queue, Entries=batch),
        "delete": lambda sqs: sqs.delete_message_batch(QueueUrl=queue, Entries=batch),
        "change": lambda sqs: sqs.change_message_visibility_batch(QueueUrl=queue, Entries=batch),
    }[operation]


def entry(operation, name):
    return {
        "send": {"Id": name, "MessageBody": "a"},
        "delete": {"Id": name, "ReceiptHandle": "a"},
        "change": {"Id": name, "ReceiptHandle": "a", "VisibilityTimeout": 0},
    }[operation]


OPERATIONS = pytest.mark.parametrize("operation", ["send", "delete", "change"])


@OPERATIONS
def test_no_entries(sqs, queue, operation):
    """API_SendMessageBatch and the others: EmptyBatchRequest."""
    with refused(f"{PREFIX}EmptyBatchRequest", status=400):
        batch_of(queue, operation, [])(sqs)


@OPERATIONS
def test_eleven_entries(sqs, queue, operation):
    """API_SendMessageBatch and the others: TooManyEntriesInBatchRequest."""
    batch = [entry(operation, str(n)) for n in range(11)]
    with refused(f"{PREFIX}TooManyEntriesInBatchRequest", status=400):
        batch_of(queue, operation, batch)(sqs)


@OPERATIONS
def test_entries_of_the_same_id(sqs, queue, operation):
    """API_SendMessageBatch and the others: BatchEntryIdsNotDistinct."""
    batch = [entry(operation, "same"), entry(operation, "same")]
    with refused(f"{PREFIX}BatchEntryIdsNotDistinct", status=400):
        batch_of(queue, operation, batch)(sqs)


@OPERATIONS
@pytest.mark.parametrize(
    "name", ["", "a" * 81, "a b", "a:b", "ü"], ids=["empty", "long", "space", "colon", "umlaut"]
)
def test_ids_that_entries_cannot_have(sqs, queue, operation, name):
    """API_SendMessageBatchRequestEntry, Id; InvalidBatchEntryId, for the whole batch."""
    batch = [entry(operation, "good"), entry(operation, name)]
    with refused(f"{PREFIX}InvalidBatchEntryId", status=400):
        batch_of(queue, operation, batch)(sqs)


def test_ids_of_80_characters(sqs, queue):
    """API_SendMessageBatchRequestEntry, Id: alphanumeric characters, hyphens and underscores."""
    name = ("aZ9-_" * 16)[:80]
    assert ids(send_batch(sqs, queue, entries(name))["Successful"]) == [name]


def test_the_sizes_of_all_entries_are_added(sqs, queue):
    """API_SendMessageBatch: 1 MiB for "the total size of all messages"; BatchRequestTooLong."""
    half = MAX_BYTES // 2
    batch = [{"Id": "a", "MessageBody": "a" * half}, {"Id": "b", "MessageBody": "b" * half}]
    assert len(send_batch(sqs, queue, batch)["Successful"]) == 2
    batch[1]["MessageBody"] += "b"
    with refused(f"{PREFIX}BatchRequestTooLong", status=400):
        send_batch(sqs, queue, batch)


def test_entries_fail_by_themselves(sqs, queue):
    """API_SendMessageBatch: "Because the batch request can result in a combination of successful
    and unsuccessful actions, you should check for batch errors even when the call returns 200"."""
    wrong = {"a": {"DataType": "Colour", "StringValue": "blue"}}
    batch = [
        {"Id": "good", "MessageBody": "good"},
        {"Id": "characters", "MessageBody": "a\x08b"},
        {"Id": "delay", "MessageBody": "a", "DelaySeconds": 901},
        {"Id": "attribute", "MessageBody": "a", "MessageAttributes": wrong},
        {"Id": "fine", "MessageBody": "fine"},
    ]
    result = send_batch(sqs, queue, batch)
    assert ids(result["Successful"]) == ["good", "fine"]
    failed = {one["Id"]: one for one in result["Failed"]}
    assert set(failed) == {"characters", "delay", "attribute"}
    assert failed["characters"]["Code"] == "InvalidMessageContents"
    for name in ["delay", "attribute"]:
        assert failed[name]["Code"] == "InvalidParameterValue"
    assert all(one["SenderFault"] is True and one["Message"] for one in failed.values())
    assert sorted(bodies(take(sqs, queue, 2))) == ["fine", "good"]
    assert receive(sqs, queue, WaitTimeSeconds=1) == []


def test_entries_that_are_too_large_for_the_queue(sqs, create_queue):
    """API_SetQueueAttributes, MaximumMessageSize: of a message, not of the batch."""
    queue = create_queue(MaximumMessageSize=1024)
    batch = [
        {"Id": "small", "MessageBody": "a" * 1024},
        {"Id": "large", "MessageBody": "a" * 1025},
        {"Id": "other", "MessageBody": "b" * 1024},
    ]
    result = send_batch(sqs, queue, batch)
    assert ids(result["Successful"]) == ["small", "other"]
    [failed] = result["Failed"]
    assert (failed["Id"], failed["Code"]) == ("large", "InvalidParameterValue")


def test_a_fifo_queue_keeps_the_order_of_the_entries(sqs, fifo):
    """API_SendMessageBatch: "the order in which the messages are sent is kept"; guide:
    FIFO-queues-understanding-logic."""
    names = [f"{n:02}" for n in range(10)]
    result = send_batch(sqs, fifo, entries(*names, MessageGroupId="g"))
    numbers = [int(one["SequenceNumber"]) for one in result["Successful"]]
    assert numbers == sorted(set(numbers))
    assert bodies(take(sqs, fifo, 10)) == [f"body {name}" for name in names]


def test_entries_of_a_fifo_queue_want_a_group(sqs, fifo):
    """API_SendMessageBatchRequestEntry, MessageGroupId: "If you do not provide a MessageGroupId
    when sending a message to a FIFO queue, the action fails": the whole of it."""
    batch = entries("a", MessageGroupId="g") + entries("b")
    with refused("MissingParameter", "InvalidParameterValue", status=400):
        send_batch(sqs, fifo, batch)
    assert receive(sqs, fifo, WaitTimeSeconds=1) == []


def test_duplicates_within_a_batch(sqs, fifo):
    """guide: FIFO-queues-exactly-once-processing: both succeed, under one id."""
    batch = entries("a", "b", MessageGroupId="g", MessageDeduplicationId="d")
    one, other = send_batch(sqs, fifo, batch)["Successful"]
    assert one["MessageId"] == other["MessageId"]
    assert one["SequenceNumber"] == other["SequenceNumber"]
    assert bodies(take(sqs, fifo, 1)) == ["body a"]
    assert receive(sqs, fifo, WaitTimeSeconds=1) == []


def test_deletes_fail_by_themselves(sqs, queue):
    """API_DeleteMessageBatch: ReceiptHandleIsInvalid as an entry's error."""
    send(sqs, queue, "a", "b", "c")
    messages = take(sqs, queue, 3)
    batch = [{"Id": str(n), "ReceiptHandle": m["ReceiptHandle"]} for n, m in enumerate(messages)]
    batch.insert(1, {"Id": "garbage", "ReceiptHandle": "garbage"})
    result = sqs.delete_message_batch(QueueUrl=queue, Entries=batch)
    assert sorted(ids(result["Successful"])) == ["0", "1", "2"]
    [failed] = result["Failed"]
    assert (failed["Id"], failed["Code"]) == ("garbage", "ReceiptHandleIsInvalid")
    assert failed["SenderFault"] is True
    assert counts(sqs, queue) == [0, 0, 0]


def test_changes_fail_by_themselves(sqs, queue):
    """API_ChangeMessageVisibilityBatch: a time-out for each, and errors of each."""
    send(sqs, queue, "a", "b", "c", "d")
    back, out_of_range, deleted, kept = take(sqs, queue, 4)
    delete(sqs, queue, deleted)
    batch = [
        {"Id": "back", "ReceiptHandle": back["ReceiptHandle"], "VisibilityTimeout": 0},
        {"Id": "range", "ReceiptHandle": out_of_range["ReceiptHandle"],
         "VisibilityTimeout": 43_201},
        {"Id": "deleted", "ReceiptHandle": deleted["ReceiptHandle"], "VisibilityTimeout": 5},
        {"Id": "garbage", "ReceiptHandle": "garbage", "VisibilityTimeout": 5},
        {"Id": "kept", "ReceiptHandle": kept["ReceiptHandle"], "VisibilityTimeout": 600},
    ]
    result = sqs.change_message_visibility_batch(QueueUrl=queue, Entries=batch)
    assert sorted(ids(result["Successful"])) == ["back", "kept"]
    codes = {one["Id"]: one["Code"] for one in result["Failed"]}
    assert codes == {
        "range": "InvalidParameterValue",
        "deleted": "InvalidParameterValue",
        "garbage": "ReceiptHandleIsInvalid",
    }
    assert bodies(take(sqs, queue, 1)) == [back["Body"]]
    assert receive(sqs, queue, WaitTimeSeconds=1) == []
    change(sqs, queue, kept, 0)
    assert bodies(take(sqs, queue, 1)) == [kept["Body"]]
