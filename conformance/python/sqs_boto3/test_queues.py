"""Queues: created, found, listed, deleted."""

import pytest

from .messages import NO_QUEUE, REFUSED_VALUE, arn, receive, refused, send, set_attributes


def create(sqs, name, **attributes):
    return sqs.create_queue(QueueName=name, Attributes=attributes)["QueueUrl"]


@pytest.mark.parametrize("length", [1, 80])
def test_names_have_1_to_80_characters(sqs, create_queue, length):
    """API_CreateQueue, QueueName."""
    name = ("aZ9-_" * 16)[:length]
    assert create_queue(name=name).endswith(f"/{name}")


@pytest.mark.parametrize(
    "name",
    ["a" * 81, "two words", "a.b", "größe", "a/b", "q.fifo.x"],
    ids=["long", "space", "period", "umlaut", "slash", "inner_suffix"],
)
def test_other_names_are_refused(sqs, name):
    """API_CreateQueue, QueueName: alphanumeric characters, hyphens and underscores, up to 80."""
    with refused("InvalidParameterValue"):
        create(sqs, name)


def test_a_name_is_needed(sqs):
    """API_CreateQueue, QueueName: required."""
    with refused("MissingParameter", "InvalidParameterValue", status=400):
        sqs.create_queue()
    with refused("MissingParameter", "InvalidParameterValue", status=400):
        create(sqs, "")


def test_names_of_fifo_queues_end_in_fifo(sqs, create_queue, fresh):
    """API_CreateQueue, QueueName: "The name of a FIFO queue must end with the .fifo suffix"."""
    with refused("InvalidParameterValue"):
        create(sqs, fresh("q"), FifoQueue="true")
    with refused("InvalidParameterValue"):
        create(sqs, fresh("q") + ".fifo")
    assert create_queue(fifo=True).endswith(".fifo")


def test_suffix_counts_to_the_80_characters(sqs, create_queue):
    """API_CreateQueue, QueueName; guide: sqs-queue-message-identifiers."""
    assert create_queue(name="a" * 75 + ".fifo", FifoQueue="true")
    with refused("InvalidParameterValue"):
        create(sqs, "a" * 76 + ".fifo", FifoQueue="true")


def test_names_are_case_sensitive(sqs, create_queue, fresh):
    """API_CreateQueue: "Queue URLs and names are case-sensitive"."""
    name = fresh("Case")
    create_queue(name=name)
    with refused(NO_QUEUE):
        sqs.get_queue_url(QueueName=name.lower())
    assert create_queue(name=name.lower()).endswith(name.lower())


def test_creating_again_with_the_same_attributes_answers_the_same_url(create_queue, fresh):
    """API_CreateQueue: "exact same names and values": the URL of the existing queue."""
    name = fresh("q")
    first = create_queue(name=name, VisibilityTimeout=7, DelaySeconds=1)
    assert create_queue(name=name, VisibilityTimeout=7, DelaySeconds=1) == first


def test_attributes_that_are_not_given_are_not_compared(create_queue, fresh):
    """API_CreateQueue: only what is provided is compared."""
    name = fresh("q")
    first = create_queue(name=name, VisibilityTimeout=7)
    assert create_queue(name=name) == first
    # What is given may be what the queue has by default.
    assert create_queue(name=name, DelaySeconds=0) == first


def test_creating_again_with_another_value_is_refused(sqs, create_queue, fresh):
    """API_CreateQueue: QueueNameExists."""
    name = fresh("q")
    url = create_queue(name=name, DelaySeconds=1)
    with refused("QueueAlreadyExists", status=400) as refusal:
        create(sqs, name, DelaySeconds="2")
    assert "DelaySeconds" in refusal.value.response["Error"]["Message"]
    # What counts is what the queue has now, not what it was created with.
    set_attributes(sqs, url, DelaySeconds=3)
    with refused("QueueAlreadyExists"):
        create(sqs, name, DelaySeconds="1")
    assert create(sqs, name, DelaySeconds="3") == url


def test_creating_a_fifo_queue_again(sqs, create_queue, fresh):
    """API_CreateQueue: QueueNameExists."""
    name = fresh("q") + ".fifo"
    url = create_queue(name=name, FifoQueue="true", ContentBasedDeduplication="true")
    assert create(sqs, name, FifoQueue="true", ContentBasedDeduplication="true") == url
    with refused("QueueAlreadyExists"):
        create(sqs, name, FifoQueue="true", ContentBasedDeduplication="false")


@pytest.mark.parametrize(
    "attributes",
    [
        {"FifoQueue": "false"},
        {"ContentBasedDeduplication": "true"},
        {"DeduplicationScope": "queue"},
        {"FifoThroughputLimit": "perQueue"},
    ],
    ids=lambda attributes: next(iter(attributes)),
)
def test_what_only_fifo_queues_have(sqs, fresh, attributes):
    """API_CreateQueue: "The following attributes apply only to FIFO queues"."""
    with refused("InvalidAttributeName"):
        create(sqs, fresh("q"), **attributes)


