"""The type of queues that name none, as their virtual host has it."""

import pika
import pytest

from eventually import eventually


def test_a_queue_is_of_the_default_type_of_its_virtual_host(api, vhost, connect):
    channel = connect(vhost=vhost).channel()

    def types():
        return {row["name"]: row["arguments"]["x-queue-type"] for row in api.read("queues", vhost)}

    channel.queue_declare("before", durable=True)
    assert api.put("vhosts", vhost, body={"default_queue_type": "quorum"}).status == 204
    assert api.read("vhosts", vhost)["default_queue_type"] == "quorum"
    for name, how in {
        "lasting": {"durable": True},
        "bounded": {"durable": True, "arguments": {"x-max-length": 3}},
        "transient": {"exclusive": True},
        "own": {"durable": True, "exclusive": True},
        "passing": {"durable": True, "auto_delete": True},
        "named": {"durable": True, "arguments": {"x-queue-type": "classic"}},
    }.items():
        channel.queue_declare(name, **how)
    api.made("queues", vhost, "by-http", body={"durable": True})
    api.made("queues", vhost, "by-http-passing", body={"durable": True, "auto_delete": True})
    api.post("definitions", vhost, body={"queues": [{"name": "defined", "durable": True}]})
    quorum = {"lasting", "bounded", "by-http", "defined"}

    def expected():
        return {name for name, kind in types().items() if kind == "quorum"} == quorum

    eventually(expected, what="quorum queues where nothing else was said")
    channel.queue_declare("lasting", durable=True)
    with pytest.raises(pika.exceptions.ChannelClosedByBroker) as told:
        channel.queue_declare("before", durable=True)
    assert told.value.reply_text == (
        f"PRECONDITION_FAILED - inequivalent arg 'x-queue-type' for queue 'before' in vhost "
        f"'{vhost}': received 'quorum' but current is 'classic'"
    )


def test_what_is_not_for_the_default_type_is_refused(api, vhost, connect):
    assert api.put("vhosts", vhost, body={"default_queue_type": "quorum"}).status == 204
    channel = connect(vhost=vhost).channel()
    with pytest.raises(pika.exceptions.ChannelClosedByBroker) as told:
        channel.queue_declare("q", durable=True, arguments={"x-max-priority": 3})
    assert told.value.reply_text == (
        f"PRECONDITION_FAILED - invalid arg 'x-max-priority' for queue 'q' in vhost '{vhost}' of "
        "queue type rabbit_quorum_queue"
    )


def test_default_types_that_are_none_are_refused(api, vhost):
    for given, reason in (
        ("zzz", "zzz is not a valid queue type"),
        ("", "default_queue_type must not be an empty string"),
    ):
        answer = api.put("vhosts", vhost, body={"default_queue_type": given})
        assert answer.error == ("bad_request", reason)
    assert api.put("vhosts", vhost, body={"default_queue_type": "undefined"}).status == 204
    assert api.read("vhosts", vhost)["default_queue_type"] == "classic"


def test_the_default_type_may_be_a_stream(api, connect, fresh):
    assert api.put("vhosts", "/", body={"default_queue_type": "stream"}).status == 204
    name, transient = fresh("stream"), fresh("queue")
    try:
        channel = connect().channel()
        channel.queue_declare(name, durable=True)
        channel.queue_declare(transient, exclusive=True)
        types = [api.read("queues", "/", queue)["type"] for queue in (name, transient)]
        assert types == ["stream", "classic"]
    finally:
        api.put("vhosts", "/", body={"default_queue_type": "classic"})
        api.delete("queues", "/", name)
