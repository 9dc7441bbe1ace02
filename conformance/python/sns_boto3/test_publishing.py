"""Publishing to queues. https://docs.aws.amazon.com/sns/latest/api/API_Publish.html"""

import json

import pytest


def test_a_queue_receives_a_notification(sns, topic, queue, subscribe):
    """https://docs.aws.amazon.com/sns/latest/dg/sns-message-and-json-formats.html"""
    subscription = subscribe(topic, queue)
    attributes = {
        "colour": {"DataType": "String", "StringValue": "red"},
        "picture": {"DataType": "Binary", "BinaryValue": b"\x00\xff"},
    }
    text = 'a "quoted" line\n<ä> \U0001f600'
    published = sns.publish(
        TopicArn=topic, Message=text, Subject="Hello", MessageAttributes=attributes
    )
    [message] = queue.notifications(1)
    assert message["Type"] == "Notification"
    assert message["MessageId"] == published["MessageId"]
    assert message["TopicArn"] == topic
    assert (message["Subject"], message["Message"]) == ("Hello", text)
    assert message["UnsubscribeURL"].endswith(f"SubscriptionArn={subscription}")
    assert message["MessageAttributes"] == {
        "colour": {"Type": "String", "Value": "red"},
        "picture": {"Type": "Binary", "Value": "AP8="},
    }


def test_a_raw_message_has_its_attributes_beside_it(sns, topic, queue, subscribe):
    """https://docs.aws.amazon.com/sns/latest/dg/sns-large-payload-raw-message-delivery.html"""
    subscribe(topic, queue, RawMessageDelivery="true")
    attributes = {
        "n": {"DataType": "Number.int", "StringValue": "7"},
        "picture": {"DataType": "Binary", "BinaryValue": b"\x00\xff"},
    }
    sns.publish(TopicArn=topic, Message="as it is", MessageAttributes=attributes)
    [message] = queue.take(1)
    assert message["Body"] == "as it is"
    assert message["MessageAttributes"] == attributes


def test_all_queues_of_a_topic_receive_a_message(sns, topic, create_queue, subscribe):
    """"Fanout" (https://docs.aws.amazon.com/sns/latest/dg/sns-common-scenarios.html)."""
    queues = [create_queue() for _ in range(12)]
    for at, queue in enumerate(queues):
        subscribe(topic, queue, RawMessageDelivery="true" if at % 2 else "false")
    sns.publish(TopicArn=topic, Message="everybody")
    for queue in queues:
        assert "everybody" in queue.bodies(1)[0]


def test_each_protocol_has_a_word_of_its_own(sns, topic, queue, subscribe, refused):
    """`MessageStructure` (API_Publish)."""
    subscribe(topic, queue, RawMessageDelivery="true")
    for words in [{"default": "d", "sqs": "s"}, {"default": "d", "email": "e"}]:
        sns.publish(TopicArn=topic, Message=json.dumps(words), MessageStructure="json")
    assert sorted(queue.bodies(2)) == ["d", "s"]
    refused(
        "InvalidParameter",
        "No default entry in JSON message body",
        sns.publish,
        TopicArn=topic,
        Message='{"sqs": "s"}',
        MessageStructure="json",
    )


@pytest.mark.parametrize(
    "arguments, code, text",
    [
        ({"Message": ""}, "InvalidParameter", "Empty message"),
        ({"Message": "x" * 262_145}, "InvalidParameter", "Message too long"),
        ({"Message": "x", "Subject": "x" * 101}, "InvalidParameter", "Subject"),
        ({"Message": "x", "Subject": "a\nb"}, "InvalidParameter", "Subject"),
        (
            {"Message": "x", "MessageAttributes": {"a": {"DataType": "List"}}},
            "ParameterValueInvalid",
            "invalid message attribute type",
        ),
        (
            {"Message": "x", "MessageAttributes": {"a": {"DataType": "String"}}},
            "ParameterValueInvalid",
            "must use field 'String'",
        ),
        (
            {
                "Message": "x",
                "MessageAttributes": {".a": {"DataType": "String", "StringValue": "x"}},
            },
            "ParameterValueInvalid",
            "starting with character '.'",
        ),
        (
            {"Message": "x", "MessageDeduplicationId": "d"},
            "InvalidParameter",
            "not valid for this topic type",
        ),
    ],
)
def test_what_is_no_message_is_refused(sns, topic, refused, arguments, code, text):
    """https://docs.aws.amazon.com/sns/latest/api/API_Publish.html, parameters and errors"""
    refused(code, text, sns.publish, TopicArn=topic, **arguments)


