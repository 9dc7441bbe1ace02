"""Clients of Kafka, RabbitMQ, SQS and SNS on one broker."""

import os

import pika
import pytest
from confluent_kafka import Consumer, Producer

from rabbit_pika.conftest import connect_to
from sns_boto3.conftest import open_client as open_aws_client
from sqs_boto3.conftest import endpoint_url
from sqs_boto3.conftest import open_client as open_sqs_client


@pytest.fixture
def sqs():
    return open_sqs_client(endpoint_url())


@pytest.fixture
def sns():
    return open_aws_client("sns")


@pytest.fixture
def channel():
    connection = connect_to(os.environ["BROKER_AMQP"])
    yield connection.channel()
    if connection.is_open:
        connection.close()


@pytest.fixture
def produce(broker):
    """Produces one record and waits until it is stored."""
    producer = Producer({"bootstrap.servers": broker})

    def produce(topic, value, **more):
        producer.produce(topic, value, **more)
        assert producer.flush(20) == 0

    return produce


@pytest.fixture
def consume(broker, fresh):
    """The first records of a topic."""
    consumers = []

    def consume(topic, count):
        consumer = Consumer(
            {
                "bootstrap.servers": broker,
                "group.id": fresh("group"),
                "auto.offset.reset": "earliest",
            }
        )
        consumers.append(consumer)
        consumer.subscribe([topic])
        records = []
        while len(records) < count:
            record = consumer.poll(20)
            assert record is not None, f"{len(records)} of {count} in time"
            assert record.error() is None, record.error()
            records.append(record)
        return records

    yield consume
    for consumer in consumers:
        consumer.close()


@pytest.fixture
def stream(channel, fresh):
    name = fresh("stream")
    channel.queue_declare(name, durable=True, arguments={"x-queue-type": "stream"})
    return name


def properties(**values):
    return pika.BasicProperties(**values)
