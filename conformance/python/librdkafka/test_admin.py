"""The admin calls of librdkafka, with the errors that Kafka gives."""

import pytest
from confluent_kafka import (
    ConsumerGroupState,
    ConsumerGroupTopicPartitions,
    IsolationLevel,
    KafkaException,
    TopicCollection,
    TopicPartition,
)
from confluent_kafka.admin import (
    AlterConfigOpType,
    ConfigEntry,
    ConfigResource,
    ConfigSource,
    NewPartitions,
    NewTopic,
    OffsetSpec,
    ResourceType,
)
from eventually import eventually

from . import clients

WAIT = clients.PATIENCE


@pytest.fixture
def admin(broker):
    return clients.admin(broker)


def topic_names(admin):
    return set(admin.list_topics(timeout=WAIT).topics)


def config_of(admin, topic):
    resource = ConfigResource(ResourceType.TOPIC, topic)
    return admin.describe_configs([resource])[resource].result(WAIT)


def alter(admin, topic, *changes):
    """Changes are (name, value, operation)."""
    entries = [
        ConfigEntry(name, value, incremental_operation=operation)
        for name, value, operation in changes
    ]
    resource = ConfigResource(ResourceType.TOPIC, topic, incremental_configs=entries)
    admin.incremental_alter_configs([resource])[resource].result(WAIT)


def test_create_list_and_delete_topics(admin, broker, fresh):
    topic = clients.create(broker, fresh("topic"), partitions=3)
    assert len(admin.list_topics(timeout=WAIT).topics[topic].partitions) == 3
    admin.delete_topics([topic])[topic].result(WAIT)
    eventually(lambda: topic not in topic_names(admin))
    assert clients.error_of(admin.delete_topics([topic])[topic]) == "UNKNOWN_TOPIC_OR_PART"


def test_valid_topics_are_created_beside_invalid_ones(admin, broker, fresh):
    good, existing = fresh("good"), clients.create(broker, fresh("existing"))
    futures = admin.create_topics(
        [
            NewTopic(good, 1, 1),
            NewTopic(existing, 1, 1),
            NewTopic("not/valid", 1, 1),
            NewTopic("x" * 250, 1, 1),
            NewTopic(fresh("zero"), 0, 1),
            NewTopic(fresh("config"), 1, 1, config={"retention.ms": "soon"}),
            NewTopic(fresh("unknown"), 1, 1, config={"no.such.config": "1"}),
        ]
    )
    assert [clients.error_of(future) for future in futures.values()] == [
        None,
        "TOPIC_ALREADY_EXISTS",
        "TOPIC_EXCEPTION",
        "TOPIC_EXCEPTION",
        "INVALID_PARTITIONS",
        "INVALID_CONFIG",
        "INVALID_CONFIG",
    ]
    eventually(lambda: good in topic_names(admin))


def test_validate_only_creates_nothing(admin, broker, fresh):
    topic = fresh("topic")
    admin.create_topics([NewTopic(topic, 1, 1)], validate_only=True)[topic].result(WAIT)
    assert topic not in topic_names(admin)
    existing = clients.create(broker, fresh("existing"))
    futures = admin.create_topics([NewTopic(existing, 1, 1)], validate_only=True)
    assert clients.error_of(futures[existing]) == "TOPIC_ALREADY_EXISTS"


def test_describe_topics(admin, broker, fresh):
    topic, missing = clients.create(broker, fresh("topic"), partitions=2), fresh("missing")
    futures = admin.describe_topics(TopicCollection([topic, missing]))
    description = futures[topic].result(WAIT)
    assert description.name == topic and not description.is_internal
    assert [part.id for part in description.partitions] == [0, 1]
    for part in description.partitions:
        assert part.leader.id == part.replicas[0].id == part.isr[0].id
    assert clients.error_of(futures[missing]) == "UNKNOWN_TOPIC_OR_PART"


def test_create_partitions(admin, broker, fresh):
    topic, missing = clients.create(broker, fresh("topic"), partitions=2), fresh("missing")
    clients.produce(broker, topic, [{"value": b"kept", "partition": 1}])
    admin.create_partitions([NewPartitions(topic, 4)])[topic].result(WAIT)
    eventually(lambda: len(admin.list_topics(topic, timeout=WAIT).topics[topic].partitions) == 4)
    clients.produce(broker, topic, [{"value": b"new", "partition": 3}])
    assert len(clients.read(broker, topic, 2, partitions=4)) == 2
    fewer = admin.create_partitions([NewPartitions(topic, 3)])
    assert clients.error_of(fewer[topic]) == "INVALID_PARTITIONS"
    unknown = admin.create_partitions([NewPartitions(missing, 3)])
    assert clients.error_of(unknown[missing]) == "UNKNOWN_TOPIC_OR_PART"