def test_the_largest_message_is_taken(sns, topic, queue, subscribe):
    """"The message must be ... at most 256 KB in size (262,144 bytes, not characters)"."""
    subscribe(topic, queue, RawMessageDelivery="true")
    text = "ä" * 131_072
    sns.publish(TopicArn=topic, Message=text)
    assert queue.bodies(1) == [text]


def test_a_batch_is_told_of_each_message(sns, topic, queue, subscribe):
    """https://docs.aws.amazon.com/sns/latest/api/API_PublishBatch.html"""
    subscribe(topic, queue, RawMessageDelivery="true")
    entries = [{"Id": f"id-{n}", "Message": str(n)} for n in range(10)]
    answer = sns.publish_batch(TopicArn=topic, PublishBatchRequestEntries=entries)
    assert [one["Id"] for one in answer["Successful"]] == [one["Id"] for one in entries]
    assert answer.get("Failed", []) == []
    assert len({one["MessageId"] for one in answer["Successful"]}) == 10
    assert sorted(queue.bodies(10)) == [str(n) for n in range(10)]


@pytest.mark.parametrize(
    "entries, code",
    [
        ([], "EmptyBatchRequest"),
        ([{"Id": str(n), "Message": "x"} for n in range(11)], "TooManyEntriesInBatchRequest"),
        ([{"Id": "a", "Message": "x"}] * 2, "BatchEntryIdsNotDistinct"),
        ([{"Id": "a.b", "Message": "x"}], "InvalidBatchEntryId"),
        ([{"Id": "a" * 81, "Message": "x"}], "InvalidBatchEntryId"),
        ([{"Id": n, "Message": "x" * 140_000} for n in "ab"], "BatchRequestTooLong"),
    ],
)
def test_what_is_no_batch_is_refused(sns, topic, refused, entries, code):
    """https://docs.aws.amazon.com/sns/latest/api/API_PublishBatch.html, errors"""
    refused(code, "", sns.publish_batch, TopicArn=topic, PublishBatchRequestEntries=entries)


def test_what_a_deleted_queue_was_to_receive_is_in_the_dead_letter_queue(
    sns, sqs, topic, create_queue, subscribe
):
    """https://docs.aws.amazon.com/sns/latest/dg/sns-dead-letter-queues.html: client-side errors,
    "a deleted endpoint"."""
    gone, dead = create_queue(), create_queue()
    redrive = {"deadLetterTargetArn": dead.arn}
    subscribe(topic, gone, RawMessageDelivery="true", RedrivePolicy=redrive)
    sqs.delete_queue(QueueUrl=gone.url)
    sns.publish(TopicArn=topic, Message="lost")
    assert dead.bodies(1) == ["lost"]
    sqs.create_queue(QueueName=gone.url.rsplit("/", 1)[1])


def test_a_queue_named_like_a_topic_receives_nothing_unless_it_is_subscribed(
    sns, topic, create_queue
):
    """Names of topics and of queues are apart: ARNs name the service."""
    queue = create_queue(name=topic.rsplit(":", 1)[1])
    sns.publish(TopicArn=topic, Message="x")
    assert queue.take(0) == []


def test_a_group_is_carried_to_queues_that_share_fairly(sns, topic, queue, subscribe):
    """"MessageGroupId ... For standard topics: ... enables fair queues" (API_Publish)."""
    subscribe(topic, queue, RawMessageDelivery="true")
    sns.publish(TopicArn=topic, Message="x", MessageGroupId="tenant")
    assert queue.take(1)[0]["Attributes"]["MessageGroupId"] == "tenant"
