"""The query protocol: forms and query strings in, XML out.

guide: sqs-making-api-requests-xml. SDKs from before the end of 2023 speak it, and so does curl.
"""

import re

import pytest

from . import digests
from .messages import attributes, counts, send, take_one
from .raw import FORM, NAMESPACE, Raw, path_of


@pytest.fixture
def raw(endpoint):
    return Raw(endpoint)


@pytest.fixture(params=["form", "get"])
def call(raw, request):
    """A call by POST with a form, and by GET with a query string."""
    return getattr(raw, request.param)


def test_shapes_of_answers(call, queue):
    """guide: sqs-api-xml-response-structure: `<ActionResponse><ActionResult>`, `ResponseMetadata`
    with the `RequestId`."""
    answer = call("SendMessage", queue, MessageBody="größe & <so>")
    assert answer.status == 200
    assert answer.headers["Content-Type"].startswith("text/xml")
    assert answer.xml.tag == f"{NAMESPACE}SendMessageResponse"
    assert answer.texts("SendMessageResult/MD5OfMessageBody") == [digests.of_body("größe & <so>")]
    [request_id] = answer.texts("ResponseMetadata/RequestId")
    assert request_id
    assert answer.headers["x-amzn-RequestId"] == request_id
    received = call("ReceiveMessage", queue, WaitTimeSeconds=5, AttributeName__1="All")
    assert received.texts("ReceiveMessageResult/Message/Body") == ["größe & <so>"]
    assert received.texts("ReceiveMessageResult/Message/MD5OfBody") == [
        digests.of_body("größe & <so>")
    ]
    assert received.texts("ReceiveMessageResult/Message/MessageId") == answer.texts(
        "SendMessageResult/MessageId"
    )
    names = received.texts("ReceiveMessageResult/Message/Attribute/Name")
    assert set(names) >= {"SentTimestamp", "ApproximateReceiveCount"}


def test_an_empty_receive(call, queue):
    """API_ReceiveMessage: a result without messages."""
    answer = call("ReceiveMessage", queue)
    assert answer.status == 200
    assert len(answer.xml.find(f"{NAMESPACE}ReceiveMessageResult")) == 0


def test_the_life_of_a_queue(raw, fresh):
    """API_CreateQueue, API_GetQueueUrl, API_ListQueues, API_GetQueueAttributes, API_DeleteQueue."""
    name = fresh("q")
    created = raw.form(
        "CreateQueue", QueueName=name, Attribute__1__Name="VisibilityTimeout",
        Attribute__1__Value="7", Attribute__2__Name="DelaySeconds", Attribute__2__Value="1",
        Tag__1__Key="team", Tag__1__Value="blue",
    )
    [url] = created.texts("CreateQueueResult/QueueUrl")
    assert raw.form("GetQueueUrl", QueueName=name).texts("GetQueueUrlResult/QueueUrl") == [url]
    listed = raw.get("ListQueues", QueueNamePrefix=name)
    assert listed.texts("ListQueuesResult/QueueUrl") == [url]
    got = raw.form(
        "GetQueueAttributes", url, AttributeName__1="VisibilityTimeout", AttributeName__2="QueueArn"
    )
    names = got.texts("GetQueueAttributesResult/Attribute/Name")
    values = got.texts("GetQueueAttributesResult/Attribute/Value")
    found = dict(zip(names, values, strict=True))
    assert found["VisibilityTimeout"] == "7"
    assert found["QueueArn"].endswith(f":{name}")
    tags = raw.form("ListQueueTags", url)
    assert tags.texts("ListQueueTagsResult/Tag/Key") == ["team"]
    assert tags.texts("ListQueueTagsResult/Tag/Value") == ["blue"]
    assert raw.form("UntagQueue", url, TagKey__1="team").status == 200
    assert raw.form("ListQueueTags", url).texts("ListQueueTagsResult/Tag/Key") == []
    deleted = raw.form("DeleteQueue", url)
    assert deleted.xml.tag == f"{NAMESPACE}DeleteQueueResponse"
    assert raw.form("GetQueueUrl", QueueName=name).status == 400


def test_attributes_are_set(raw, sqs, queue):
    """API_SetQueueAttributes."""
    raw.form("SetQueueAttributes", queue, Attribute__1__Name="DelaySeconds",
             Attribute__1__Value="9")
    assert attributes(sqs, queue, "DelaySeconds") == ["9"]
    # As the API reference of before had it.
    raw.form("SetQueueAttributes", queue, **{"Attribute.Name": "DelaySeconds",
                                            "Attribute.Value": "8"})
    assert attributes(sqs, queue, "DelaySeconds") == ["8"]


