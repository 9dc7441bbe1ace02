"""Topics and subscriptions of SNS."""

import json

import pytest

from .command import arn_of


@pytest.fixture
def subscribe(aws, topic, queue):
    """subscribe({"RawMessageDelivery": "true"}) has `queue` told by `topic`."""

    def to(attributes=None):
        more = {"attributes": attributes} if attributes else {}
        return aws.sns(
            "subscribe",
            topic_arn=topic,
            protocol="sqs",
            notification_endpoint=arn_of(queue),
            **more,
        )["SubscriptionArn"]

    return to


@pytest.fixture
def received(sqs, queue):
    """received(2): so many bodies, and no more. They are there when their publisher is answered."""

    def take(count):
        ask = {"QueueUrl": queue, "MaxNumberOfMessages": 10, "VisibilityTimeout": 600}
        bodies = [message["Body"] for message in sqs.receive_message(**ask).get("Messages", [])]
        assert len(bodies) == count, bodies
        return sorted(bodies)

    return take


def test_a_topic_is_made_changed_and_deleted(aws, fresh):
    """sns/create-topic, sns/set-topic-attributes, sns/get-topic-attributes, sns/delete-topic."""
    name = fresh("t")
    made = aws.sns("create-topic", name=name, tags="Key=team,Value=billing")
    topic = made["TopicArn"]
    assert topic == f"arn:aws:sns:us-east-1:000000000000:{name}"
    display = {"attribute_name": "DisplayName", "attribute_value": "Orders"}
    aws.sns("set-topic-attributes", topic_arn=topic, **display)
    shown = aws.sns("get-topic-attributes", topic_arn=topic)["Attributes"]
    assert (shown["DisplayName"], shown["SubscriptionsConfirmed"]) == ("Orders", "0")
    aws.sns("tag-resource", resource_arn=topic, tags="Key=stage,Value=test")
    aws.sns("untag-resource", resource_arn=topic, tag_keys="team")
    tags = aws.sns("list-tags-for-resource", resource_arn=topic)
    assert tags == {"Tags": [{"Key": "stage", "Value": "test"}]}
    assert aws.text("sns", "delete-topic", topic_arn=topic) == ""
    said = aws.refused("sns", "get-topic-attributes", topic_arn=topic)
    assert said.startswith("An error occurred (NotFound) when calling the GetTopicAttributes")


def test_a_filter_policy_lets_through_what_it_names(aws, topic, subscribe, received):
    """sns/subscribe, --attributes; sns/publish, --message-attributes."""
    subscribe({"FilterPolicy": json.dumps({"store": ["berlin"]}), "RawMessageDelivery": "true"})
    for store in ("berlin", "paris"):
        attributes = {"store": {"DataType": "String", "StringValue": store}}
        sent = aws.sns("publish", topic_arn=topic, message=store, message_attributes=attributes)
        assert sent["MessageId"]
    assert received(1) == ["berlin"]


def test_raw_delivery_is_switched_on(aws, topic, subscribe, received):
    """sns/set-subscription-attributes, sns/get-subscription-attributes: RawMessageDelivery."""
    subscription = subscribe()
    sent = aws.sns("publish", topic_arn=topic, subject="news", message="wrapped")
    (body,) = received(1)
    told = json.loads(body)
    assert (told["Type"], told["Subject"], told["Message"]) == ("Notification", "news", "wrapped")
    assert told["MessageId"] == sent["MessageId"]
    raw = {"attribute_name": "RawMessageDelivery", "attribute_value": "true"}
    aws.sns("set-subscription-attributes", subscription_arn=subscription, **raw)
    shown = aws.sns("get-subscription-attributes", subscription_arn=subscription)["Attributes"]
    assert (shown["RawMessageDelivery"], shown["PendingConfirmation"]) == ("true", "false")
    aws.sns("publish", topic_arn=topic, message="bare")
    assert received(1) == ["bare"]


def test_a_batch_is_published(aws, topic, subscribe, received):
    """sns/publish-batch: entries in shorthand."""
    subscribe("RawMessageDelivery=true")
    entries = ("Id=a,Message=one", "Id=b,Message=two")
    answer = aws.sns("publish-batch", topic_arn=topic, publish_batch_request_entries=entries)
    assert [entry["Id"] for entry in answer["Successful"]] == ["a", "b"]
    assert answer["Failed"] == []
    assert received(2) == ["one", "two"]


def test_topics_are_listed_in_pages(account):
    """sns/list-topics; guide: cli-usage-pagination."""
    topics = [account.sns("create-topic", name=f"t{n}")["TopicArn"] for n in range(3)]
    first = account.sns("list-topics", max_items="2")
    assert len(first["Topics"]) == 2 and first["NextToken"]
    rest = account.sns("list-topics", max_items="2", starting_token=first["NextToken"])
    assert "NextToken" not in rest
    listed = [row["TopicArn"] for page in (first, rest) for row in page["Topics"]]
    assert sorted(listed) == topics


def test_subscriptions_are_listed_and_end(aws, topic, queue, subscribe, received):
    """sns/list-subscriptions-by-topic, sns/unsubscribe."""
    subscription = subscribe()
    listed = aws.sns("list-subscriptions-by-topic", topic_arn=topic)["Subscriptions"]
    assert listed == [
        {
            "SubscriptionArn": subscription,
            "Owner": "000000000000",
            "Protocol": "sqs",
            "Endpoint": arn_of(queue),
            "TopicArn": topic,
        }
    ]
    assert aws.text("sns", "unsubscribe", subscription_arn=subscription) == ""
    assert aws.sns("list-subscriptions-by-topic", topic_arn=topic) == {"Subscriptions": []}
    aws.sns("publish", topic_arn=topic, message="m")
    assert received(0) == []
