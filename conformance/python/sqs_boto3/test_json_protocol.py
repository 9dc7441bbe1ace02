"""AWS JSON 1.0, byte by byte: headers, errors, and what is no JSON.

https://smithy.io/2.0/aws/protocols/aws-json-1_0-protocol.html, with `awsQueryCompatible`:
https://smithy.io/2.0/aws/protocols/aws-query-protocol.html#aws-protocols-awsquerycompatible-trait
"""

import json

import pytest

from .messages import counts, receive, send, take_one
from .raw import JSON, Raw


@pytest.fixture
def raw(endpoint):
    return Raw(endpoint)


def test_headers_of_answers(raw, queue):
    """AWS JSON 1.0: Content-Type, and a request id."""
    answer = raw.json("SendMessage", {"QueueUrl": queue, "MessageBody": "a"})
    assert answer.status == 200
    assert answer.headers["Content-Type"] == JSON
    assert answer.headers["x-amzn-RequestId"]
    assert set(answer.json) == {"MessageId", "MD5OfMessageBody"}


@pytest.mark.parametrize("operation", ["PurgeQueue", "DeleteQueue"])
def test_answers_without_a_result(raw, queue, operation):
    """AWS JSON 1.0: an empty object, or nothing at all."""
    answer = raw.json(operation, {"QueueUrl": queue})
    assert (answer.status, answer.body.strip()) in [(200, b""), (200, b"{}")]


ERRORS = {
    "QueueDoesNotExist": (
        "GetQueueUrl", {"QueueName": "there-is-no-such-queue"},
        "AWS.SimpleQueueService.NonExistentQueue",
    ),
    "EmptyBatchRequest": (
        "SendMessageBatch", {"Entries": []}, "AWS.SimpleQueueService.EmptyBatchRequest",
    ),
    "TooManyEntriesInBatchRequest": (
        "DeleteMessageBatch",
        {"Entries": [{"Id": str(n), "ReceiptHandle": "a"} for n in range(11)]},
        "AWS.SimpleQueueService.TooManyEntriesInBatchRequest",
    ),
    "BatchEntryIdsNotDistinct": (
        "SendMessageBatch", {"Entries": [{"Id": "a", "MessageBody": "a"}] * 2},
        "AWS.SimpleQueueService.BatchEntryIdsNotDistinct",
    ),
    "InvalidBatchEntryId": (
        "SendMessageBatch", {"Entries": [{"Id": "a b", "MessageBody": "a"}]},
        "AWS.SimpleQueueService.InvalidBatchEntryId",
    ),
    "ReceiptHandleIsInvalid": (
        "DeleteMessage", {"ReceiptHandle": "garbage"}, "ReceiptHandleIsInvalid",
    ),
    "InvalidAttributeName": (
        "GetQueueAttributes", {"AttributeNames": ["Colour"]}, "InvalidAttributeName",
    ),
    "InvalidMessageContents": (
        "SendMessage", {"MessageBody": "\x08"}, "InvalidMessageContents",
    ),
    "ResourceNotFoundException": (
        "StartMessageMoveTask", {"SourceArn": "arn:aws:sqs:us-east-1:000000000000:none-there"},
        "ResourceNotFoundException",
    ),
}


@pytest.mark.parametrize("shape", ERRORS)
def test_errors_say_both_names(raw, queue, shape):
    """awsQueryCompatible: `__type` has the shape's name, `x-amzn-query-error` the code that the
    query protocol has for it, and whose fault it is."""
    operation, request, legacy = ERRORS[shape]
    if operation not in ("GetQueueUrl", "StartMessageMoveTask"):
        request = {"QueueUrl": queue, **request}
    answer = raw.json(operation, request)
    assert 400 <= answer.status < 500
    assert answer.json["__type"] == f"com.amazonaws.sqs#{shape}"
    assert answer.json["message"]
    assert answer.headers["x-amzn-query-error"] == f"{legacy};Sender"
    assert answer.headers["Content-Type"] == JSON


def test_errors_outside_of_the_model(raw, queue):
    """CommonErrors: InvalidParameterValue and MissingParameter."""
    answer = raw.json("ReceiveMessage", {"QueueUrl": queue, "MaxNumberOfMessages": 11})
    assert answer.status == 400
    assert answer.json["__type"].partition("#")[2].startswith("InvalidParameterValue")
    assert answer.headers["x-amzn-query-error"] == "InvalidParameterValue;Sender"
    answer = raw.json("SendMessage", {"QueueUrl": queue})
    assert answer.status == 400
    assert answer.headers["x-amzn-query-error"] == "MissingParameter;Sender"