def test_message_attributes(raw, sqs, queue):
    """API_SendMessage: MessageAttribute.N.Name, .Value.StringValue, .Value.DataType; the binary
    ones in base64."""
    raw.form(
        "SendMessage", queue, MessageBody="a",
        MessageAttribute__1__Name="text", MessageAttribute__1__Value__StringValue="größe",
        MessageAttribute__1__Value__DataType="String",
        MessageAttribute__2__Name="binary", MessageAttribute__2__Value__BinaryValue="AP8=",
        MessageAttribute__2__Value__DataType="Binary",
        MessageSystemAttribute__1__Name="AWSTraceHeader",
        MessageSystemAttribute__1__Value__StringValue="Root=1-5759e988-bd862e3f",
        MessageSystemAttribute__1__Value__DataType="String",
    )
    message = take_one(sqs, queue, MessageAttributeNames=["All"], VisibilityTimeout=0)
    assert message["MessageAttributes"] == {
        "text": {"DataType": "String", "StringValue": "größe"},
        "binary": {"DataType": "Binary", "BinaryValue": b"\x00\xff"},
    }
    assert message["Attributes"]["AWSTraceHeader"] == "Root=1-5759e988-bd862e3f"
    received = raw.form("ReceiveMessage", queue, MessageAttributeName__1="text",
                        MessageAttributeName__2="binary", WaitTimeSeconds=5)
    path = "ReceiveMessageResult/Message"
    found = dict(zip(received.texts(f"{path}/MessageAttribute/Name"),
                     received.texts(f"{path}/MessageAttribute/Value/DataType"), strict=True))
    assert found == {"text": "String", "binary": "Binary"}
    assert received.texts(f"{path}/MessageAttribute/Value/StringValue") == ["größe"]
    assert received.texts(f"{path}/MessageAttribute/Value/BinaryValue") == ["AP8="]
    digest = digests.of_attributes(message["MessageAttributes"])
    assert received.texts(f"{path}/MD5OfMessageAttributes") == [digest]


def test_batches(raw, sqs, queue):
    """API_SendMessageBatch, API_ChangeMessageVisibilityBatch, API_DeleteMessageBatch."""
    entry = "SendMessageBatchRequestEntry"
    sent = raw.form("SendMessageBatch", queue, **{
        f"{entry}.1.Id": "good", f"{entry}.1.MessageBody": "a",
        f"{entry}.2.Id": "bad", f"{entry}.2.MessageBody": "a\x08",
        f"{entry}.3.Id": "late", f"{entry}.3.MessageBody": "b", f"{entry}.3.DelaySeconds": "900",
    })
    result = "SendMessageBatchResult"
    assert sent.texts(f"{result}/SendMessageBatchResultEntry/Id") == ["good", "late"]
    assert sent.texts(f"{result}/BatchResultErrorEntry/Id") == ["bad"]
    assert sent.texts(f"{result}/BatchResultErrorEntry/Code") == ["InvalidMessageContents"]
    assert sent.texts(f"{result}/BatchResultErrorEntry/SenderFault") == ["true"]
    assert counts(sqs, queue) == [1, 0, 1]
    handle = take_one(sqs, queue)["ReceiptHandle"]
    entry = "ChangeMessageVisibilityBatchRequestEntry"
    changed = raw.form("ChangeMessageVisibilityBatch", queue, **{
        f"{entry}.1.Id": "one", f"{entry}.1.ReceiptHandle": handle,
        f"{entry}.1.VisibilityTimeout": "60",
    })
    result = "ChangeMessageVisibilityBatchResult/ChangeMessageVisibilityBatchResultEntry/Id"
    assert changed.texts(result) == ["one"]
    entry = "DeleteMessageBatchRequestEntry"
    deleted = raw.form("DeleteMessageBatch", queue, **{
        f"{entry}.1.Id": "one", f"{entry}.1.ReceiptHandle": handle,
    })
    assert deleted.texts("DeleteMessageBatchResult/DeleteMessageBatchResultEntry/Id") == ["one"]
    assert counts(sqs, queue) == [0, 0, 1]


def test_messages_are_deleted_and_changed(raw, sqs, queue):
    """API_ChangeMessageVisibility, API_DeleteMessage."""
    send(sqs, queue, "a")
    handle = take_one(sqs, queue)["ReceiptHandle"]
    changed = raw.form("ChangeMessageVisibility", queue, ReceiptHandle=handle, VisibilityTimeout=0)
    assert changed.xml.tag == f"{NAMESPACE}ChangeMessageVisibilityResponse"
    handle = take_one(sqs, queue)["ReceiptHandle"]
    assert raw.form("DeleteMessage", queue, ReceiptHandle=handle).status == 200
    assert counts(sqs, queue) == [0, 0, 0]


def test_permissions(raw, sqs, queue):
    """API_AddPermission: AWSAccountId.N and ActionName.N."""
    raw.form("AddPermission", queue, Label="one", AWSAccountId__1="111111111111",
             ActionName__1="SendMessage")
    assert "111111111111" in attributes(sqs, queue, "Policy")[0]
    raw.form("RemovePermission", queue, Label="one")
    assert "Policy" not in attributes(sqs, queue)


