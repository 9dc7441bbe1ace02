"""Regions and accounts, each with queues of its own; and the ways to write a queue's URL."""

import json
from urllib.parse import urlsplit

import pytest

from .conftest import open_client
from .messages import NO_QUEUE, arn, receive, refused, send, take_one
from .raw import JSON, Raw


@pytest.fixture
def elsewhere(endpoint):
    """The same endpoint in another region."""
    return open_client(endpoint, region="eu-west-1")


@pytest.fixture
def other(endpoint):
    """Another account: its access key is twelve digits."""
    return open_client(endpoint, key="111111111111")


def test_regions_do_not_share(sqs, elsewhere, create_queue, fresh):
    """guide: sqs-making-api-requests-xml: "the two queues don't share any data with each other"."""
    name = fresh("q")
    here = create_queue(name=name)
    with refused(NO_QUEUE):
        elsewhere.get_queue_url(QueueName=name)
    there = create_queue(client=elsewhere, name=name)
    assert ":eu-west-1:" in arn(elsewhere, there)
    assert ":us-east-1:" in arn(sqs, here)
    send(elsewhere, there, "there")
    assert receive(sqs, here, WaitTimeSeconds=1) == []
    assert take_one(elsewhere, there)["Body"] == "there"
    assert len(elsewhere.list_queues(QueueNamePrefix=name)["QueueUrls"]) == 1


@pytest.mark.forebay
def test_accounts_do_not_share(sqs, other, create_queue, fresh):
    """API_CreateQueue: a name "is unique within the scope of your queues"."""
    name = fresh("q")
    mine = create_queue(name=name)
    theirs = create_queue(client=other, name=name)
    assert urlsplit(mine).path == f"/000000000000/{name}"
    assert urlsplit(theirs).path == f"/111111111111/{name}"
    assert arn(other, theirs) == f"arn:aws:sqs:us-east-1:111111111111:{name}"
    send(other, theirs, "theirs")
    assert receive(sqs, mine, WaitTimeSeconds=1) == []
    assert take_one(other, theirs)["Body"] == "theirs"
    with refused(NO_QUEUE):
        sqs.get_queue_url(QueueName=f"{name}-not", QueueOwnerAWSAccountId="111111111111")


@pytest.mark.forebay
def test_queues_of_another_account(sqs, other, create_queue, fresh):
    """API_GetQueueUrl, QueueOwnerAWSAccountId: with the owner's permission, which a local server
    takes for given."""
    name = fresh("q")
    theirs = create_queue(client=other, name=name)
    with refused(NO_QUEUE):
        sqs.get_queue_url(QueueName=name)
    found = sqs.get_queue_url(QueueName=name, QueueOwnerAWSAccountId="111111111111")
    assert found["QueueUrl"] == theirs
    send(sqs, theirs, "a")
    assert take_one(other, theirs)["Body"] == "a"


@pytest.fixture
def call(endpoint):
    """call(operation, request, Host="...") with JSON at any path."""
    raw = Raw(endpoint)

    def call(operation, request, path="/", **headers):
        return raw.request(
            "POST", path, json.dumps(request).encode(), Content_Type=JSON,
            X_Amz_Target=f"AmazonSQS.{operation}", **headers,
        )

    return call


@pytest.mark.forebay
@pytest.mark.parametrize(
    "host", ["localhost:4566", "queues.example.org", "[::1]:7000"], ids=["port", "name", "ipv6"]
)
def test_urls_have_the_host_that_the_client_knows(call, create_queue, fresh, host):
    """API_GetQueueUrl: a URL that the client can use, through whatever names and ports it came."""
    name = fresh("q")
    create_queue(name=name)
    answer = call("GetQueueUrl", {"QueueName": name}, Host=host)
    assert answer.json["QueueUrl"] == f"http://{host}/000000000000/{name}"


@pytest.mark.forebay
def test_ways_to_write_a_url(call, sqs, create_queue, fresh):
    """The URLs that LocalStack, ElasticMQ and old SDKs write; the host does not count."""
    name = fresh("q")
    create_queue(name=name)
    ways = [
        name,
        f"/000000000000/{name}",
        f"http://elsewhere:1234/000000000000/{name}",
        f"https://sqs.us-east-1.amazonaws.com/000000000000/{name}",
        f"http://sqs.us-east-1.localhost.localstack.cloud:4566/000000000000/{name}",
        f"http://us-east-1.queue.localhost.localstack.cloud:4566/000000000000/{name}",
        f"http://localhost:4566/queue/us-east-1/000000000000/{name}",
        f"http://localhost:9324/queue/{name}",
    ]
    for way in ways:
        answer = call("SendMessage", {"QueueUrl": way, "MessageBody": way})
        assert answer.status == 200, (way, answer.body)
        message = take_one(sqs, name)
        assert message["Body"] == way
        sqs.delete_message(QueueUrl=name, ReceiptHandle=message["ReceiptHandle"])


@pytest.mark.parametrize(
    "url",
    ["http://", "http://host", "http://host/", "http://host/a/b/c/d", "//", "0/0", "", "ü"],
    ids=["scheme", "host", "root", "deep", "slashes", "numbers", "empty", "umlaut"],
)
def test_urls_of_nothing(sqs, url):
    """API_SendMessage: QueueDoesNotExist, InvalidAddress; MissingParameter without any."""
    with refused(NO_QUEUE, "InvalidAddress", "MissingParameter", "InvalidParameterValue"):
        sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])
