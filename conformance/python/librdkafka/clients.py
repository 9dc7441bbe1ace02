"""Small helpers around confluent-kafka, so that a case reads as its promise."""

import time

from confluent_kafka import Consumer, KafkaError, KafkaException, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic

PATIENCE = 30.0


def an_hour_ago():
    """A timestamp in the past, young enough for the default retention."""
    return int(time.time() * 1000) - 3_600_000


def admin(broker):
    return AdminClient({"bootstrap.servers": broker})


def create(broker, topic, partitions=1, **config):
    """Creates a topic; `retention_ms=1` becomes `retention.ms=1`."""
    config = {key.replace("_", "."): str(value) for key, value in config.items()}
    new = NewTopic(topic, num_partitions=partitions, replication_factor=1, config=config)
    client = admin(broker)  # Kept until the answer is there: its end would cancel the call.
    client.create_topics([new])[topic].result(PATIENCE)
    return topic


def producer(broker, **config):
    config = {key.replace("_", "."): value for key, value in config.items()}
    return Producer({"bootstrap.servers": broker, "acks": "all", "linger.ms": 2, **config})


def produce(broker, topic, records, **config):
    """Sends dicts (value, key, headers, partition, timestamp); returns the acknowledged messages."""
    errors, acknowledged = [], []

    def done(error, message):
        errors.append(error) if error else acknowledged.append(message)

    client = producer(broker, **config)
    for record in records:
        client.produce(topic, on_delivery=done, **record)
        client.poll(0)
    assert client.flush(PATIENCE) == 0, "not everything was acknowledged"
    if errors:
        raise KafkaException(errors[0])
    return acknowledged


def consumer(broker, group="none", **config):
    config = {key.replace("_", "."): value for key, value in config.items()}
    return Consumer(
        {
            "bootstrap.servers": broker,
            "group.id": group,
            "auto.offset.reset": "earliest",
            "enable.auto.commit": False,
            "session.timeout.ms": 6000,
            "heartbeat.interval.ms": 500,
            "topic.metadata.refresh.interval.ms": 1000,
            **config,
        }
    )


def poll(client, timeout):
    """One message or None; errors that are not transient are raised."""
    message = client.poll(timeout)
    if message is None:
        return None
    if message.error():
        if message.error().code() in (
            KafkaError._PARTITION_EOF,
            KafkaError.UNKNOWN_TOPIC_OR_PART,
        ):
            return None
        raise KafkaException(message.error())
    return message


def take(client, count, within=PATIENCE):
    """The next `count` messages."""
    taken, deadline = [], time.monotonic() + within
    while len(taken) < count:
        assert time.monotonic() < deadline, f"{len(taken)} of {count} messages after {within} s"
        message = poll(client, 0.2)
        if message is not None:
            taken.append(message)
    return taken


def read(broker, topic, count, partitions=1, offset=0, **config):
    """Reads `count` messages of a topic without a group."""
    client = consumer(broker, **config)
    client.assign([TopicPartition(topic, p, offset) for p in range(partitions)])
    try:
        return take(client, count)
    finally:
        client.close()


def read_all(broker, topic, partition=0):
    """Everything between the first offset and the high watermark as it is now."""
    client = consumer(broker, enable_partition_eof=True)
    low, high = client.get_watermark_offsets(TopicPartition(topic, partition), timeout=PATIENCE)
    messages = []
    client.assign([TopicPartition(topic, partition, low)])
    deadline = time.monotonic() + PATIENCE
    try:
        while client.position([TopicPartition(topic, partition)])[0].offset < high:
            assert time.monotonic() < deadline, f"stuck before offset {high}"
            message = client.poll(0.2)
            if message is None:
                if low == high:
                    break
            elif message.error():
                if message.error().code() != KafkaError._PARTITION_EOF:
                    raise KafkaException(message.error())
                break
            else:
                messages.append(message)
                deadline = time.monotonic() + PATIENCE
        return messages
    finally:
        client.close()


def watermarks(broker, topic, partition=0):
    client = consumer(broker)
    try:
        return client.get_watermark_offsets(TopicPartition(topic, partition), timeout=PATIENCE)
    finally:
        client.close()


def error_of(future):
    """The error code a future fails with, by Kafka's name, or None."""
    try:
        future.result(PATIENCE)
    except KafkaException as error:
        return error.args[0].name()
    return None
