"""Small helpers around kafka-python."""

from kafka import KafkaConsumer, KafkaProducer, TopicPartition

PATIENCE_MS = 30_000


def producer(broker, **config):
    return KafkaProducer(bootstrap_servers=broker, acks="all", linger_ms=5, **config)


def produce(broker, topic, records, **config):
    """Sends dicts (value, key, headers, partition, timestamp_ms); returns the metadata."""
    client = producer(broker, **config)
    try:
        futures = [client.send(topic, **record) for record in records]
        client.flush(30)
        return [future.get(30) for future in futures]
    finally:
        client.close()


def consumer(broker, *topics, **config):
    return KafkaConsumer(
        *topics,
        bootstrap_servers=broker,
        auto_offset_reset="earliest",
        **{"enable_auto_commit": False, "consumer_timeout_ms": PATIENCE_MS, **config},
    )


def take(client, count):
    """The next `count` records; fewer if they do not come in time."""
    taken = []
    for record in client:
        taken.append(record)
        if len(taken) == count:
            break
    return taken


def read(broker, topic, count, partitions=1, **config):
    client = consumer(broker, **config)
    try:
        client.assign([TopicPartition(topic, part) for part in range(partitions)])
        client.seek_to_beginning()
        return take(client, count)
    finally:
        client.close()
