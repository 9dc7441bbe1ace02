"""What is published through SNS, read by a client of Kafka (docs/interop.md)."""

import pytest
from confluent_kafka.admin import AdminClient, NewTopic
from pika.exceptions import ChannelClosedByBroker
from sns_boto3.conftest import open_client


@pytest.fixture
def topic(sns, fresh):
    arn = sns.create_topic(Name=fresh("t"))["TopicArn"]
    yield arn
    sns.delete_topic(TopicArn=arn)


def name_of(topic):
    return topic.rsplit(":", 1)[1]


def brought(record):
    """The headers that the message came with: Forebay's own are told apart by their names."""
    headers = record.headers() or []
    return sorted(header for header in headers if not header[0].startswith("forebay."))


def test_what_is_published_is_read_from_the_topic_of_its_name(sns, topic, consume):
    attributes = {
        "colour": {"DataType": "String", "StringValue": "red"},
        "bytes": {"DataType": "Binary", "BinaryValue": b"\x00\xff"},
    }
    published = sns.publish(
        TopicArn=topic,
        Message="größe",
        Subject="about",
        MessageAttributes=attributes,
        MessageGroupId="group",
    )
    [record] = consume(name_of(topic), 1)
    assert (record.key(), record.value()) == (b"group", "größe".encode())
    assert brought(record) == [("Subject", b"about"), ("bytes", b"\x00\xff"), ("colour", b"red")]
    own = dict(record.headers())
    assert own["forebay.sns.message-id"].decode() == published["MessageId"]


def test_a_fifo_topic_is_read_in_order(sns, fresh, consume):
    name = fresh("t") + ".fifo"
    attributes = {"FifoTopic": "true", "ContentBasedDeduplication": "true"}
    topic = sns.create_topic(Name=name, Attributes=attributes)["TopicArn"]
    entries = [{"Id": str(n), "Message": str(n), "MessageGroupId": "g"} for n in range(10)]
    for _ in range(2):  # Nothing is there twice.
        answer = sns.publish_batch(TopicArn=topic, PublishBatchRequestEntries=entries)
    sns.publish(TopicArn=topic, Message="last", MessageGroupId="h")
    records = consume(name, 11)
    assert [record.value() for record in records] == [b"%d" % n for n in range(10)] + [b"last"]
    numbers = [one["SequenceNumber"].encode() for one in answer["Successful"]]
    assert [dict(r.headers())["forebay.sns.sequence-number"] for r in records[:10]] == numbers
    sns.delete_topic(TopicArn=topic)


def test_a_topic_that_kafka_made_is_the_same(sns, broker, fresh, consume):
    name = fresh("t")
    admin = AdminClient({"bootstrap.servers": broker})
    admin.create_topics([NewTopic(name, 3)])[name].result()
    topic = sns.create_topic(Name=name)["TopicArn"]
    sns.publish(TopicArn=topic, Message="x")
    assert consume(name, 1)[0].value() == b"x"
    # Who did not make it does not delete it.
    sns.delete_topic(TopicArn=topic)
    assert len(admin.list_topics(name).topics[name].partitions) == 3
    admin.delete_topics([name])[name].result()


def test_a_queue_of_its_name_is_another_thing(sns, sqs, topic, consume, channel):
    name = name_of(topic)
    url = sqs.create_queue(QueueName=name)["QueueUrl"]
    arn = f"arn:aws:sqs:us-east-1:000000000000:{name}"
    raw = {"RawMessageDelivery": "true"}
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn, Attributes=raw)
    sns.publish(TopicArn=topic, Message="for both")
    channel.basic_publish("", name, b"for the queue")
    assert consume(name, 1)[0].value() == b"for both"
    bodies = []
    while len(bodies) < 2:
        answer = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, WaitTimeSeconds=20)
        bodies += [message["Body"] for message in answer["Messages"]]
    assert sorted(bodies) == ["for both", "for the queue"]
    sqs.delete_queue(QueueUrl=url)


def test_it_is_no_stream_of_rabbitmq(topic, channel):
    with pytest.raises(ChannelClosedByBroker) as closed:
        stream = {"x-queue-type": "stream"}
        channel.queue_declare(name_of(topic), durable=True, arguments=stream)
    assert closed.value.reply_code == 406


def test_accounts_of_which_kafka_knows_nothing_have_none(sns, broker, fresh):
    name = fresh("t")
    key = "111111111111"
    sns = open_client("sns", key=key)
    topic = sns.create_topic(Name=name)["TopicArn"]
    assert key in topic
    admin = AdminClient({"bootstrap.servers": broker})
    assert name not in admin.list_topics().topics
    sns.delete_topic(TopicArn=topic)
