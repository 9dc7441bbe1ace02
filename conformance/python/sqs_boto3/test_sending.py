"""SendMessage: what a message may be, and what comes back for it."""

import re

import pytest

from . import digests
from .messages import NO_QUEUE, bodies, receive, refused, send, take_one

UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$")
MAX_BYTES = 1_048_576
TRACE = "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1"
PUNCTUATION = "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~"


def text(value, kind="String"):
    return {"DataType": kind, "StringValue": value}


def binary(value, kind="Binary"):
    return {"DataType": kind, "BinaryValue": value}


def code_point(character):
    return f"U+{ord(character):04X}"


def test_what_is_sent_is_received(sqs, queue):
    """API_SendMessage, API_ReceiveMessage: id, body and digest."""
    [sent] = send(sqs, queue, "größe")
    assert UUID.match(sent["MessageId"])
    assert sent["MD5OfMessageBody"] == digests.of_body("größe")
    assert "MD5OfMessageAttributes" not in sent
    assert "SequenceNumber" not in sent
    message = take_one(sqs, queue)
    assert message["MessageId"] == sent["MessageId"]
    assert message["Body"] == "größe"
    assert message["MD5OfBody"] == digests.of_body("größe")
    assert "MessageAttributes" not in message


def test_ids_are_unique(sqs, queue):
    """guide: sqs-queue-message-identifiers#message-id."""
    sent = send(sqs, queue, *["the same"] * 20)
    assert len({one["MessageId"] for one in sent}) == 20


def test_queues_do_not_share(sqs, queue, create_queue):
    """API_SendMessage, QueueUrl."""
    other = create_queue(name=queue.rsplit("/", 1)[1] + "-other")
    send(sqs, queue, "here")
    assert receive(sqs, other, WaitTimeSeconds=1) == []
    assert take_one(sqs, queue)["Body"] == "here"


def test_a_queue_that_is_not_there(sqs, queue):
    """API_SendMessage: QueueDoesNotExist."""
    with refused(NO_QUEUE, status=400):
        send(sqs, f"{queue}-not", "a")


def test_a_body_is_needed(sqs, queue):
    """API_SendMessage, MessageBody: "The minimum size is one character"."""
    with refused("MissingParameter", "InvalidParameterValue", status=400):
        send(sqs, queue, "")
    with refused("MissingParameter", "InvalidParameterValue", status=400):
        sqs.send_message(QueueUrl=queue)


@pytest.mark.parametrize("size", [1, 1_024, 262_145, MAX_BYTES])
def test_sizes_up_to_a_mebibyte(sqs, queue, size):
    """API_SendMessage, MessageBody: "The maximum size is 1 MiB"."""
    body = "x" * size
    send(sqs, queue, body)
    assert take_one(sqs, queue)["Body"] == body


