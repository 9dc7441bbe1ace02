"""Messages: sent, received, deleted, one by one and in batches."""

import base64
import hashlib
import json
import uuid

from eventually import eventually


def md5(text):
    return hashlib.md5(text.encode()).hexdigest()


def test_a_message_is_sent_received_and_deleted(aws, queue):
    """sqs/send-message, sqs/receive-message, sqs/delete-message."""
    sent = aws.sqs("send-message", queue_url=queue, message_body="grüße")
    assert sent["MD5OfMessageBody"] == md5("grüße")
    (got,) = aws.sqs("receive-message", queue_url=queue, attribute_names="All")["Messages"]
    assert (got["MessageId"], got["Body"]) == (sent["MessageId"], "grüße")
    assert got["Attributes"]["ApproximateReceiveCount"] == "1"
    handle = got["ReceiptHandle"]
    assert aws.text("sqs", "delete-message", queue_url=queue, receipt_handle=handle) == ""
    # An empty answer is no output at all, and no error.
    assert aws.text("sqs", "receive-message", queue_url=queue, wait_time_seconds="1") == ""


def test_the_body_can_be_a_file(aws, queue, tmp_path):
    """guide: cli-usage-parameters-file."""
    text = "two lines\nof a file\n"
    (tmp_path / "body.txt").write_text(text)
    aws.sqs("send-message", queue_url=queue, message_body="file://body.txt")
    (got,) = aws.sqs("receive-message", queue_url=queue)["Messages"]
    assert got["Body"] == text


def test_message_attributes_are_strings_numbers_and_bytes(aws, queue, tmp_path):
    """sqs/send-message, --message-attributes: shorthand, JSON, and bytes from a file."""
    raw = bytes(range(256))
    (tmp_path / "raw").write_bytes(raw)
    attributes = (
        "City={DataType=String,StringValue=Any City},"
        "Population={DataType=Number,StringValue=1250800},"
        "Seal={DataType=Binary.raw,BinaryValue@=fileb://raw}"
    )
    sent = aws.sqs("send-message", queue_url=queue, message_body="m", message_attributes=attributes)
    wanted = {"message_attribute_names": "All", "query": "Messages[0]"}
    got = aws.sqs("receive-message", queue_url=queue, **wanted)
    assert got["MessageAttributes"] == {
        "City": {"StringValue": "Any City", "DataType": "String"},
        "Population": {"StringValue": "1250800", "DataType": "Number"},
        "Seal": {"BinaryValue": base64.b64encode(raw).decode(), "DataType": "Binary.raw"},
    }
    assert got["MD5OfMessageAttributes"] == sent["MD5OfMessageAttributes"]


def test_batches_are_files(aws, queue, tmp_path):
    """sqs/send-message-batch, sqs/delete-message-batch: entries are given by file://."""
    entries = [
        {"Id": "one", "MessageBody": "1"},
        {"Id": "two", "MessageBody": "2", "MessageAttributes": {
            "k": {"DataType": "String", "StringValue": "v"}}},
        {"Id": "late", "MessageBody": "3", "DelaySeconds": 901},
    ]
    (tmp_path / "sent.json").write_text(json.dumps(entries))
    # One is refused, the others are not: the command succeeds, and says which.
    answer = aws.sqs("send-message-batch", queue_url=queue, entries="file://sent.json")
    assert [entry["Id"] for entry in answer["Successful"]] == ["one", "two"]
    (failed,) = answer["Failed"]
    assert (failed["Id"], failed["SenderFault"]) == ("late", True)
    assert failed["Code"] == "InvalidParameterValue"

    got = aws.sqs(
        "receive-message", queue_url=queue, max_number_of_messages="10", message_attribute_names="k"
    )["Messages"]
    assert sorted(message["Body"] for message in got) == ["1", "2"]
    assert sum("MessageAttributes" in message for message in got) == 1
    entries = [
        {"Id": str(n), "ReceiptHandle": message["ReceiptHandle"]} for n, message in enumerate(got)
    ]
    (tmp_path / "done.json").write_text(json.dumps(entries))
    answer = aws.sqs("delete-message-batch", queue_url=queue, entries="file://done.json")
    assert answer == {"Successful": [{"Id": "0"}, {"Id": "1"}]}


def test_a_fifo_queue_keeps_order_and_takes_no_twins(aws, create_queue):
    """sqs/send-message, --message-group-id and --message-deduplication-id."""
    queue = create_queue(fifo=True)

    def send(body, twin):
        return aws.sqs(
            "send-message",
            queue_url=queue,
            message_body=body,
            message_group_id="g",
            message_deduplication_id=twin,
        )

    first, again, second = send("first", "1"), send("again", "1"), send("second", "2")
    assert again["MessageId"] == first["MessageId"]
    assert int(second["SequenceNumber"]) > int(first["SequenceNumber"])
    got = aws.sqs(
        "receive-message",
        queue_url=queue,
        max_number_of_messages="10",
        receive_request_attempt_id=uuid.uuid4().hex,
        message_system_attribute_names=("MessageGroupId", "SequenceNumber"),
    )["Messages"]
    assert [(message["Body"], message["Attributes"]["SequenceNumber"]) for message in got] == [
        ("first", first["SequenceNumber"]),
        ("second", second["SequenceNumber"]),
    ]


def test_what_is_in_flight_is_given_back_or_kept_longer(aws, queue):
    """sqs/change-message-visibility, sqs/change-message-visibility-batch."""
    aws.sqs("send-message", queue_url=queue, message_body="m")

    def take(**more):
        return aws.sqs("receive-message", queue_url=queue, **more).get("Messages", [])

    (got,) = take(visibility_timeout="600")
    assert take() == []
    held = {"queue_url": queue, "receipt_handle": got["ReceiptHandle"]}
    aws.sqs("change-message-visibility", **held, visibility_timeout="0")
    (got,) = take()
    entry = f"Id=a,ReceiptHandle={got['ReceiptHandle']},VisibilityTimeout=0"
    answer = aws.sqs("change-message-visibility-batch", queue_url=queue, entries=entry)
    assert answer == {"Successful": [{"Id": "a"}]}
    assert len(take()) == 1


def test_a_purge_leaves_nothing(aws, sqs, queue):
    """sqs/purge-queue; a second one within 60 seconds is refused."""
    for body in ("a", "b"):
        sqs.send_message(QueueUrl=queue, MessageBody=body)
    assert sqs.receive_message(QueueUrl=queue)["Messages"]
    aws.sqs("purge-queue", queue_url=queue)

    def counts():
        shown = aws.sqs("get-queue-attributes", queue_url=queue, attribute_names="All")
        names = ("ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible")
        return [shown["Attributes"][name] for name in names]

    eventually(lambda: counts() == ["0", "0"], what="an empty queue")
    said = aws.refused("sqs", "purge-queue", queue_url=queue)
    assert said.startswith("An error occurred (AWS.SimpleQueueService.PurgeQueueInProgress)")