def test_describe_configs_shows_every_setting_and_its_source(admin, broker, fresh):
    topic = clients.create(broker, fresh("topic"), retention_ms=1234)
    config = config_of(admin, topic)
    assert config["retention.ms"].value == "1234"
    assert config["retention.ms"].source == ConfigSource.DYNAMIC_TOPIC_CONFIG.value
    defaults = {
        "cleanup.policy": "delete",
        "compression.type": "producer",
        "delete.retention.ms": "86400000",
        "max.message.bytes": "1048588",
        "message.timestamp.type": "CreateTime",
        "min.cleanable.dirty.ratio": "0.5",
        "min.compaction.lag.ms": "0",
        "retention.bytes": "-1",
        "segment.bytes": "1073741824",
        "segment.ms": "604800000",
    }
    assert {name: config[name].value for name in defaults} == defaults
    for name in defaults:
        assert config[name].source == ConfigSource.DEFAULT_CONFIG.value, name
        assert config[name].is_default


def test_describe_configs_of_the_broker(admin):
    [broker_id] = admin.list_topics(timeout=WAIT).brokers
    resource = ConfigResource(ResourceType.BROKER, str(broker_id))
    config = admin.describe_configs([resource])[resource].result(WAIT)
    assert config["num.partitions"].value == "1"
    assert config["auto.create.topics.enable"].value == "true"


def test_alter_configs_replaces_the_whole_set(admin, broker, fresh):
    topic = clients.create(broker, fresh("topic"), retention_ms=1234, segment_bytes=2_000_000)
    resource = ConfigResource(ResourceType.TOPIC, topic, set_config={"retention.ms": "99"})
    admin.alter_configs([resource])[resource].result(WAIT)
    eventually(lambda: config_of(admin, topic)["retention.ms"].value == "99")
    assert config_of(admin, topic)["segment.bytes"].value == "1073741824"


def test_incremental_alter_configs_sets_and_deletes(admin, broker, fresh):
    topic = clients.create(broker, fresh("topic"), retention_ms=1234)
    alter(
        admin,
        topic,
        ("segment.bytes", "2000000", AlterConfigOpType.SET),
        ("retention.ms", None, AlterConfigOpType.DELETE),
    )
    eventually(lambda: config_of(admin, topic)["segment.bytes"].value == "2000000")
    assert config_of(admin, topic)["retention.ms"].value == "604800000"


def test_incremental_alter_configs_appends_and_subtracts(admin, broker, fresh):
    topic = clients.create(broker, fresh("topic"))
    alter(admin, topic, ("cleanup.policy", "compact", AlterConfigOpType.APPEND))
    eventually(lambda: config_of(admin, topic)["cleanup.policy"].value == "delete,compact")
    alter(admin, topic, ("cleanup.policy", "delete", AlterConfigOpType.SUBTRACT))
    eventually(lambda: config_of(admin, topic)["cleanup.policy"].value == "compact")


@pytest.mark.parametrize(
    "name,value,operation",
    [
        ("retention.ms", "soon", AlterConfigOpType.SET),
        ("no.such.config", "1", AlterConfigOpType.SET),
        ("cleanup.policy", "burn", AlterConfigOpType.SET),
        ("retention.ms", "5", AlterConfigOpType.APPEND),
    ],
    ids=["not_a_number", "unknown_name", "unknown_value", "append_to_a_number"],
)
def test_a_bad_config_is_refused(admin, broker, fresh, name, value, operation):
    topic = clients.create(broker, fresh("topic"))
    with pytest.raises(KafkaException) as error:
        alter(admin, topic, (name, value, operation))
    assert error.value.args[0].name() == "INVALID_CONFIG"


def test_delete_records_moves_the_start(admin, broker, fresh):
    topic = clients.create(broker, fresh("topic"), partitions=2)
    clients.produce(broker, topic, [{"value": b"v", "partition": n % 2} for n in range(20)])
    wanted = [TopicPartition(topic, 0, 4), TopicPartition(topic, 1, -1)]
    futures = admin.delete_records(wanted)
    assert [f.result(WAIT).low_watermark for f in futures.values()] == [4, 10]
    assert clients.watermarks(broker, topic, 0) == (4, 10)
    assert clients.watermarks(broker, topic, 1) == (10, 10)
    assert [m.offset() for m in clients.read(broker, topic, 6)] == [4, 5, 6, 7, 8, 9]
    beyond = admin.delete_records([TopicPartition(topic, 0, 11)])
    assert [clients.error_of(f) for f in beyond.values()] == ["OFFSET_OUT_OF_RANGE"]


