"""Subscriptions. https://docs.aws.amazon.com/sns/latest/api/API_Subscribe.html"""

import json
import os
import urllib.request

import pytest

from sns_boto3.conftest import open_client


def recorded(subscription):
    """What was not sent, as the admin listener shows it."""
    url = f"http://{os.environ['BROKER_ADMIN']}/sns/deliveries?subscription={subscription}"
    with urllib.request.urlopen(url) as answer:
        return [json.loads(one["body"]) for one in json.load(answer)["deliveries"]]


def test_subscribing_again_answers_the_same(sns, topic, queue, subscribe, refused):
    """As AWS answers: the same if the attributes are, else refused."""
    first = subscribe(topic, queue, RawMessageDelivery="true")
    assert first.startswith(topic + ":")
    assert subscribe(topic, queue, RawMessageDelivery="true") == first
    arguments = {"topic": topic, "queue": queue, "RawMessageDelivery": "false"}
    refused("InvalidParameter", "already exists with different attributes", subscribe, **arguments)


def test_attributes_are_shown(sns, topic, queue, subscribe):
    """https://docs.aws.amazon.com/sns/latest/api/API_GetSubscriptionAttributes.html"""
    policy = {"k": ["v"]}
    subscription = subscribe(topic, queue, FilterPolicy=policy)
    shown = sns.get_subscription_attributes(SubscriptionArn=subscription)["Attributes"]
    assert json.loads(shown.pop("FilterPolicy")) == policy
    account = topic.split(":")[4]
    assert shown == {
        "SubscriptionArn": subscription,
        "TopicArn": topic,
        "Protocol": "sqs",
        "Endpoint": queue.arn,
        "Owner": account,
        "ConfirmationWasAuthenticated": "true",
        "PendingConfirmation": "false",
        "RawMessageDelivery": "false",
        "SubscriptionPrincipal": f"arn:aws:iam::{account}:root",
        "FilterPolicyScope": "MessageAttributes",
    }


@pytest.mark.parametrize(
    "protocol, endpoint, text",
    [
        ("pigeon", "x", "does not support this protocol string: pigeon"),
        ("sqs", "http://localhost/q", "SQS endpoint ARN"),
        ("http", "ftp://x", "Endpoint must match the specified protocol"),
        ("sms", "+15--551234567", "Invalid SMS endpoint"),
    ],
)
def test_what_is_no_endpoint_is_refused(sns, topic, refused, protocol, endpoint, text):
    """https://docs.aws.amazon.com/sns/latest/api/API_Subscribe.html, `Endpoint`"""
    arguments = {"TopicArn": topic, "Protocol": protocol, "Endpoint": endpoint}
    refused("InvalidParameter", text, sns.subscribe, **arguments)


def test_subscriptions_are_listed_by_pages(sns, create_topic, create_queue, subscribe):
    """"up to 100" (API_ListSubscriptionsByTopic)"""
    topic, queue = create_topic(), create_queue()
    base = queue.arn.rsplit(":", 1)[0]
    made = {subscribe(topic, queue)}
    for n in range(104):
        arguments = {"TopicArn": topic, "Protocol": "sqs", "Endpoint": f"{base}:other-{n}"}
        made.add(sns.subscribe(**arguments)["SubscriptionArn"])
    pages = list(sns.get_paginator("list_subscriptions_by_topic").paginate(TopicArn=topic))
    listed = [one["SubscriptionArn"] for page in pages for one in page["Subscriptions"]]
    assert [len(page["Subscriptions"]) for page in pages] == [100, 5]
    assert set(listed) == made


def test_an_ended_subscription_is_told_nothing(sns, topic, queue, subscribe, refused):
    """https://docs.aws.amazon.com/sns/latest/api/API_Unsubscribe.html"""
    subscription = subscribe(topic, queue)
    sns.unsubscribe(SubscriptionArn=subscription)
    sns.publish(TopicArn=topic, Message="x")
    assert queue.take(0) == []
    text = "Subscription does not exist"
    refused(
        "NotFound", text, sns.get_subscription_attributes, SubscriptionArn=subscription
    )


def test_the_link_of_a_notification_unsubscribes(sns, topic, queue, subscribe):
    """`UnsubscribeURL` (sns-message-and-json-formats.html): a page to be opened, without a key."""
    subscribe(topic, queue)
    sns.publish(TopicArn=topic, Message="x")
    with urllib.request.urlopen(queue.notifications(1)[0]["UnsubscribeURL"]) as answer:
        assert b"UnsubscribeResponse" in answer.read()
    sns.publish(TopicArn=topic, Message="y")
    assert queue.take(0) == []


@pytest.mark.forebay
def test_a_letter_waits_for_its_reader_and_is_recorded(sns, topic, refused):
    """"the endpoint owner must run the ConfirmSubscription action" (API_Subscribe)"""
    arguments = {"TopicArn": topic, "Protocol": "email", "Endpoint": "a@example.com"}
    assert sns.subscribe(**arguments)["SubscriptionArn"] == "pending confirmation"
    subscription = sns.subscribe(ReturnSubscriptionArn=True, **arguments)["SubscriptionArn"]
    token = recorded(subscription)[-1]["Token"]
    text = "Invalid parameter: Token"
    refused("InvalidParameter", text, sns.confirm_subscription, TopicArn=topic, Token="x" * 64)
    confirmed = sns.confirm_subscription(TopicArn=topic, Token=token)
    assert confirmed["SubscriptionArn"] == subscription
    sns.publish(TopicArn=topic, Message="read me")
    assert recorded(subscription)[-1]["Message"] == "read me"


def test_a_queue_of_another_account_is_told(sns, topic, fresh):
    """https://docs.aws.amazon.com/sns/latest/dg/sns-send-message-to-sqs-cross-account.html"""
    other = open_client("sqs", key="123456789012")
    name = fresh("q")
    url = other.create_queue(QueueName=name)["QueueUrl"]
    arn = f"arn:aws:sqs:us-east-1:123456789012:{name}"
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)
    sns.publish(TopicArn=topic, Message="x")
    [message] = other.receive_message(QueueUrl=url, WaitTimeSeconds=5)["Messages"]
    assert json.loads(message["Body"])["Message"] == "x"
    other.delete_queue(QueueUrl=url)
