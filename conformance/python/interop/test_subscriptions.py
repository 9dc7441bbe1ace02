"""Queues that are subscribed to a topic: what Kafka's clients produce, others consume."""

import json
import os
import subprocess
import urllib.error
import urllib.request

import pika
import pytest
from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient, NewTopic

from eventually import eventually
from process.forebay import BINARY, Forebay
from rabbit_management.api import NOT_FOUND, Api
from rabbit_pika.conftest import connect_to
from sqs_boto3.messages import delete, take_one

from .conftest import properties

pytestmark = pytest.mark.forebay


@pytest.fixture
def topic(broker, fresh):
    return create_topic(broker, fresh("topic"))


@pytest.fixture
def queue(channel, fresh):
    name = fresh("queue")
    channel.queue_declare(name, durable=True)
    yield name
    channel.queue_delete(name)


def create_topic(broker, name, partitions=1):
    """Without retention, which may be quicker than a queue where a case brings an old timestamp."""
    admin = AdminClient({"bootstrap.servers": broker})
    kept = {"retention.ms": "-1"}
    admin.create_topics([NewTopic(name, partitions, config=kept)])[name].result(20)
    return name


def queue_command(command, *arguments, admin=None):
    admin = admin or os.environ["BROKER_ADMIN"]
    done = subprocess.run(
        [BINARY, "queue", command, "--admin", admin, *arguments],
        capture_output=True,
        text=True,
        timeout=30,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def describe(queue, admin=None):
    (found,) = json.loads(queue_command("describe", queue, "--json", admin=admin))
    return found


def take(channel, queue, count):
    """The next messages, each with its properties; they are acknowledged."""
    taken = []

    def has_all():
        while (message := channel.basic_get(queue, auto_ack=True))[0]:
            taken.append(message)
        return len(taken) == count

    eventually(has_all, what=f"{count} messages of {queue}")
    return taken


def bodies(channel, queue, count):
    return [body for _, _, body in take(channel, queue, count)]


def numbers(*range_of):
    return [b"%d" % number for number in range(*range_of)]


def test_a_queue_that_is_bound_to_a_topic_gets_its_records(channel, topic, queue, produce):
    produce(topic, b"before")
    channel.queue_bind(queue, topic)
    produce(
        topic,
        b"hello",
        key=b"k",
        timestamp=1_700_000_000_123,
        headers=[("correlation-id", b"c-1"), ("trace", b"t"), ("raw", b"\xff\xfe")],
    )
    ((method, found, body),) = take(channel, queue, 1)
    assert (method.exchange, method.routing_key, body) == ("", topic, b"hello")
    assert (found.correlation_id, found.timestamp) == ("c-1", 1_700_000_000)
    assert found.headers == {
        "trace": "t",
        "raw": b"\xff\xfe",
        "forebay.key": "k",
        "forebay.topic": topic,
        "forebay.partition": 0,
        "forebay.offset": 1,
    }
    # All there is came.
    assert describe(queue)["subscriptions"][0]["lag"] == 0


def test_what_amqp_published_to_a_topic_comes_to_its_queues_as_it_was(channel, topic, queue):
    channel.queue_bind(queue, topic)
    sent = properties(
        content_type="text/plain",
        priority=3,
        headers={"n": 7, "table": {"a": [1, "x"]}},
        timestamp=1_700_000_000,
    )
    channel.queue_bind(topic, "amq.topic", "orders.#")
    channel.confirm_delivery()
    channel.basic_publish("amq.topic", "orders.new", b"m", sent)
    ((method, found, body),) = take(channel, queue, 1)
    assert (method.exchange, method.routing_key, body) == ("amq.topic", "orders.new", b"m")
    assert found == sent


def test_where_a_binding_begins_is_said_as_consumers_of_streams_say_it(
    channel, topic, queue, produce
):
    for number in numbers(5):
        produce(topic, number)
    for offset, begins in [("first", 0), (3, 3), ("last", 4)]:
        channel.queue_bind(queue, topic, arguments={"x-stream-offset": offset})
        assert bodies(channel, queue, 5 - begins) == numbers(begins, 5)
        channel.queue_unbind(queue, topic)
    with pytest.raises(pika.exceptions.ChannelClosedByBroker, match="invalid_stream_offset_arg"):
        channel.connection.channel().queue_bind(
            queue, topic, arguments={"x-stream-offset": "some day"}
        )


def test_a_queue_that_is_unbound_gets_no_more(channel, topic, queue, produce):
    channel.queue_bind(queue, topic)
    produce(topic, b"1")
    assert bodies(channel, queue, 1) == [b"1"]
    channel.queue_unbind(queue, topic)
    produce(topic, b"2")
    assert describe(queue)["subscriptions"] == []
    assert channel.basic_get(queue) == (None, None, None)


def test_an_exchange_comes_before_the_topic_of_its_name(channel, topic, queue, produce):
    channel.exchange_declare(topic, "fanout", durable=True)
    channel.queue_bind(queue, topic)
    channel.confirm_delivery()
    channel.basic_publish(topic, "", b"by the exchange")
    assert bodies(channel, queue, 1) == [b"by the exchange"]
    assert describe(queue)["subscriptions"] == []
    channel.exchange_delete(topic)


def test_a_name_that_is_neither_is_no_exchange(channel, queue, fresh):
    with pytest.raises(pika.exceptions.ChannelClosedByBroker, match="no exchange"):
        channel.connection.channel().queue_bind(queue, fresh("nothing"))


def test_a_full_queue_that_refuses_has_the_topic_wait(channel, topic, fresh, produce):
    name = fresh("full")
    bounds = {"x-max-length": 2, "x-overflow": "reject-publish"}
    channel.queue_declare(name, durable=True, arguments=bounds)
    channel.queue_bind(name, topic)
    for number in numbers(7):
        produce(topic, number)
    eventually(lambda: describe(name)["subscriptions"][0]["lag"] == 5)
    assert bodies(channel, name, 7) == numbers(7)
    channel.queue_delete(name)


def test_an_sqs_queue_gets_what_kafka_produces(sqs, topic, fresh, produce):
    name = fresh("q")
    url = sqs.create_queue(QueueName=name)["QueueUrl"]
    queue_command("subscribe", name, topic)
    headers = [("trace", b"t"), ("raw", b"\xff\x00")]
    produce(topic, "größe".encode(), key=b"k", timestamp=1_700_000_000_123, headers=headers)
    message = take_one(sqs, url, MessageAttributeNames=["All"])
    assert message["Body"] == "größe"
    assert message["Attributes"]["SentTimestamp"] == "1700000000123"
    found = message["MessageAttributes"]
    assert found["trace"] == {"DataType": "String", "StringValue": "t"}
    assert found["raw"] == {"DataType": "Binary", "BinaryValue": b"\xff\x00"}
    assert found["forebay.key"] == {"DataType": "String", "StringValue": "k"}
    delete(sqs, url, message)
    sqs.delete_queue(QueueUrl=url)


@pytest.mark.parametrize("codec", ["none", "gzip", "snappy", "lz4", "zstd"])
def test_the_command_subscribes_from_anywhere(broker, channel, queue, fresh, codec):
    topic = create_topic(broker, fresh("topic"), partitions=3)
    producer = Producer(
        {"bootstrap.servers": broker, "compression.type": codec, "linger.ms": 200}
    )
    for number in range(300):
        producer.produce(topic, b"%d" % number, partition=number % 3)
    assert producer.flush(20) == 0
    assert "subscribed" not in queue_command("describe", queue)
    queue_command("subscribe", queue, topic, "--from", "-10")
    found = take(channel, queue, 30)
    by_partition = {0: [], 1: [], 2: []}
    for _, props, body in found:
        by_partition[props.headers["forebay.partition"]].append(int(body))
    assert by_partition == {n: list(range(270 + n, 300, 3)) for n in range(3)}
    assert topic in queue_command("describe", queue)
    queue_command("unsubscribe", queue, topic)
    queue_command("subscribe", queue, topic, "--from", "earliest")
    assert sorted(map(int, bodies(channel, queue, 300))) == list(range(300))
    queue_command("unsubscribe", queue, topic)
    queue_command("subscribe", queue, topic, "--from", "2100-01-01T00:00:00Z")
    assert describe(queue)["subscriptions"][0]["lag"] == 0


def test_the_api_says_what_is_wrong(channel, queue, topic):
    def ask(method, path, body=None):
        request = urllib.request.Request(
            f"http://{os.environ['BROKER_ADMIN']}/api/v1/queues/{path}",
            method=method,
            data=json.dumps(body).encode() if body is not None else None,
            headers={"content-type": "application/json"},
        )
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as error:
            return error.code, json.load(error)["error"]["code"]

    subscriptions = f"{queue}/subscriptions"
    wanted = {"topic": topic}
    assert ask("POST", subscriptions, wanted) == (201, {"topic": topic, "created": True})
    assert ask("POST", subscriptions, wanted) == (200, {"topic": topic, "created": False})
    assert ask("POST", "no-queue/subscriptions", wanted) == (404, "queue_not_found")
    assert ask("POST", subscriptions, {"topic": "none"}) == (404, "topic_not_found")
    assert ask("POST", subscriptions, {"topic": topic, "from": "soon"}) == (400, "invalid_body")
    gone = f"{subscriptions}/{topic}"
    assert ask("DELETE", gone) == (200, {"topic": topic, "deleted": True})
    assert ask("DELETE", gone) == (200, {"topic": topic, "deleted": False})


def test_every_record_comes_once_whatever_happens_to_the_broker(tmp_path):
    with Forebay(tmp_path / "data", amqp="127.0.0.1:0") as server:
        topic = create_topic(server.broker, "orders", partitions=2)
        channel = connect_to(server.amqp).channel()
        channel.queue_declare("q", durable=True)
        channel.queue_bind("q", topic)
        # Sent again until they are stored, each once.
        producer = Producer(
            {
                "bootstrap.servers": server.broker,
                "enable.idempotence": True,
                "message.timeout.ms": 60_000,
                "reconnect.backoff.max.ms": 200,
            }
        )
        sent, stored = 0, []

        def is_stored(error, record):
            assert error is None, error
            stored.append(record.offset())

        def stores(count):
            producer.poll(0.01)
            return len(stored) >= count

        for life in range(4):
            for _ in range(300):
                value = b"%d" % sent
                producer.produce(topic, value, partition=sent % 2, on_delivery=is_stored)
                sent += 1
            # In the middle of it.
            eventually(lambda: stores(sent - 299), every=0)
            server.kill()
            server.start()
        assert producer.flush(60) == 0
        eventually(
            lambda: describe("q", admin=server.admin)["subscriptions"][0]["lag"] == 0,
            what="no lag",
        )
        connection = connect_to(server.amqp)
        channel = connection.channel()
        by_partition = [[], []]
        for _, found, body in take(channel, "q", sent):
            by_partition[found.headers["forebay.partition"]].append(int(body))
        assert by_partition == [list(range(0, sent, 2)), list(range(1, sent, 2))]
        assert channel.basic_get("q") == (None, None, None)
        connection.close()


def bound(topic, queue):
    """The binding as the management API shows it."""
    return {
        "source": topic,
        "vhost": "/",
        "destination": queue,
        "destination_type": "queue",
        "routing_key": "",
        "arguments": {},
        "properties_key": "~",
    }


def between(topic, queue):
    return ("bindings", "/", "e", topic, "q", queue)


def test_the_management_api_lists_a_subscription_among_the_bindings(channel, topic, queue):
    api = Api()
    row = bound(topic, queue)
    places = (("bindings",), ("bindings", "/"), ("queues", "/", queue, "bindings"))
    for place in places:
        assert row not in api.read(*place)
    channel.queue_bind(queue, topic)
    for place in places:
        assert api.read(*place).count(row) == 1
    assert api.read(*between(topic, queue)) == [row]
    assert api.read(*between(topic, queue), "~") == row
    assert api.get(*between(topic, queue), "key").error == NOT_FOUND
    assert api.get("exchanges", "/", topic).error == NOT_FOUND
    channel.queue_unbind(queue, topic)
    assert api.read(*between(topic, queue)) == []


def test_the_management_api_subscribes_and_unsubscribes(channel, topic, queue, produce):
    api = Api()
    produce(topic, b"before")
    body = {"arguments": {"x-stream-offset": "first"}}
    made = api.post(*between(topic, queue), body=body)
    assert made.status == 201 and made.headers["location"] == f"{queue}/~"
    produce(topic, b"after")
    assert bodies(channel, queue, 2) == [b"before", b"after"]
    assert api.delete(*between(topic, queue), "~").status == 204
    assert api.delete(*between(topic, queue), "~").error == NOT_FOUND
    assert describe(queue)["subscriptions"] == []


def test_a_user_of_the_management_api_needs_what_a_client_needs(topic, queue):
    api = Api()
    name = f"user-{queue}"
    api.made("users", name, body={"password": "secret", "tags": "management"})
    user = Api(name, "secret")
    for write, read, status in (("", ".*", 401), (".*", "", 401), (".*", ".*", 201)):
        api.put("permissions", "/", name, body={"configure": "", "write": write, "read": read})
        assert user.post(*between(topic, queue)).status == status
    api.put("permissions", "/", name, body={"configure": "", "write": "", "read": ".*"})
    assert user.delete(*between(topic, queue), "~").status == 401
    api.delete("users", name)


def test_definitions_bring_a_subscription_back(channel, topic, queue, produce):
    api = Api()
    channel.queue_bind(queue, topic)
    produce(topic, b"1")
    assert bodies(channel, queue, 1) == [b"1"]
    everything, of_host = api.read("definitions"), api.read("definitions", "/")
    plain = {key: value for key, value in bound(topic, queue).items() if key != "properties_key"}
    assert everything["bindings"].count(plain) == 1
    plain.pop("vhost")
    assert of_host["bindings"].count(plain) == 1
    taken = {"bindings": [plain]}
    # What is there stays where it is.
    assert api.post("definitions", "/", body=taken).status == 204
    channel.queue_unbind(queue, topic)
    produce(topic, b"2")
    assert api.post("definitions", "/", body=taken).status == 204
    produce(topic, b"3")
    assert bodies(channel, queue, 1) == [b"3"]
    missing = {"bindings": [{**plain, "source": f"no-{topic}"}]}
    refused = api.post("definitions", "/", body=missing)
    assert refused.status == 400 and f"no-{topic}" in refused.json["reason"]
    missing = {"bindings": [{**plain, "destination": f"no-{queue}"}]}
    refused = api.post("definitions", "/", body=missing)
    assert refused.status == 400 and f"no-{queue}" in refused.json["reason"]


def test_an_exchange_of_the_topic_s_name_comes_first(channel, topic, queue):
    api = Api()
    channel.queue_bind(queue, topic)
    channel.exchange_declare(topic, "fanout")
    assert bound(topic, queue) not in api.read("bindings")
    assert api.post(*between(topic, queue), body={}).status == 201
    assert api.delete(*between(topic, queue), "~").status == 204
    channel.exchange_delete(topic)
    assert bound(topic, queue) in api.read("bindings")
