"""The admin client of kafka-python."""

import pytest
from kafka import KafkaAdminClient, TopicPartition
from kafka.admin import NewPartitions, NewTopic
from kafka.errors import TopicAlreadyExistsError, UnknownTopicOrPartitionError

from . import clients


@pytest.fixture
def admin(broker):
    client = KafkaAdminClient(bootstrap_servers=broker)
    yield client
    client.close()


def test_create_list_and_delete_topics(admin, fresh):
    topic = fresh("topic")
    admin.create_topics([NewTopic(topic, 3, 1)])
    assert topic in admin.list_topics()
    with pytest.raises(TopicAlreadyExistsError):
        admin.create_topics([NewTopic(topic, 3, 1)])
    [described] = admin.describe_topics([topic])
    assert len(described["partitions"]) == 3
    admin.delete_topics([topic])
    with pytest.raises(UnknownTopicOrPartitionError):
        admin.delete_topics([topic])


def test_groups_are_listed_described_and_deleted(admin, broker, fresh):
    topic, group = fresh("topic"), fresh("group")
    clients.produce(broker, topic, [{"value": b"v"}])
    member = clients.consumer(broker, topic, group_id=group)
    clients.take(member, 1)
    member.commit()
    member.close()
    assert group in {listed["group_id"] for listed in admin.list_groups()}
    assert admin.describe_groups([group])[group]["group_state"] == "Empty"
    admin.delete_groups([group])
    assert group not in {listed["group_id"] for listed in admin.list_groups()}


def test_create_partitions(admin, fresh):
    topic = fresh("topic")
    admin.create_topics([NewTopic(topic, 2, 1)])
    admin.create_partitions({topic: NewPartitions(5)})
    [described] = admin.describe_topics([topic])
    assert len(described["partitions"]) == 5


def test_delete_records_moves_the_start(admin, broker, fresh):
    part = TopicPartition(fresh("topic"), 0)
    clients.produce(broker, part.topic, [{"value": b"v"}] * 10)
    admin.delete_records({part: 4})
    reader = clients.consumer(broker)
    assert reader.beginning_offsets([part])[part] == 4
    reader.close()


def test_describe_cluster(admin):
    cluster = admin.describe_cluster()
    assert len(cluster["brokers"]) == 1
    assert len(cluster["cluster_id"]) == 22
