"""Filter policies.

https://docs.aws.amazon.com/sns/latest/dg/sns-subscription-filter-policies.html
"""

import json

import pytest

STRING = {"DataType": "String", "StringValue": "rugby"}
ARRAY = {"DataType": "String.Array", "StringValue": '["rugby", "baseball"]'}
NUMBER = {"DataType": "Number", "StringValue": "100"}
ADDRESS = {"DataType": "String", "StringValue": "10.0.0.7"}


@pytest.mark.parametrize(
    "patterns, attribute, taken",
    [
        (["rugby", "tennis"], STRING, True),
        (["tennis"], STRING, False),
        (["baseball"], ARRAY, True),
        ([{"anything-but": ["rugby", "tennis"]}], STRING, False),
        ([{"anything-but": ["rugby", "tennis"]}], ARRAY, True),
        ([{"anything-but": {"prefix": "rug"}}], STRING, False),
        ([{"prefix": "rug"}], STRING, True),
        ([{"suffix": "by"}], STRING, True),
        ([{"equals-ignore-case": "RUGBY"}], STRING, True),
        ([{"cidr": "10.0.0.0/24"}], ADDRESS, True),
        ([{"cidr": "10.0.1.0/24"}], ADDRESS, False),
        ([{"numeric": ["=", 1e2]}], NUMBER, True),
        ([{"numeric": [">", 0, "<", 100]}], NUMBER, False),
        ([{"numeric": [">", 0, "<=", 100]}], NUMBER, True),
        ([100], NUMBER, True),
        (["100"], NUMBER, False),
        ([{"exists": True}], STRING, True),
        ([{"exists": False}], STRING, False),
        ([{"exists": False}], None, True),
        ([{"exists": True}], None, False),
    ],
)
def test_attributes(sns, topic, queue, subscribe, patterns, attribute, taken):
    """"String value matching", "Numeric value matching", "Key matching"."""
    subscribe(topic, queue, RawMessageDelivery="true", FilterPolicy={"key": patterns})
    attributes = {"key": attribute} if attribute else {}
    sns.publish(TopicArn=topic, Message="x", MessageAttributes=attributes)
    assert queue.bodies(int(taken)) == ["x"] * taken


@pytest.mark.parametrize(
    "policy, body, taken",
    [
        ({"a": {"b": ["c"]}}, {"a": {"b": "c"}}, True),
        ({"a": {"b": ["c"]}}, {"a": {"b": ["x", "c"]}}, True),
        ({"a": {"b": ["c"]}}, {"a.b": "c"}, True),
        ({"a": {"b": ["c"], "d": ["e"]}}, {"a": [{"b": "c"}, {"d": "e"}]}, False),
        ({"a": {"b": ["c"], "d": ["e"]}}, {"a": [{}, {"b": "c", "d": "e"}]}, True),
        ({"$or": [{"a": [1]}, {"b": [2]}]}, {"b": 2}, True),
        ({"$or": [{"a": [1]}, {"b": [2]}], "c": [None]}, {"b": 2, "c": None}, True),
        ({"$or": [{"a": [1]}, {"b": [2]}], "c": [None]}, {"b": 2}, False),
        ({"a": [{"exists": False}]}, {"b": 1}, True),
        ({"a": [True]}, {"a": True}, True),
        ({"a": ["x"]}, "no JSON", False),
    ],
)
def test_bodies(sns, topic, queue, subscribe, policy, body, taken):
    """"Payload-based filtering" (sns-message-filtering-scope.html), "AND/OR logic"."""
    scope = {"FilterPolicyScope": "MessageBody", "FilterPolicy": policy}
    subscribe(topic, queue, RawMessageDelivery="true", **scope)
    text = body if isinstance(body, str) else json.dumps(body)
    sns.publish(TopicArn=topic, Message=text)
    assert queue.bodies(int(taken)) == [text] * taken


@pytest.mark.parametrize(
    "policy, text",
    [
        ('{"key":[]}', "Empty arrays are not allowed"),
        ('{"key":"value"}', '"key" must be an object or an array'),
        ('{"key":[{"like":"x"}]}', "Unrecognized match type like"),
        ('{"key":[{"numeric":["<"]}]}', "Value of < must be numeric"),
        ("{key}", "failed to parse JSON"),
        (json.dumps({"key": [str(n) for n in range(151)]}), "Filter policy is too complex"),
        (json.dumps({key: ["x"] for key in "abcdef"}), "can not have more than 5 keys"),
        ('{"a":{"b":["c"]}}', "does not support nested filter policy"),
    ],
)
def test_what_is_no_policy_is_refused(sns, topic, queue, subscribe, refused, policy, text):
    """https://docs.aws.amazon.com/sns/latest/dg/subscription-filter-policy-constraints.html"""
    refused("InvalidParameter", text, subscribe, topic=topic, queue=queue, FilterPolicy=policy)


def test_a_policy_is_changed_and_taken_away(sns, topic, queue, subscribe):
    """https://docs.aws.amazon.com/sns/latest/dg/message-filtering-remove.html"""
    subscription = subscribe(topic, queue, RawMessageDelivery="true", FilterPolicy={"k": ["v"]})
    sns.publish(TopicArn=topic, Message="1")
    sns.set_subscription_attributes(
        SubscriptionArn=subscription,
        AttributeName="FilterPolicy",
        AttributeValue='{"k": [{"exists": false}]}',
    )
    sns.publish(TopicArn=topic, Message="2")
    sns.set_subscription_attributes(
        SubscriptionArn=subscription, AttributeName="FilterPolicy", AttributeValue=""
    )
    sns.publish(TopicArn=topic, Message="3")
    assert sorted(queue.bodies(2)) == ["2", "3"]
    shown = sns.get_subscription_attributes(SubscriptionArn=subscription)["Attributes"]
    assert "FilterPolicy" not in shown
