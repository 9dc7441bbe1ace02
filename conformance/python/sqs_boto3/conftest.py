"""What all cases share: clients, queues that end with the case."""

import os

import boto3
import pytest
from botocore.config import Config

REGION = "us-east-1"


def endpoint_url():
    endpoint = os.environ["BROKER_AWS"]
    return endpoint if "://" in endpoint else f"http://{endpoint}"


def open_client(endpoint, region=REGION, key="test"):
    """A client that checks nothing itself and tries nothing again: the server is to be seen."""
    settings = Config(
        parameter_validation=False,
        retries={"total_max_attempts": 1},
        read_timeout=60,
        max_pool_connections=64,
    )
    return boto3.client(
        "sqs",
        endpoint_url=endpoint,
        region_name=region,
        aws_access_key_id=key,
        aws_secret_access_key="test",
        config=settings,
    )


@pytest.fixture(scope="session")
def endpoint():
    return endpoint_url()


@pytest.fixture(scope="session")
def sqs(endpoint):
    return open_client(endpoint)


@pytest.fixture
def create_queue(sqs, fresh):
    """create_queue(VisibilityTimeout=2) answers the URL of a new queue."""
    created = []

    def create(fifo=False, client=sqs, name=None, **attributes):
        name = name or fresh("q") + (".fifo" if fifo else "")
        if fifo:
            attributes["FifoQueue"] = "true"
        texts = {key: str(value) for key, value in attributes.items()}
        url = client.create_queue(QueueName=name, Attributes=texts)["QueueUrl"]
        created.append((client, url))
        return url

    yield create
    for client, url in created:
        try:
            client.delete_queue(QueueUrl=url)
        except client.exceptions.QueueDoesNotExist:
            pass  # The case was about that.


@pytest.fixture
def queue(create_queue):
    return create_queue()


@pytest.fixture
def fifo(create_queue):
    """A FIFO queue that takes each body once."""
    return create_queue(fifo=True, ContentBasedDeduplication="true")
