"""Topics. https://docs.aws.amazon.com/sns/latest/api/API_CreateTopic.html"""

import json

import pytest

from sns_boto3.conftest import open_client


def attributes_of(sns, topic):
    return sns.get_topic_attributes(TopicArn=topic)["Attributes"]


def test_creating_a_topic_again_answers_the_same(sns, create_topic, refused):
    """"This action is idempotent, so if the requester already owns a topic with the specified
    name, that topic's ARN is returned" (API_CreateTopic)."""
    topic = create_topic(DisplayName="one")
    name = topic.rsplit(":", 1)[1]
    assert sns.create_topic(Name=name)["TopicArn"] == topic
    refused(
        "InvalidParameter",
        "Topic already exists with different attributes",
        sns.create_topic,
        Name=name,
        Attributes={"DisplayName": "two"},
    )


@pytest.mark.parametrize("name", ["a.b", "a b", "", "a.fifo", "x" * 257])
def test_a_name_is_letters_digits_hyphens_and_underscores(sns, refused, name):
    """"up to 256 alphanumeric characters plus hyphens and underscores" (API_CreateTopic)."""
    refused("InvalidParameter", "Topic Name", sns.create_topic, Name=name)


def test_a_fifo_topic_says_so_in_its_name(sns, refused, fresh):
    """"FIFO topic names must end with .fifo" (API_CreateTopic)."""
    arguments = {"Name": fresh("t"), "Attributes": {"FifoTopic": "true"}}
    refused("InvalidParameter", "Topic Name", sns.create_topic, **arguments)


def test_attributes_are_shown_with_their_defaults(sns, topic):
    """https://docs.aws.amazon.com/sns/latest/api/API_GetTopicAttributes.html"""
    shown = attributes_of(sns, topic)
    assert shown["TopicArn"] == topic
    assert shown["DisplayName"] == ""
    assert shown["SubscriptionsConfirmed"] == shown["SubscriptionsPending"] == "0"
    retries = json.loads(shown["EffectiveDeliveryPolicy"])["http"]["defaultHealthyRetryPolicy"]
    assert (retries["numRetries"], retries["backoffFunction"]) == (3, "linear")
    statement = json.loads(shown["Policy"])["Statement"][0]
    assert "SNS:Publish" in statement["Action"]


def test_attributes_are_set(sns, topic, refused):
    """https://docs.aws.amazon.com/sns/latest/api/API_SetTopicAttributes.html"""
    policy = {"http": {"defaultHealthyRetryPolicy": {"numRetries": 5}}}
    for name, value in [("DisplayName", "ä & b"), ("DeliveryPolicy", json.dumps(policy))]:
        sns.set_topic_attributes(TopicArn=topic, AttributeName=name, AttributeValue=value)
    shown = attributes_of(sns, topic)
    assert shown["DisplayName"] == "ä & b"
    effective = json.loads(shown["EffectiveDeliveryPolicy"])["http"]
    assert effective["defaultHealthyRetryPolicy"]["numRetries"] == 5
    refused(
        "InvalidParameter",
        "AttributeName",
        sns.set_topic_attributes,
        TopicArn=topic,
        AttributeName="Nothing",
        AttributeValue="x",
    )


def test_a_deleted_topic_is_gone_and_may_be_deleted_again(sns, create_topic, refused):
    """"This action is idempotent" (API_DeleteTopic)."""
    topic = create_topic()
    sns.delete_topic(TopicArn=topic)
    sns.delete_topic(TopicArn=topic)
    refused("NotFound", "Topic does not exist", attributes_of, sns=sns, topic=topic)


def test_topics_are_listed_by_pages_of_a_hundred(fresh):
    """"Each call returns a limited list of topics, up to 100" (API_ListTopics)."""
    sns = open_client("sns", key="210987654321")
    created = {sns.create_topic(Name=f"{fresh('t')}-{n}")["TopicArn"] for n in range(130)}
    pages = list(sns.get_paginator("list_topics").paginate())
    listed = [topic["TopicArn"] for page in pages for topic in page["Topics"]]
    assert len(pages[0]["Topics"]) == 100
    assert created <= set(listed) and len(listed) == len(set(listed))
    for topic in created:
        sns.delete_topic(TopicArn=topic)


def test_accounts_and_regions_have_topics_of_their_own(topic):
    """An ARN names both (https://docs.aws.amazon.com/sns/latest/dg/sns-create-topic.html)."""
    elsewhere = open_client("sns", region="eu-west-1", key="123456789012")
    name = topic.rsplit(":", 1)[1]
    arn = elsewhere.create_topic(Name=name)["TopicArn"]
    assert arn == f"arn:aws:sns:eu-west-1:123456789012:{name}"
    assert topic not in [one["TopicArn"] for one in elsewhere.list_topics()["Topics"]]
    elsewhere.delete_topic(TopicArn=arn)


def test_tags(sns, topic, refused):
    """https://docs.aws.amazon.com/sns/latest/api/API_TagResource.html"""
    first = [{"Key": "a", "Value": "1"}, {"Key": "b", "Value": "2"}]
    sns.tag_resource(ResourceArn=topic, Tags=first)
    sns.tag_resource(ResourceArn=topic, Tags=[{"Key": "b", "Value": "3"}])
    sns.untag_resource(ResourceArn=topic, TagKeys=["a"])
    tags = sns.list_tags_for_resource(ResourceArn=topic)["Tags"]
    assert tags == [{"Key": "b", "Value": "3"}]
    refused(
        "InvalidParameter",
        "Duplicated keys are not allowed",
        sns.tag_resource,
        ResourceArn=topic,
        Tags=[{"Key": "a", "Value": "1"}] * 2,
    )
    refused("ResourceNotFound", "", sns.list_tags_for_resource, ResourceArn=topic + "x")


def test_permissions(sns, topic, refused):
    """https://docs.aws.amazon.com/sns/latest/api/API_AddPermission.html"""
    add = {
        "TopicArn": topic,
        "Label": "label",
        "AWSAccountId": ["111122223333"],
        "ActionName": ["Publish"],
    }
    sns.add_permission(**add)
    statements = json.loads(attributes_of(sns, topic)["Policy"])["Statement"]
    assert statements[1]["Principal"] == {"AWS": "arn:aws:iam::111122223333:root"}
    refused("InvalidParameter", "Statement already exists", sns.add_permission, **add)
    sns.remove_permission(TopicArn=topic, Label="label")
    assert len(json.loads(attributes_of(sns, topic)["Policy"])["Statement"]) == 1


def test_a_data_protection_policy_is_kept(sns, topic):
    """https://docs.aws.amazon.com/sns/latest/api/API_PutDataProtectionPolicy.html"""
    policy = json.dumps({"Name": "p", "Version": "2021-06-01", "Statement": []})
    sns.put_data_protection_policy(ResourceArn=topic, DataProtectionPolicy=policy)
    kept = sns.get_data_protection_policy(ResourceArn=topic)["DataProtectionPolicy"]
    assert json.loads(kept) == json.loads(policy)


def test_what_is_no_arn_is_told_how_many_parts_it_has(sns, refused):
    """As AWS answers."""
    text = "TopicArn Reason: An ARN must have at least 6 elements, not 1"
    refused("InvalidParameter", text, attributes_of, sns=sns, topic="topic")


def test_telephones_are_refused(sns, refused):
    """Forebay reaches none; a client is to be told so, whatever it asks."""
    refused("UnsupportedOperation", "", sns.list_platform_applications)
    refused("UnsupportedOperation", "", sns.publish, PhoneNumber="+15551234567", Message="x")