def test_list_offsets_by_every_spec(admin, broker, fresh):
    topic = clients.create(broker, fresh("topic"))
    first = clients.an_hour_ago()
    stamps = [first + delta for delta in (0, 5000, 9000, 3000)]
    for stamp in stamps:
        clients.produce(broker, topic, [{"value": b"v", "timestamp": stamp}])

    def ask(spec, isolation=IsolationLevel.READ_UNCOMMITTED):
        part = TopicPartition(topic, 0)
        future = admin.list_offsets({part: spec}, isolation_level=isolation)[part]
        found = future.result(WAIT)
        return found.offset, found.timestamp

    assert ask(OffsetSpec.earliest())[0] == 0
    assert ask(OffsetSpec.latest())[0] == 4
    assert ask(OffsetSpec.latest(), IsolationLevel.READ_COMMITTED)[0] == 4
    assert ask(OffsetSpec.max_timestamp()) == (2, stamps[2])
    assert ask(OffsetSpec.for_timestamp(stamps[0] + 1)) == (1, stamps[1])
    assert ask(OffsetSpec.for_timestamp(stamps[2] + 1)) == (-1, -1)


def test_describe_cluster(admin):
    cluster = admin.describe_cluster().result(WAIT)
    assert len(cluster.nodes) == 1
    assert cluster.controller.id == cluster.nodes[0].id
    assert len(cluster.cluster_id) == 22, "a UUID in URL-safe base64"


def consuming_member(broker, topic, group):
    client = clients.consumer(broker, group, client_id="watched")
    client.subscribe([topic])
    clients.take(client, 1)
    client.commit(asynchronous=False)
    return client


def test_list_and_describe_groups(admin, broker, fresh):
    topic, group = clients.create(broker, fresh("topic"), partitions=2), fresh("group")
    clients.produce(broker, topic, [{"value": b"v"}] * 3)
    member = consuming_member(broker, topic, group)

    listed = {g.group_id: g for g in admin.list_consumer_groups().result(WAIT).valid}
    assert listed[group].state == ConsumerGroupState.STABLE
    empty = admin.list_consumer_groups(states={ConsumerGroupState.EMPTY}).result(WAIT).valid
    assert group not in {g.group_id for g in empty}

    description = admin.describe_consumer_groups([group])[group].result(WAIT)
    assert description.state == ConsumerGroupState.STABLE
    assert description.partition_assignor == "range"
    [described] = description.members
    assert described.client_id == "watched"
    assert described.host == "/127.0.0.1"
    assert sorted(p.partition for p in described.assignment.topic_partitions) == [0, 1]

    member.close()
    description = admin.describe_consumer_groups([group])[group].result(WAIT)
    assert description.state == ConsumerGroupState.EMPTY


def test_delete_groups(admin, broker, fresh):
    topic, group = clients.create(broker, fresh("topic")), fresh("group")
    clients.produce(broker, topic, [{"value": b"v"}])
    member = consuming_member(broker, topic, group)
    refused = admin.delete_consumer_groups([group])
    assert clients.error_of(refused[group]) == "NON_EMPTY_GROUP"
    member.close()
    admin.delete_consumer_groups([group])[group].result(WAIT)
    listed = admin.list_consumer_groups().result(WAIT).valid
    assert group not in {g.group_id for g in listed}
    again = admin.delete_consumer_groups([group])
    assert clients.error_of(again[group]) == "GROUP_ID_NOT_FOUND"


def test_group_offsets_are_listed_and_altered(admin, broker, fresh):
    topic, group = clients.create(broker, fresh("topic")), fresh("group")
    wanted = ConsumerGroupTopicPartitions(group, [TopicPartition(topic, 0, 5)])
    admin.alter_consumer_group_offsets([wanted])[group].result(WAIT)
    all_of_it = admin.list_consumer_group_offsets([ConsumerGroupTopicPartitions(group)])
    [found] = all_of_it[group].result(WAIT).topic_partitions
    assert (found.topic, found.partition, found.offset) == (topic, 0, 5)
