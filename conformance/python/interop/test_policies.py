"""Policies of RabbitMQ, and the topics that Kafka's clients made: docs/interop.md."""

import re

import pytest
from confluent_kafka.admin import AdminClient, ConfigResource, NewTopic

from eventually import eventually
from rabbit_management.api import Api

pytestmark = pytest.mark.forebay

# More than what goes together.
BODY = b"x" * 50_000
SMALL = {"max-length-bytes": 3 * len(BODY)}


@pytest.fixture
def api():
    return Api()


@pytest.fixture
def put(api):
    """Puts policies of the default virtual host, which are gone after the case."""
    names = []

    def put(name, *streams, **said):
        pattern = f"^({'|'.join(map(re.escape, streams))})$"
        api.made("policies", "/", name, body={"pattern": pattern, "definition": SMALL, **said})
        names.append(name)

    yield put
    for name in names:
        api.delete("policies", "/", name)


@pytest.fixture
def admin(broker):
    return AdminClient({"bootstrap.servers": broker})


@pytest.fixture
def topic(admin, fresh):
    name = fresh("topic")
    admin.create_topics([NewTopic(name, 1)])[name].result(20)
    return name


def held(api, name):
    return api.read("queues", "/", name)["messages"]


def policy_of(api, name):
    return api.read("queues", "/", name)["policy"]


@pytest.mark.parametrize("apply_to", ["queues", "all"])
def test_a_policy_for_queues_leaves_topics_alone(
    api, put, topic, stream, produce, consume, fresh, apply_to
):
    for name in (topic, stream):
        for _ in range(10):
            produce(name, BODY)
    name = fresh("policy")
    put(name, topic, stream, **{"apply-to": apply_to})
    # What holds for the one would have held for the other.
    eventually(lambda: held(api, stream) < 10)
    assert policy_of(api, stream) == name
    assert held(api, topic) == 10 and policy_of(api, topic) is None
    assert api.read("queues", "/", topic)["effective_policy_definition"] == {}
    assert [record.offset() for record in consume(topic, 10)] == list(range(10))


def test_a_policy_for_streams_is_for_topics_too(api, put, topic, produce, fresh):
    for _ in range(10):
        produce(topic, BODY)
    name = fresh("policy")
    put(name, topic, **{"apply-to": "streams"})
    eventually(lambda: 3 <= held(api, topic) < 6)
    assert policy_of(api, topic) == name


def test_a_topic_s_configuration_stays_what_was_set(api, put, topic, admin, fresh):
    put(fresh("policy"), topic, **{"apply-to": "streams"})
    resource = ConfigResource(ConfigResource.Type.TOPIC, topic, set_config={"retention.bytes": "7"})
    admin.alter_configs([resource])[resource].result(20)
    config = admin.describe_configs([resource])[resource].result(20)
    assert config["retention.bytes"].value == "7"
    shown = api.read("v1", "topics", topic)["retention"]
    assert shown["bytes"] == SMALL["max-length-bytes"]


def test_definitions_bring_a_topic_back_as_a_topic(
    api, put, topic, stream, produce, fresh
):
    rows = {row["name"]: row for row in api.read("definitions", "/")["queues"]}
    for name in (topic, stream):
        assert api.delete("queues", "/", name).status == 204
    taken = {"queues": [rows[topic], rows[stream]]}
    assert api.post("definitions", "/", body=taken).status == 204
    name = fresh("policy")
    put(name, topic, stream, **{"apply-to": "queues"})
    assert policy_of(api, stream) == name
    assert policy_of(api, topic) is None
    produce(topic, b"1")
