"""What is published through SNS, read by a client of Kafka."""

from confluent_kafka import Consumer
from confluent_kafka.admin import AdminClient, NewTopic

from eventually import eventually


def test_a_topic_of_kafka_has_what_is_published_to_its_namesake(sns, fresh, broker):
    """Forebay's own promise (docs/sns.md)."""
    name = fresh("t")
    topic = sns.create_topic(Name=name)["TopicArn"]
    admin = AdminClient({"bootstrap.servers": broker})
    for created in admin.create_topics([NewTopic(name, 1)]).values():
        created.result()
    attributes = {"colour": {"DataType": "String", "StringValue": "red"}}
    arguments = {"MessageAttributes": attributes, "MessageGroupId": "group"}
    sns.publish(TopicArn=topic, Message="read by Kafka", **arguments)
    consumer = Consumer(
        {
            "bootstrap.servers": broker,
            "group.id": fresh("g"),
            "auto.offset.reset": "earliest",
        }
    )
    consumer.subscribe([name])
    record = eventually(lambda: consumer.poll(1.0), what="a record")
    assert record.error() is None
    assert (record.key(), record.value()) == (b"group", b"read by Kafka")
    assert record.headers() == [("colour", b"red")]
    consumer.close()
    sns.delete_topic(TopicArn=topic)
