"""What all cases share: clients, and topics and queues that end with the case."""

import json
import os
import queue as queues
import re
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from eventually import eventually

REGION = "us-east-1"


def open_client(service, region=REGION, key="test", endpoint=None):
    """A client that checks nothing itself and tries nothing again: the server is to be seen."""
    endpoint = endpoint or os.environ["BROKER_AWS"]
    return boto3.client(
        service,
        endpoint_url=endpoint if "://" in endpoint else f"http://{endpoint}",
        region_name=region,
        aws_access_key_id=key,
        aws_secret_access_key="test",
        config=Config(parameter_validation=False, retries={"total_max_attempts": 1}),
    )


@pytest.fixture(scope="session")
def sns():
    return open_client("sns")


@pytest.fixture(scope="session")
def sqs():
    return open_client("sqs")


@pytest.fixture
def create_topic(sns, fresh):
    """create_topic(fifo=True, DisplayName="x") answers the ARN of a new topic."""
    created = []

    def create(fifo=False, client=sns, **attributes):
        name = fresh("t") + (".fifo" if fifo else "")
        if fifo:
            attributes["FifoTopic"] = "true"
        arn = client.create_topic(Name=name, Attributes=attributes)["TopicArn"]
        created.append((client, arn))
        return arn

    yield create
    for client, arn in created:
        client.delete_topic(TopicArn=arn)


@pytest.fixture
def topic(create_topic):
    return create_topic()


class Queue:
    """A queue that is subscribed."""

    def __init__(self, sqs, url, arn):
        self.sqs, self.url, self.arn = sqs, url, arn

    def take(self, count, within=20):
        """So many messages, with everything that is known of them; no more come."""
        taken = []

        def look():
            answer = self.sqs.receive_message(
                QueueUrl=self.url,
                MaxNumberOfMessages=10,
                MessageAttributeNames=["All"],
                AttributeNames=["All"],
            )
            for message in answer.get("Messages", []):
                taken.append(message)
                self.sqs.delete_message(
                    QueueUrl=self.url, ReceiptHandle=message["ReceiptHandle"]
                )
            return len(taken) >= count

        eventually(look, within, what=f"{count} messages")
        look()
        assert len(taken) == count, taken
        return taken

    def bodies(self, count):
        return [message["Body"] for message in self.take(count)]

    def notifications(self, count):
        return [json.loads(body) for body in self.bodies(count)]


@pytest.fixture
def create_queue(sqs, fresh):
    created = []

    def create(fifo=False, name=None, **attributes):
        name = name or fresh("q") + (".fifo" if fifo else "")
        if fifo:
            attributes["FifoQueue"] = "true"
        url = sqs.create_queue(QueueName=name, Attributes=attributes)["QueueUrl"]
        created.append(url)
        shown = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])
        return Queue(sqs, url, shown["Attributes"]["QueueArn"])

    yield create
    for url in created:
        sqs.delete_queue(QueueUrl=url)


@pytest.fixture
def queue(create_queue):
    return create_queue()


@pytest.fixture
def subscribe(sns):
    """subscribe(topic, queue, RawMessageDelivery="true") answers the subscription's ARN."""

    def to(topic, queue, client=sns, **attributes):
        texts = {
            name: value if isinstance(value, str) else json.dumps(value)
            for name, value in attributes.items()
        }
        return client.subscribe(
            TopicArn=topic,
            Protocol="sqs",
            Endpoint=queue.arn,
            Attributes=texts,
            ReturnSubscriptionArn=True,
        )["SubscriptionArn"]

    return to


@pytest.fixture
def refused():
    """refused(code, text, call, **arguments): what the client is told."""

    def check(code, text, call, **arguments):
        with pytest.raises(ClientError) as raised:
            call(**arguments)
        error = raised.value.response["Error"]
        assert error["Code"] == code, error
        assert re.search(text, error["Message"]), error
        return error["Message"]

    return check


class Endpoint:
    """A page that is told, behind TLS if it is given a context."""

    def __init__(self, context=None):
        self.told = queues.Queue()
        self.statuses = queues.Queue()
        endpoint = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                try:
                    status = endpoint.statuses.get_nowait()
                except queues.Empty:
                    status = 200
                self.send_response(status)
                self.send_header("Content-Length", "0")
                self.end_headers()
                endpoint.told.put((self.path, self.headers, body.decode()))

            def log_message(self, *_):
                pass

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        scheme, host = "http", "127.0.0.1"
        if context:
            scheme, host = "https", "localhost"
            # The handshake is the handler's: one that fails ends no server.
            self.server.socket = context.wrap_socket(
                self.server.socket, server_side=True, do_handshake_on_connect=False
            )
        self.url = f"{scheme}://{host}:{self.server.server_port}/hook?a=b"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def next(self):
        # Longer than a lock, which a killed server leaves behind.
        return self.told.get(timeout=60)

    def close(self):
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture
def endpoint():
    endpoint = Endpoint()
    yield endpoint
    endpoint.close()