MALFORMED = {
    "nothing": b"",
    "text": b"not json",
    "cut": b'{"QueueUrl": "a',
    "list": b"[]",
    "number": b"7",
    "trailing": b'{"QueueName": "a"} {}',
    "wrong_type": b'{"QueueName": 7}',
    "wrong_nested_type": b'{"QueueName": "a", "Attributes": ["a"]}',
    "utf_16": '{"QueueName": "a"}'.encode("utf-16"),
    "not_utf_8": b'{"QueueName": "\xff\xfe"}',
    "half_a_pair": b'{"QueueName": "\\ud800"}',
    "deep": b'{"QueueName": ' + b"[" * 100_000,
    "deep_and_ignored": b'{"Other": ' + b'{"a":' * 50_000 + b"1" + b"}" * 50_001,
}


@pytest.mark.parametrize("body", MALFORMED.values(), ids=MALFORMED)
def test_what_is_no_request(raw, queue, body):
    """AWS JSON 1.0: SerializationException, or the parameter that is missing; never a 500."""
    answer = raw.json("CreateQueue", body)
    assert answer.status == 400
    assert answer.json["__type"]
    # And it goes on.
    assert raw.json("SendMessage", {"QueueUrl": queue, "MessageBody": "a"}).status == 200


@pytest.mark.parametrize(
    "body", [b'"\\ud800"', b'"a\xffb"', b'"\\udc00\\ud800"'], ids=["half", "byte", "turned"]
)
def test_bodies_that_are_no_unicode(raw, sqs, queue, body):
    """API_SendMessage: the characters that are allowed; half a surrogate pair is none."""
    request = json.dumps({"QueueUrl": queue}).encode()[:-1] + b', "MessageBody": ' + body + b"}"
    answer = raw.json("SendMessage", request)
    assert answer.status == 400
    assert counts(sqs, queue) == [0, 0, 0]


def test_escapes_in_json(raw, sqs, queue):
    """RFC 8259: every way of writing the same text."""
    request = b'{"MessageBody":"\\u0061\\n\\"\\/\\ud83d\\udc19\\u00fc", "QueueUrl": '
    answer = raw.json("SendMessage", request + json.dumps(queue).encode() + b"}")
    assert answer.status == 200
    assert take_one(sqs, queue)["Body"] == 'a\n"/🐙ü'


def test_members_that_nobody_knows(raw, sqs, queue):
    """Smithy: servers of JSON ignore what they do not know, and take null for nothing."""
    request = {"QueueUrl": queue, "MessageBody": "a", "Colour": {"a": [1, None]},
               "DelaySeconds": None, "MessageAttributes": None}
    assert raw.json("SendMessage", request).status == 200
    assert take_one(sqs, queue)["Body"] == "a"


@pytest.mark.parametrize(
    "target",
    ["AmazonSQS.Dance", "AmazonSQS.", "Dance", "AmazonSQS.sendmessage", "Other.SendMessage"],
    ids=["unknown", "none", "no_service", "lower_case", "other_service"],
)
def test_unknown_operations(raw, queue, target):
    """CommonErrors: InvalidAction; UnknownOperationException in JSON."""
    request = {"QueueUrl": queue, "MessageBody": "a"}
    answer = raw.json("", request, X_Amz_Target=target)
    assert answer.status in (400, 404)
    assert b"UnknownOperation" in answer.body or b"InvalidAction" in answer.body


@pytest.mark.parametrize(
    "kind", ["text/plain", "application/json", "application/xml", ""],
    ids=["text", "json", "xml", "none"],
)
def test_other_content_types(raw, sqs, queue, kind):
    """AWS JSON 1.0: Content-Type is application/x-amz-json-1.0. Others are refused or taken for it;
    never half of that."""
    answer = raw.json("SendMessage", {"QueueUrl": queue, "MessageBody": "a"}, Content_Type=kind)
    if answer.status == 200:
        assert take_one(sqs, queue)["Body"] == "a"
    else:
        assert 400 <= answer.status < 500
        assert counts(sqs, queue) == [0, 0, 0]


def test_requests_to_the_queues_own_path(raw, sqs, queue):
    """SDKs may send to the queue's URL (LocalStack: send_message_via_queue_url_with_json_protocol,
    validated on AWS)."""
    request = json.dumps({"QueueUrl": queue, "MessageBody": "a"}).encode()
    path = "/" + queue.split("/", 3)[3]
    answer = raw.request("POST", path, request, Content_Type=JSON,
                         X_Amz_Target="AmazonSQS.SendMessage")
    assert answer.status == 200
    assert take_one(sqs, queue)["Body"] == "a"


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "HEAD"])
def test_other_methods(raw, queue, method):
    """AWS JSON 1.0: "always POST"."""
    answer = raw.request(method, "/", b"{}", Content_Type=JSON, X_Amz_Target="AmazonSQS.ListQueues")
    assert 400 <= answer.status < 500


def test_no_content_in_an_error(raw, sqs, queue):
    """What is refused leaves nothing behind."""
    for request in [{}, {"MessageBody": ""}, {"MessageBody": "a", "DelaySeconds": 901}]:
        assert raw.json("SendMessage", {"QueueUrl": queue, **request}).status == 400
    assert receive(sqs, queue, WaitTimeSeconds=1) == []
    send(sqs, queue, "a")
    assert counts(sqs, queue)[0] == 1
