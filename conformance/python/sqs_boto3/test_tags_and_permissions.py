"""Tags, and the policies that AddPermission writes."""

import json

import pytest

from .messages import NO_QUEUE, arn, attributes, refused


def tags(sqs, queue):
    return sqs.list_queue_tags(QueueUrl=queue).get("Tags", {})


def test_tags_are_set_and_removed(sqs, queue):
    """API_TagQueue, API_UntagQueue, API_ListQueueTags."""
    assert "Tags" not in sqs.list_queue_tags(QueueUrl=queue)
    sqs.tag_queue(QueueUrl=queue, Tags={"team": "blue", "empty": ""})
    sqs.tag_queue(QueueUrl=queue, Tags={"stage": "test"})
    assert tags(sqs, queue) == {"team": "blue", "empty": "", "stage": "test"}
    sqs.untag_queue(QueueUrl=queue, TagKeys=["team", "never set"])
    assert tags(sqs, queue) == {"empty": "", "stage": "test"}
    sqs.untag_queue(QueueUrl=queue, TagKeys=["empty", "stage"])
    assert "Tags" not in sqs.list_queue_tags(QueueUrl=queue)


def test_a_tag_overwrites_one_of_the_same_key(sqs, queue):
    """API_TagQueue: "A new tag with a key identical to that of an existing tag overwrites"."""
    sqs.tag_queue(QueueUrl=queue, Tags={"team": "blue"})
    sqs.tag_queue(QueueUrl=queue, Tags={"team": "red"})
    assert tags(sqs, queue) == {"team": "red"}


def test_tags_are_case_sensitive(sqs, queue):
    """API_TagQueue: "Tags are case-sensitive"."""
    sqs.tag_queue(QueueUrl=queue, Tags={"team": "1", "Team": "2"})
    sqs.untag_queue(QueueUrl=queue, TagKeys=["TEAM"])
    assert tags(sqs, queue) == {"team": "1", "Team": "2"}


def test_fifty_tags(sqs, queue):
    """guide: sqs-queue-tags: more than 50 are not recommended; so many there may be."""
    many = {f"tag-{n}": f"größe {n}" for n in range(50)}
    sqs.tag_queue(QueueUrl=queue, Tags=many)
    assert tags(sqs, queue) == many


def test_tags_at_creation(sqs, create_queue, fresh):
    """API_CreateQueue, tags. They do not count when a queue is created again."""
    name = fresh("q")
    url = sqs.create_queue(QueueName=name, tags={"team": "blue"})["QueueUrl"]
    assert create_queue(name=name) == url
    assert tags(sqs, url) == {"team": "blue"}


@pytest.mark.parametrize("call", ["tag_queue", "untag_queue", "list_queue_tags"])
def test_tags_of_a_queue_that_is_not_there(sqs, queue, call):
    """API_TagQueue, API_UntagQueue, API_ListQueueTags: QueueDoesNotExist."""
    more = {"tag_queue": {"Tags": {"a": "b"}}, "untag_queue": {"TagKeys": ["a"]}}
    with refused(NO_QUEUE):
        getattr(sqs, call)(QueueUrl=f"{queue}-not", **more.get(call, {}))


def policy(sqs, queue):
    [text] = attributes(sqs, queue, "Policy")
    return json.loads(text)


def add(sqs, queue, label, actions=("SendMessage",), accounts=("111111111111",)):
    sqs.add_permission(
        QueueUrl=queue, Label=label, AWSAccountIds=list(accounts), Actions=list(actions)
    )


def test_permissions_are_statements_of_the_policy(sqs, queue):
    """API_AddPermission: "generates a policy for you"."""
    accounts = ["111111111111", "222222222222"]
    add(sqs, queue, "readers", ["ReceiveMessage", "DeleteMessage"], accounts)
    add(sqs, queue, "writer")
    found = policy(sqs, queue)
    assert found["Version"] == "2008-10-17"
    readers, writer = found["Statement"]
    assert readers["Sid"] == "readers"
    assert readers["Effect"] == "Allow"
    assert readers["Principal"] == {"AWS": [f"arn:aws:iam::{one}:root" for one in accounts]}
    assert readers["Action"] == ["SQS:ReceiveMessage", "SQS:DeleteMessage"]
    assert readers["Resource"] == arn(sqs, queue)
    # What is one of its kind stands by itself, as in every policy.
    assert writer["Principal"] == {"AWS": "arn:aws:iam::111111111111:root"}
    assert writer["Action"] == "SQS:SendMessage"


def test_permissions_are_removed_by_their_label(sqs, queue):
    """API_RemovePermission."""
    add(sqs, queue, "one")
    add(sqs, queue, "two", ["*"])
    sqs.remove_permission(QueueUrl=queue, Label="one")
    [left] = policy(sqs, queue)["Statement"]
    assert (left["Sid"], left["Action"]) == ("two", "SQS:*")
    sqs.remove_permission(QueueUrl=queue, Label="two")
    assert "Policy" not in attributes(sqs, queue)


def test_labels_are_unique(sqs, queue):
    """API_AddPermission, Label: "The unique identification of the permission"."""
    add(sqs, queue, "one")
    with refused("InvalidParameterValue"):
        add(sqs, queue, "one", accounts=["222222222222"])


@pytest.mark.parametrize(
    "label", ["", "a" * 81, "two words", "a.b"], ids=["empty", "long", "space", "period"]
)
def test_labels_that_are_refused(sqs, queue, label):
    """API_AddPermission, Label: 80 characters, alphanumeric, hyphens and underscores."""
    with refused("InvalidParameterValue", "MissingParameter"):
        add(sqs, queue, label)


def test_unknown_labels_are_refused(sqs, queue):
    """API_RemovePermission, Label: "the label of the permission to remove"."""
    with refused("InvalidParameterValue"):
        sqs.remove_permission(QueueUrl=queue, Label="unknown")


def test_unknown_actions_are_refused(sqs, queue):
    """API_AddPermission, Actions: "the name of any action or *"."""
    with refused("InvalidParameterValue"):
        add(sqs, queue, "one", ["Dance"])
    for actions, accounts in [([], ["111111111111"]), (["SendMessage"], [])]:
        with refused("InvalidParameterValue", "MissingParameter"):
            add(sqs, queue, "one", actions, accounts)


def test_a_statement_has_seven_actions_at_most(sqs, queue):
    """API_AddPermission: "a maximum of seven actions per statement"; OverLimit."""
    actions = [
        "SendMessage", "ReceiveMessage", "DeleteMessage", "ChangeMessageVisibility",
        "GetQueueAttributes", "GetQueueUrl", "PurgeQueue", "ListDeadLetterSourceQueues",
    ]
    add(sqs, queue, "seven", actions[:7])
    with refused("OverLimit", "InvalidParameterValue"):
        add(sqs, queue, "eight", actions)