def test_larger_messages_are_refused(sqs, queue):
    """API_SendMessage, MessageBody; bytes count, not characters."""
    with refused("InvalidParameterValue", status=400):
        send(sqs, queue, "x" * (MAX_BYTES + 1))
    with refused("InvalidParameterValue"):
        send(sqs, queue, "ü" * (MAX_BYTES // 2 + 1))
    assert receive(sqs, queue, WaitTimeSeconds=1) == []


def test_a_queue_may_allow_less(sqs, create_queue):
    """API_SetQueueAttributes, MaximumMessageSize."""
    queue = create_queue(MaximumMessageSize=1024)
    send(sqs, queue, "x" * 1024)
    with refused("InvalidParameterValue"):
        send(sqs, queue, "x" * 1025)


def test_attributes_count_to_the_size(sqs, create_queue):
    """guide: sqs-message-metadata: "Each message attribute's name, type, value are part of the
    message size"."""
    queue = create_queue(MaximumMessageSize=1024)
    attribute = {"name": text("v" * 10)}
    spare = 1024 - len("name") - len("String") - 10
    send(sqs, queue, "x" * spare, MessageAttributes=attribute)
    with refused("InvalidParameterValue"):
        send(sqs, queue, "x" * (spare + 1), MessageAttributes=attribute)


def test_trace_headers_do_not_count_to_the_size(sqs, create_queue):
    """API_SendMessage, MessageSystemAttributes: "doesn't count towards the total size"."""
    queue = create_queue(MaximumMessageSize=1024)
    header = {"AWSTraceHeader": text(TRACE)}
    send(sqs, queue, "x" * 1024, MessageSystemAttributes=header)
    assert take_one(sqs, queue)["Attributes"]["AWSTraceHeader"] == TRACE


@pytest.mark.parametrize(
    "character", ["\t", "\n", "\r", " ", "\x7f", "\u0080", "\ud7ff", "\ue000", "\ufffd",
                  "\U00010000", "\U0010ffff"], ids=code_point,
)
def test_characters_that_are_allowed(sqs, queue, character):
    """API_SendMessage, MessageBody: #x9 | #xA | #xD | #x20 to #xD7FF | #xE000 to #xFFFD | above."""
    body = f"a{character}b"
    send(sqs, queue, body)
    message = take_one(sqs, queue)
    assert (message["Body"], message["MD5OfBody"]) == (body, digests.of_body(body))


@pytest.mark.parametrize(
    "character", ["\x00", "\x08", "\x0b", "\x0c", "\x1f", "\ufffe", "\uffff"], ids=code_point
)
def test_characters_that_are_not(sqs, queue, character):
    """API_SendMessage: InvalidMessageContents."""
    with refused("InvalidMessageContents", status=400):
        send(sqs, queue, f"a{character}b")


def test_bodies_that_look_like_something(sqs, queue):
    """API_SendMessage: "XML, JSON, and unformatted text" come back as they are."""
    sent = ['{"a": "b\\n\\u00fc"}', "<a>&amp;&lt;</a>", "a\r\nb\r", "%41+%2B", " lead and trail "]
    for body in sent:
        send(sqs, queue, body)
        message = take_one(sqs, queue)
        sqs.delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])
        assert message["Body"] == body


TYPES = {
    "text": text("größe"),
    "number": text("-12.5e3", "Number"),
    "long_number": text("1" * 38, "Number"),
    "binary": binary(bytes(range(256))),
    "labelled": text("{}", "String.json"),
    "labelled_number": text("7", "Number.int"),
    "labelled_binary": binary(b"GIF", "Binary.gif.v2"),
}


def test_attributes_come_back_as_they_were_sent(sqs, queue):
    """guide: sqs-message-metadata#sqs-message-attributes; boto3 does not check the digest."""
    [sent] = send(sqs, queue, "a", MessageAttributes=TYPES)
    assert sent["MD5OfMessageAttributes"] == digests.of_attributes(TYPES)
    message = take_one(sqs, queue, MessageAttributeNames=["All"])
    assert message["MessageAttributes"] == TYPES
    assert message["MD5OfMessageAttributes"] == digests.of_attributes(TYPES)


def test_ten_attributes_at_most(sqs, queue):
    """guide: sqs-message-metadata: "Each message can have up to 10 attributes"."""
    ten = {f"a{n}": text("v") for n in range(10)}
    [sent] = send(sqs, queue, "a", MessageAttributes=ten)
    assert sent["MD5OfMessageAttributes"] == digests.of_attributes(ten)
    with refused("InvalidParameterValue"):
        send(sqs, queue, "a", MessageAttributes={**ten, "a10": text("v")})


@pytest.mark.parametrize("name", ["a", "A-b_c.d", "n" * 256, "AWSome", "7"], ids=lambda n: n[:9])
def test_names_of_attributes(sqs, queue, name):
    """guide: sqs-message-metadata#message-attribute-components, Name."""
    send(sqs, queue, "a", MessageAttributes={name: text("v")})
    found = take_one(sqs, queue, MessageAttributeNames=[name])
    assert found["MessageAttributes"] == {name: text("v")}


@pytest.mark.parametrize(
    "name",
    ["n" * 257, ".a", "a.", "a..b", "a b", "ü", "AWS.a", "aws.a", "Amazon.a", "amazon.a"],
    ids=lambda name: ascii(name[:9])[1:-1],
)
def test_names_that_attributes_cannot_have(sqs, queue, name):
    """guide: sqs-message-metadata#message-attribute-components, Name."""
    with refused("InvalidParameterValue", status=400):
        send(sqs, queue, "a", MessageAttributes={name: text("v")})


