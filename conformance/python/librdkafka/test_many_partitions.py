"""Ten thousand partitions, one consumer."""

import time

import pytest
from confluent_kafka import TopicPartition
from confluent_kafka.admin import NewTopic

from . import clients

TOPICS = 10


@pytest.mark.slow
def test_ten_thousand_partitions_are_fetched_by_one_consumer(broker, fresh, is_forebay):
    # Kafka holds three files a partition open: 10,000 are beyond the usual limit of descriptors.
    partitions = 1000 if is_forebay else 300
    names = [f"{fresh('many')}-{n}" for n in range(TOPICS)]
    admin = clients.admin(broker)
    for name in names:
        new = [NewTopic(name, partitions, 1)]
        admin.create_topics(new, operation_timeout=60, request_timeout=90)[name].result(90)

    reader = clients.consumer(broker, fetch_wait_max_ms=200)
    reader.assign([TopicPartition(name, part, 0) for name in names for part in range(partitions)])
    wanted = {(names[n % TOPICS], n * 37 % partitions) for n in range(200)}
    writer = clients.producer(broker)
    for name, part in wanted:
        writer.produce(name, b"needle", partition=part)
    assert writer.flush(60) == 0

    started, found = time.monotonic(), set()
    while found != wanted:
        assert time.monotonic() - started < 90, f"{len(found)} of {len(wanted)} found"
        message = clients.poll(reader, 0.2)
        if message is not None:
            found.add((message.topic(), message.partition()))
    reader.close()
    for name, future in admin.delete_topics(names, operation_timeout=60, request_timeout=90).items():
        future.result(90)
