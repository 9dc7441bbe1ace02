"""One queue for clients of RabbitMQ and of SQS (docs/interop.md)."""

import os

import boto3
import pika
import pytest


@pytest.fixture
def sqs():
    return boto3.client(
        "sqs",
        endpoint_url=os.environ["BROKER_AWS"],
        region_name="us-east-1",
        aws_access_key_id="any",
        aws_secret_access_key="any",
    )


@pytest.fixture
def queue(sqs, fresh):
    """The URL and the name of a queue that SQS made."""
    name = fresh("shared")
    return sqs.create_queue(QueueName=name)["QueueUrl"], name


def receive(sqs, url):
    received = sqs.receive_message(
        QueueUrl=url,
        MaxNumberOfMessages=10,
        WaitTimeSeconds=10,
        AttributeNames=["All"],
        MessageAttributeNames=["All"],
    )
    return received.get("Messages", [])


def test_attributes_of_sqs_are_headers_of_amqp(sqs, queue, channel):
    url, name = queue
    attributes = {
        "colour": {"DataType": "String", "StringValue": "red"},
        "count": {"DataType": "Number", "StringValue": "7"},
        "raw": {"DataType": "Binary", "BinaryValue": b"\xff\x00"},
    }
    sqs.send_message(QueueUrl=url, MessageBody="from SQS", MessageAttributes=attributes)
    method, properties, body = channel.basic_get(name)
    assert body == b"from SQS"
    assert properties.headers == {"colour": "red", "count": "7", "raw": b"\xff\x00"}
    channel.basic_nack(method.delivery_tag)
    [message] = receive(sqs, url)
    assert message["MessageAttributes"] == attributes, "as they were sent"
    assert message["Attributes"]["ApproximateReceiveCount"] == "2", "AMQP had it before"
    sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
    assert channel.basic_get(name)[0] is None


def test_headers_of_amqp_are_attributes_of_sqs(sqs, queue, channel):
    url, name = queue
    headers = {"colour": "blue", "count": 3, "yes": True, "nested": {"a": 1}}
    properties = pika.BasicProperties(headers=headers, message_id="m")
    channel.basic_publish("", name, b"from AMQP", properties)
    [message] = receive(sqs, url)
    assert message["Body"] == "from AMQP"
    assert message["MessageAttributes"] == {
        "colour": {"DataType": "String", "StringValue": "blue"},
        "count": {"DataType": "Number", "StringValue": "3"},
        "yes": {"DataType": "String", "StringValue": "true"},
    }


def test_what_sqs_does_not_delete_amqp_gets_after_its_visibility_timeout(sqs, queue, channel):
    url, name = queue
    sqs.send_message(QueueUrl=url, MessageBody="again")
    sqs.receive_message(QueueUrl=url, VisibilityTimeout=1, WaitTimeSeconds=5)
    got = []
    for method, _, body in channel.consume(name, inactivity_timeout=10):
        assert method is not None, "it comes back"
        got.append((body, method.redelivered))
        channel.basic_ack(method.delivery_tag)
        break
    assert got == [(b"again", True)]


def test_a_queue_of_amqp_is_one_of_sqs(sqs, channel, fresh):
    name = fresh("declared")
    channel.queue_declare(name, durable=True)
    url = sqs.get_queue_url(QueueName=name)["QueueUrl"]
    channel.basic_publish("", name, b"hello")
    [message] = receive(sqs, url)
    assert message["Body"] == "hello"
    sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
    attributes = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
    assert attributes["ApproximateNumberOfMessages"] == "0"