REFUSED = {
    "empty_text": text(""),
    "empty_number": text("", "Number"),
    "empty_binary": binary(b""),
    "no_value": {"DataType": "String"},
    "no_type": {"StringValue": "v"},
    "empty_type": text("v", ""),
    "unknown_type": text("v", "Text"),
    "lower_case_type": text("v", "string"),
    "long_type": text("v", "String." + "x" * 250),
    "not_a_number": text("seven", "Number"),
    "text_in_binary": {"DataType": "Binary", "StringValue": "v"},
    "binary_in_text": {"DataType": "String", "BinaryValue": b"v"},
    "control_character": text("a\x08b"),
    "noncharacter": text("a\uffffb"),
    "list": {"DataType": "String", "StringListValues": ["v"]},
}


@pytest.mark.parametrize("attribute", REFUSED.values(), ids=REFUSED)
def test_attributes_that_are_refused(sqs, queue, attribute):
    """guide: sqs-message-metadata#message-attribute-components, Type and Value; StringListValues
    are "Not implemented. Reserved for future use" (API_MessageAttributeValue)."""
    codes = ["InvalidParameterValue", "MissingParameter", "InvalidMessageContents"]
    codes.append("AWS.SimpleQueueService.UnsupportedOperation")
    with refused(*codes, status=400):
        send(sqs, queue, "a", MessageAttributes={"name": attribute})


def test_trace_headers_have_a_digest_of_their_own(sqs, queue):
    """API_SendMessage, MD5OfMessageSystemAttributes: apart from the message attributes'."""
    header = {"AWSTraceHeader": text(TRACE)}
    own = {"a": text("v")}
    [sent] = send(sqs, queue, "a", MessageSystemAttributes=header, MessageAttributes=own)
    assert sent["MD5OfMessageSystemAttributes"] == digests.of_attributes(header)
    assert sent["MD5OfMessageAttributes"] == digests.of_attributes(own)
    message = take_one(sqs, queue, MessageAttributeNames=["All"])
    assert message["Attributes"]["AWSTraceHeader"] == TRACE
    assert message["MessageAttributes"] == own


@pytest.mark.parametrize(
    "header",
    [
        {"AWSTraceHeader": text("1", "Number")},
        {"AWSTraceHeader": text("")},
        {"SenderId": text("me")},
        {"Other": text("v")},
    ],
    ids=["number", "empty", "sender", "other"],
)
def test_system_attributes_that_are_refused(sqs, queue, header):
    """API_SendMessage, MessageSystemAttributes: only AWSTraceHeader, "Its type must be String"."""
    with refused("InvalidParameterValue", status=400):
        send(sqs, queue, "a", MessageSystemAttributes=header)


def test_groups_of_a_standard_queue(sqs, queue):
    """guide: sqs-fair-queues: MessageGroupId on standard queues; no order, no blocking."""
    send(sqs, queue, "a", "b", MessageGroupId="tenant")
    first = take_one(sqs, queue)
    second = take_one(sqs, queue)
    assert sorted(bodies([first, second])) == ["a", "b"]
    assert first["Attributes"]["MessageGroupId"] == "tenant"
    assert "SequenceNumber" not in first["Attributes"]


@pytest.mark.parametrize("parameter", ["MessageGroupId", "MessageDeduplicationId"])
def test_ids_of_fifo_queues(sqs, fifo, parameter):
    """API_SendMessage: 128 characters, alphanumeric and punctuation."""
    for value in ["g" * 128, PUNCTUATION]:
        send(sqs, fifo, value, **{"MessageGroupId": "g", parameter: value})
    for value in ["g" * 129, "two words", "ü", "tab\t", ""]:
        with refused("InvalidParameterValue", "MissingParameter", status=400):
            send(sqs, fifo, value or "empty", **{"MessageGroupId": "g", parameter: value})


def test_group_ids_of_standard_queues(sqs, queue):
    """API_SendMessage, MessageGroupId: the same characters on every queue."""
    for value in ["g" * 129, "two words", ""]:
        with refused("InvalidParameterValue", status=400):
            send(sqs, queue, "a", MessageGroupId=value)


def test_standard_queues_deduplicate_nothing(sqs, queue):
    """API_SendMessage, MessageDeduplicationId: "applies only to FIFO queues"."""
    with refused("InvalidParameterValue", status=400):
        send(sqs, queue, "a", MessageDeduplicationId="d")
