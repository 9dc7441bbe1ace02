"""Streams among the queues."""

import pytest

from eventually import eventually

from .api import NOT_FOUND
from .each_virtual_host import connect, vhost  # noqa: F401


@pytest.fixture
def stream(api, vhost, fresh):
    """An empty stream that is gone after the case."""
    name = fresh("stream")
    api.made("queues", vhost, name, body=declared(**{"x-max-age": "1h"}))
    yield name
    api.delete("queues", vhost, name)


def declared(**arguments):
    return {"durable": True, "arguments": {"x-queue-type": "stream", **arguments}}


def row_of(api, vhost, name):
    return [row for row in api.read("queues", vhost) if row["name"] == name]


def test_a_stream_comes_and_goes(api, vhost, fresh):
    name = fresh("stream")
    body = declared(**{"x-max-age": "1h"})
    assert api.put("queues", vhost, name, body=body).status == 201
    assert api.put("queues", vhost, name, body=body).status == 204
    row = api.read("queues", vhost, name)
    expected = {
        "name": name,
        "vhost": vhost,
        "type": "stream",
        "durable": True,
        "auto_delete": False,
        "exclusive": False,
        "state": "running",
        "arguments": {"x-queue-type": "stream", "x-max-age": "1h"},
    }
    assert {field: row[field] for field in expected} == expected
    assert row["leader"] == row["node"] and row["members"] == row["online"] == [row["node"]]
    assert [row["type"] for row in row_of(api, vhost, name)] == ["stream"]
    paged = api.read("queues", page=1, page_size=10, name=name, sort="name")
    assert [row["name"] for row in paged["items"]] == [name]
    assert api.delete("queues", vhost, name).status == 204
    assert api.get("queues", vhost, name).error == NOT_FOUND
    assert api.delete("queues", vhost, name).error == NOT_FOUND
    assert row_of(api, vhost, name) == []


def test_messages_and_consumers_of_a_stream_are_counted(api, vhost, stream, connect):
    connection = connect()
    channel = connection.channel()
    channel.confirm_delivery()
    for _ in range(5):
        channel.basic_publish("", stream, b"x")

    def counts():
        row = api.read("queues", vhost, stream)
        fields = ("messages", "messages_ready", "messages_unacknowledged", "consumers")
        return [row.get(field) for field in fields]

    eventually(lambda: counts() == [5, 5, 0, 0], what="five messages")
    channel.basic_qos(prefetch_count=2)
    begin = {"x-stream-offset": "first"}
    tag = channel.basic_consume(stream, lambda *_: None, arguments=begin)
    eventually(lambda: counts() == [5, 5, 0, 1], what="a consumer")
    (consumer,) = api.read("queues", vhost, stream)["consumer_details"]
    assert consumer["consumer_tag"] == tag and consumer["prefetch_count"] == 2
    assert consumer["arguments"] == begin
    eventually(lambda: row_of(api, vhost, stream)[0]["consumers"] == 1, what="it in the list")
    channel.basic_cancel(tag)
    eventually(lambda: counts() == [5, 5, 0, 0], what="nobody any more")


def test_streams_are_not_declared_otherwise(api, vhost, stream, fresh):
    where = f"for queue '{stream}' in vhost '{vhost}'"

    def reason(name, body):
        answer = api.put("queues", vhost, name, body=body)
        assert answer.status == 400, answer.text
        return answer.json["reason"]

    assert reason(stream, declared(**{"x-max-age": "2h"})) == (
        f"inequivalent arg 'x-max-age' {where}: received '7200000' but current is '3600000'"
    )
    classic = {"durable": True, "arguments": {"x-queue-type": "classic"}}
    assert reason(stream, classic) == (
        f"inequivalent arg 'x-queue-type' {where}: received 'classic' but current is 'stream'"
    )
    other = fresh("stream")
    where = f"for queue '{other}' in vhost '{vhost}'"
    body = {**declared(), "durable": False}
    assert reason(other, body) == f"invalid property 'non-durable' {where}"
    said = reason(other, declared(**{"x-max-length": 5}))
    assert said == f"invalid arg 'x-max-length' {where} of queue type rabbit_stream_queue"


def test_what_streams_do_not_do_is_refused(api, vhost, stream):
    what = f"not supported by stream queues queue '{stream}' in vhost '{vhost}'"
    purged = api.delete("queues", vhost, stream, "contents")
    assert purged.error == ("bad_request", f"queue.purge {what}")
    body = {"count": 1, "ackmode": "ack_requeue_true", "encoding": "auto"}
    got = api.post("queues", vhost, stream, "get", body=body)
    assert got.error == ("bad_request", f"540 basic.get {what}")


def test_streams_are_among_the_definitions(api, vhost, stream):
    exported = api.read("definitions")
    (row,) = [row for row in exported["queues"] if row["name"] == stream]
    assert row["type"] == "stream" and row["arguments"]["x-max-age"] == "1h"
    assert api.delete("queues", vhost, stream).status == 204
    for _ in range(2):
        assert api.post("definitions", body={"queues": [row]}).status == 204
    assert api.read("queues", vhost, stream)["arguments"] == row["arguments"]


def test_the_definitions_of_a_virtual_host_have_its_streams(api, vhost, stream):
    place = ("bindings", vhost, "e", "amq.topic", "q", stream)
    assert api.post(*place, body={"routing_key": "k"}).status == 201
    exported = api.read("definitions", vhost)
    (row,) = [row for row in exported["queues"] if row["name"] == stream]
    assert row["type"] == "stream" and "vhost" not in row
    (binding,) = [row for row in exported["bindings"] if row["destination"] == stream]
    assert api.delete("queues", vhost, stream).status == 204
    assert [row for row in api.read("bindings", vhost) if row["destination"] == stream] == []
    taken = {"queues": [row], "bindings": [binding]}
    assert api.post("definitions", vhost, body=taken).status == 204
    bound = [row["routing_key"] for row in api.read(*place)]
    assert bound == ["k"]
    assert api.read("queues", vhost, stream)["type"] == "stream"


def test_a_stream_needs_permissions_on_its_own_name(api, user, vhost):
    someone = user("management", ("^mine", "^mine", "^mine"), vhost)
    for name, status in (("mine", 201), ("theirs", 401)):
        assert someone.put("queues", vhost, name, body=declared()).status == status
    assert someone.delete("queues", vhost, "mine").status == 204
    api.made("queues", vhost, "theirs", body=declared())
    assert someone.delete("queues", vhost, "theirs").status == 401
    assert api.delete("queues", vhost, "theirs").status == 204
