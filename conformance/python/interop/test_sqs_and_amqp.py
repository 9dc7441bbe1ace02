"""One queue for clients of SQS and of RabbitMQ: what one sends the other receives."""

import pika
import pytest
from sqs_boto3.messages import attributes, counts, delete, receive, send, take, take_one


@pytest.fixture
def url(sqs, fresh):
    """A queue that SQS made."""
    url = sqs.create_queue(QueueName=fresh("q"))["QueueUrl"]
    yield url
    sqs.delete_queue(QueueUrl=url)


def name_of(url):
    return url.rsplit("/", 1)[1]


def publish(channel, queue, body, **properties):
    channel.confirm_delivery()
    properties = pika.BasicProperties(delivery_mode=2, **properties)
    channel.basic_publish("", queue, body, properties, mandatory=True)


def test_what_rabbitmq_publishes_sqs_receives(sqs, url, channel):
    publish(channel, name_of(url), "größe".encode())
    message = take_one(sqs, url)
    assert message["Body"] == "größe"
    assert message["Attributes"]["ApproximateReceiveCount"] == "1"
    delete(sqs, url, message)
    assert counts(sqs, url) == [0, 0, 0]


def test_what_sqs_sends_rabbitmq_consumes(sqs, url, channel):
    send(sqs, url, "größe")
    method, _, body = channel.basic_get(name_of(url))
    assert body.decode() == "größe"
    # It is one consumer's, whatever that one speaks.
    assert receive(sqs, url, WaitTimeSeconds=1) == []
    channel.basic_ack(method.delivery_tag)
    assert receive(sqs, url, WaitTimeSeconds=1) == []


def test_what_rabbitmq_gives_back_sqs_receives_again(sqs, url, channel):
    send(sqs, url, "a")
    method, _, _ = channel.basic_get(name_of(url))
    channel.basic_nack(method.delivery_tag, requeue=True)
    assert take_one(sqs, url)["Body"] == "a"


def test_queues_that_rabbitmq_declared(sqs, channel, fresh):
    name = fresh("queue")
    channel.queue_declare(name, durable=True)
    url = sqs.get_queue_url(QueueName=name)["QueueUrl"]
    assert attributes(sqs, url, "VisibilityTimeout") == ["30"]
    publish(channel, name, b"a")
    send(sqs, url, "b")
    messages = take(sqs, url, 2)
    assert sorted(message["Body"] for message in messages) == ["a", "b"]
    delete(sqs, url, *messages)
    channel.queue_delete(name)


def test_attributes_of_sqs_are_headers_of_amqp(sqs, url, channel):
    sent = {
        "colour": {"DataType": "String", "StringValue": "red"},
        "count": {"DataType": "Number", "StringValue": "7"},
        "raw": {"DataType": "Binary", "BinaryValue": b"\xff\x00"},
    }
    send(sqs, url, "a", MessageAttributes=sent)
    method, properties, _ = channel.basic_get(name_of(url))
    assert properties.headers == {"colour": "red", "count": "7", "raw": b"\xff\x00"}
    channel.basic_nack(method.delivery_tag)
    message = take_one(sqs, url, MessageAttributeNames=["All"])
    assert message["MessageAttributes"] == sent, "as they were sent"
    assert message["Attributes"]["ApproximateReceiveCount"] == "2", "RabbitMQ's client had it"


def test_headers_of_amqp_are_attributes_of_sqs(sqs, url, channel):
    headers = {"colour": "blue", "count": 3, "yes": True, "nested": {"a": 1}}
    publish(channel, name_of(url), b"a", headers=headers)
    message = take_one(sqs, url, MessageAttributeNames=["All"])
    assert message["MessageAttributes"] == {
        "colour": {"DataType": "String", "StringValue": "blue"},
        "count": {"DataType": "Number", "StringValue": "3"},
        "yes": {"DataType": "String", "StringValue": "true"},
    }


def test_what_sqs_does_not_delete_rabbitmq_gets_after_its_visibility_timeout(sqs, url, channel):
    send(sqs, url, "again")
    take_one(sqs, url, VisibilityTimeout=1)
    for method, _, body in channel.consume(name_of(url), inactivity_timeout=10):
        assert method is not None, "it comes back"
        assert (body, method.redelivered) == (b"again", True)
        channel.basic_ack(method.delivery_tag)
        break