def test_the_queue_as_a_parameter(call, sqs, queue):
    """API_SendMessage, QueueUrl: at the endpoint itself."""
    assert call("SendMessage", "/", QueueUrl=queue, MessageBody="a").status == 200
    assert take_one(sqs, queue)["Body"] == "a"


def test_shapes_of_errors(call, queue):
    """guide: sqs-api-xml-error-response-structure: Type, Code and Message, and a RequestId."""
    answer = call("GetQueueAttributes", f"{queue}-not", AttributeName__1="All")
    assert answer.status == 400
    assert answer.xml.tag == f"{NAMESPACE}ErrorResponse"
    assert answer.error == "AWS.SimpleQueueService.NonExistentQueue"
    assert answer.texts("Error/Type") == ["Sender"]
    assert answer.texts("Error/Message")[0].startswith("The specified queue does not exist")
    [request_id] = answer.texts("RequestId")
    assert request_id


@pytest.mark.parametrize(
    "action, parameters, code",
    [
        ("SendMessage", {}, "MissingParameter"),
        ("SendMessage", {"MessageBody": "a\x08"}, "InvalidMessageContents"),
        ("ReceiveMessage", {"MaxNumberOfMessages": 11}, "InvalidParameterValue"),
        ("GetQueueAttributes", {"AttributeName__1": "Colour"}, "InvalidAttributeName"),
        ("DeleteMessage", {"ReceiptHandle": "garbage"}, "ReceiptHandleIsInvalid"),
        ("SendMessageBatch", {}, "AWS.SimpleQueueService.EmptyBatchRequest"),
        ("Dance", {}, "InvalidAction"),
    ],
    ids=["no_body", "characters", "eleven", "attribute", "handle", "no_entries", "action"],
)
def test_codes_of_errors(call, queue, action, parameters, code):
    """API_SendMessage and the others; guide: CommonErrors (InvalidAction, MissingParameter)."""
    answer = call(action, queue, **parameters)
    assert answer.error == code
    # SQS answers 404 for a handle, whatever the page says.
    assert answer.status in ((400, 404) if "Handle" in code else (400,))
    assert answer.texts("Error/Type") == ["Sender"]


@pytest.mark.parametrize(
    "value", ["ten", "1.5", "", "99999999999999999999"], ids=["text", "half", "empty", "huge"]
)
def test_numbers_that_are_none(raw, queue, value):
    """CommonErrors: a malformed parameter."""
    answer = raw.form("ReceiveMessage", queue, MaxNumberOfMessages=value)
    assert answer.status == 400
    assert answer.error in ("InvalidParameterValue", "MalformedInput", "MissingParameter")


@pytest.mark.parametrize("action", ["CreateQueue", "ListQueues"])
def test_actions_that_are_not_a_queues(raw, queue, action):
    """As SQS answers (LocalStack: get_create_queue_fails, get_list_queues_fails)."""
    answer = raw.get(action, queue, QueueName="a")
    assert (answer.status, answer.error) == (400, "InvalidAction")


@pytest.mark.parametrize("path", ["/", None], ids=["endpoint", "queue"])
def test_no_action_at_all(raw, queue, path):
    """As SQS answers a browser: UnknownOperationException."""
    answer = raw.request("GET", path or path_of(queue))
    assert answer.status == 404
    assert b"UnknownOperationException" in answer.body


def test_signs_in_a_form(raw, sqs, queue):
    """application/x-www-form-urlencoded: plus, percent, and characters beyond ASCII."""
    body = b"Action=SendMessage&MessageBody=a+b%2Bc%25+%C3%BC%0D%0A%F0%9F%90%99&Version=2012-11-05"
    assert raw.request("POST", path_of(queue), body, Content_Type=FORM).status == 200
    assert take_one(sqs, queue)["Body"] == "a b+c% ü\r\n🐙"


@pytest.mark.parametrize("body", [b"\xff\xfe", b"%FF%FE", b"%C3"], ids=["raw", "escaped", "half"])
def test_forms_that_are_not_utf_8(raw, sqs, queue, body):
    """API_SendMessage: messages are Unicode."""
    form = b"Action=SendMessage&MessageBody=" + body
    answer = raw.request("POST", path_of(queue), form, Content_Type=FORM)
    assert answer.status == 400
    assert re.match(rb"\s*<", answer.body)
    assert counts(sqs, queue) == [0, 0, 0]


def test_carriage_returns_come_through(raw, sqs, queue):
    """XML 1.0, 2.11: a reader turns \\r\\n into \\n, unless the \\r is written as a reference."""
    send(sqs, queue, "a\r\nb\r")
    answer = raw.form("ReceiveMessage", queue, WaitTimeSeconds=5)
    assert answer.texts("ReceiveMessageResult/Message/Body") == ["a\r\nb\r"]
