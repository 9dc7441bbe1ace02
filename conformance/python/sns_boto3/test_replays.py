"""Archives, and their replay.

https://docs.aws.amazon.com/sns/latest/dg/fifo-message-archiving-replay.html
"""

import json

import pytest

from eventually import eventually

EVER = json.dumps({"PointType": "Timestamp", "StartingPoint": "2000-01-01T00:00:00.000Z"})


@pytest.fixture
def archived(create_topic):
    policy = json.dumps({"MessageRetentionPeriod": "30"})
    return create_topic(fifo=True, ContentBasedDeduplication="true", ArchivePolicy=policy)


def publish(sns, topic, *bodies, **attributes):
    for body in bodies:
        sns.publish(TopicArn=topic, Message=body, MessageGroupId="g", **attributes)


def completed(sns, subscription):
    def look():
        shown = sns.get_subscription_attributes(SubscriptionArn=subscription)["Attributes"]
        assert shown["ReplayStatus"] in ["Pending", "In progress", "Completed"]
        return shown["ReplayStatus"] == "Completed"

    eventually(look, what="the replay's end")


def test_who_subscribes_later_is_told_everything(sns, archived, create_queue, subscribe):
    publish(sns, archived, *[str(n) for n in range(300)])
    queue = create_queue(fifo=True)
    arn = subscribe(archived, queue, RawMessageDelivery="true", ReplayPolicy=EVER)
    publish(sns, archived, *[str(n) for n in range(300, 320)])
    completed(sns, arn)
    publish(sns, archived, "320")
    assert queue.bodies(321) == [str(n) for n in range(321)]


def test_a_replay_says_what_it_is(sns, archived, create_queue, subscribe):
    """"A replayed message retains the same content, MessageId, and Timestamp as the original. The message
    includes a Replayed attribute" (message-archiving-and-replay-subscriber.html)"""
    queue = create_queue(fifo=True)
    arn = subscribe(archived, queue)
    publish(sns, archived, "x")
    set_ = {"SubscriptionArn": arn, "AttributeName": "ReplayPolicy"}
    sns.set_subscription_attributes(AttributeValue=EVER, **set_)
    completed(sns, arn)
    first, again = queue.notifications(2)
    assert again.pop("Replayed") == "true"
    assert first == again
    sns.set_subscription_attributes(AttributeValue="{}", **set_)
    shown = sns.get_subscription_attributes(SubscriptionArn=arn)["Attributes"]
    assert "ReplayStatus" not in shown and "ReplayPolicy" not in shown


def test_a_filter_holds_for_what_is_replayed(sns, archived, create_queue, subscribe):
    """"To replay only specific messages, apply a filter policy to your subscription." """
    for colour in ["red", "blue", "green"]:
        attribute = {"colour": {"DataType": "String", "StringValue": colour}}
        publish(sns, archived, colour, MessageAttributes=attribute)
    queue = create_queue()
    wanted = json.dumps({"colour": ["blue"]})
    arn = subscribe(
        archived, queue, RawMessageDelivery="true", FilterPolicy=wanted, ReplayPolicy=EVER
    )
    completed(sns, arn)
    [message] = queue.take(1)
    assert message["Body"] == "blue"
    assert message["MessageAttributes"]["colour"]["StringValue"] == "blue"


def test_only_archives_are_replayed(create_topic, create_queue, subscribe, refused):
    topic = create_topic(fifo=True)
    arguments = {"topic": topic, "queue": create_queue(), "ReplayPolicy": EVER}
    refused("InvalidParameter", "ReplayPolicy", subscribe, **arguments)