def test_unknown_attributes_are_refused(sqs, fresh):
    """API_CreateQueue: InvalidAttributeName."""
    with refused("InvalidAttributeName", status=400):
        create(sqs, fresh("q"), Colour="blue")


def test_a_refused_queue_is_not_there(sqs, fresh):
    """API_CreateQueue: an error creates nothing."""
    name = fresh("q")
    with refused(*REFUSED_VALUE):
        create(sqs, name, VisibilityTimeout="43201")
    with refused(NO_QUEUE):
        sqs.get_queue_url(QueueName=name)


def test_urls_are_found_by_name(sqs, create_queue, fresh):
    """API_GetQueueUrl."""
    name = fresh("q")
    url = create_queue(name=name)
    assert sqs.get_queue_url(QueueName=name)["QueueUrl"] == url
    account = url.split("/")[-2]
    found = sqs.get_queue_url(QueueName=name, QueueOwnerAWSAccountId=account)
    assert found["QueueUrl"] == url
    assert arn(sqs, url) == f"arn:aws:sqs:us-east-1:{account}:{name}"


def test_urls_of_queues_that_are_not_there(sqs, fresh):
    """API_GetQueueUrl: QueueDoesNotExist."""
    with refused(NO_QUEUE, status=400):
        sqs.get_queue_url(QueueName=fresh("q"))


def test_listing_by_prefix(sqs, create_queue, fresh):
    """API_ListQueues, QueueNamePrefix; it is case-sensitive."""
    prefix = fresh("q")
    urls = [create_queue(name=f"{prefix}-{n}") for n in range(3)]
    found = sqs.list_queues(QueueNamePrefix=prefix)
    assert sorted(found["QueueUrls"]) == urls
    assert "NextToken" not in found
    assert "QueueUrls" not in sqs.list_queues(QueueNamePrefix=f"{prefix}-x")
    assert "QueueUrls" not in sqs.list_queues(QueueNamePrefix=prefix.upper())


def test_listing_in_pages(sqs, create_queue, fresh):
    """API_ListQueues, MaxResults and NextToken."""
    prefix = fresh("q")
    urls = [create_queue(name=f"{prefix}-{n}") for n in range(7)]
    found, sizes, token = [], [], {}
    while True:
        page = sqs.list_queues(QueueNamePrefix=prefix, MaxResults=3, **token)
        found += page["QueueUrls"]
        sizes.append(len(page["QueueUrls"]))
        if not page.get("NextToken"):
            break
        token = {"NextToken": page["NextToken"]}
    assert sorted(found) == urls
    assert sizes == [3, 3, 1]


@pytest.mark.parametrize("results", [0, -1, 1001])
def test_pages_have_1_to_1000_queues(sqs, results):
    """API_ListQueues, MaxResults: "Value range is 1 to 1000"."""
    with refused("InvalidParameterValue"):
        sqs.list_queues(MaxResults=results)


def test_a_token_that_nobody_gave(sqs):
    """API_ListQueues, NextToken."""
    with refused("InvalidParameterValue"):
        sqs.list_queues(MaxResults=5, NextToken="nobody gave this")


def test_deleted_queues_are_gone(sqs, create_queue, fresh):
    """API_DeleteQueue."""
    name = fresh("q")
    url = create_queue(name=name)
    send(sqs, url, "a")
    sqs.delete_queue(QueueUrl=url)
    for call in [
        lambda: sqs.get_queue_url(QueueName=name),
        lambda: sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"]),
        lambda: send(sqs, url, "b"),
        lambda: receive(sqs, url),
        lambda: sqs.purge_queue(QueueUrl=url),
        lambda: sqs.delete_queue(QueueUrl=url),
    ]:
        with refused(NO_QUEUE, status=400):
            call()
    assert "QueueUrls" not in sqs.list_queues(QueueNamePrefix=name)


@pytest.mark.forebay
def test_names_can_be_used_again_at_once(sqs, create_queue, fresh):
    """API_CreateQueue has one wait 60 seconds (QueueDeletedRecently), which no test suite can bear:
    Forebay lets it be, by default. The new queue has nothing of the old."""
    name = fresh("q")
    url = create_queue(name=name, DelaySeconds=0)
    send(sqs, url, "old")
    sqs.tag_queue(QueueUrl=url, Tags={"old": "yes"})
    sqs.delete_queue(QueueUrl=url)
    assert create_queue(name=name) == url
    assert receive(sqs, url, WaitTimeSeconds=1) == []
    assert "Tags" not in sqs.list_queue_tags(QueueUrl=url)
