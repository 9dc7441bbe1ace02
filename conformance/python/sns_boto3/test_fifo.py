"""FIFO topics. https://docs.aws.amazon.com/sns/latest/dg/sns-fifo-topics.html"""

import pytest


@pytest.fixture
def fifo(create_topic):
    return create_topic(fifo=True, ContentBasedDeduplication="true")


def test_order_holds_in_each_group(sns, fifo, create_queue, subscribe):
    """"Message ordering details for FIFO topics" (fifo-topic-message-ordering.html)"""
    queue = create_queue(fifo=True)
    subscribe(fifo, queue, RawMessageDelivery="true")
    for at in range(20):
        sns.publish(TopicArn=fifo, Message=str(at), MessageGroupId=f"g{at % 2}")
    messages = queue.take(20)
    for group in ["g0", "g1"]:
        of_group = [m for m in messages if m["Attributes"]["MessageGroupId"] == group]
        assert [int(m["Body"]) % 2 for m in of_group] == [int(group[1])] * 10
        assert of_group == sorted(of_group, key=lambda m: int(m["Body"]))


def test_a_message_is_taken_once(sns, fifo, create_queue, subscribe):
    """"Message deduplication for FIFO topics" (fifo-message-dedup.html)"""
    ordered, plain = create_queue(fifo=True), create_queue()
    for queue in [ordered, plain]:
        subscribe(fifo, queue, RawMessageDelivery="true")
    first = sns.publish(TopicArn=fifo, Message="x", MessageGroupId="g")
    again = sns.publish(TopicArn=fifo, Message="x", MessageGroupId="g")
    for name in ["MessageId", "SequenceNumber"]:
        assert first[name] == again[name]
    other = {"MessageGroupId": "g", "MessageDeduplicationId": "another"}
    other = sns.publish(TopicArn=fifo, Message="x", **other)
    assert int(other["SequenceNumber"]) > int(first["SequenceNumber"])
    assert ordered.bodies(2) == plain.bodies(2) == ["x", "x"]


def test_a_notification_has_its_sequence_number(sns, fifo, create_queue, subscribe):
    """"SequenceNumber: a large, non-consecutive number assigned to each message" (API_Publish)"""
    queue = create_queue(fifo=True)
    subscribe(fifo, queue)
    published = sns.publish(TopicArn=fifo, Message="x", MessageGroupId="g")
    [message] = queue.notifications(1)
    assert message["SequenceNumber"] == published["SequenceNumber"]
    assert len(published["SequenceNumber"]) == 20


def test_groups_and_ids_are_asked_for(sns, create_topic, refused):
    """"The MessageGroupId ... is required" (API_Publish)"""
    topic = create_topic(fifo=True)
    text = "The MessageGroupId parameter is required for FIFO topics"
    refused("InvalidParameter", text, sns.publish, TopicArn=topic, Message="x")
    arguments = {"TopicArn": topic, "Message": "x", "MessageGroupId": "g"}
    text = "ContentBasedDeduplication enabled or MessageDeduplicationId provided"
    refused("InvalidParameter", text, sns.publish, **arguments)


def test_a_fifo_queue_is_not_told_by_a_standard_topic(topic, create_queue, subscribe, refused):
    """"you can't subscribe ... FIFO queues to standard topics" (sns-fifo-topics.html)"""
    arguments = {"topic": topic, "queue": create_queue(fifo=True)}
    refused("InvalidParameter", "can not be subscribed to standard", subscribe, **arguments)


def test_a_batch_is_in_order(sns, fifo, create_queue, subscribe):
    """https://docs.aws.amazon.com/sns/latest/api/API_PublishBatch.html"""
    queue = create_queue(fifo=True)
    subscribe(fifo, queue, RawMessageDelivery="true")
    entries = [{"Id": str(n), "Message": str(n), "MessageGroupId": "g"} for n in range(10)]
    answer = sns.publish_batch(TopicArn=fifo, PublishBatchRequestEntries=entries)
    numbers = [int(one["SequenceNumber"]) for one in answer["Successful"]]
    assert numbers == sorted(numbers) and len(set(numbers)) == 10
    assert queue.bodies(10) == [str(n) for n in range(10)]
