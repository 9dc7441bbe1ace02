"""Messages by hand: published, and taken."""

import base64

import pika
import pytest

from eventually import eventually

PROPERTIES = {
    "content_type": "text/plain",
    "correlation_id": "c",
    "delivery_mode": 2,
    "expiration": "60000",
    "headers": {"a": 1, "b": "x", "c": [1, 2], "d": {"e": True}},
    "message_id": "m",
    "priority": 3,
    "reply_to": "r",
    "timestamp": 123,
    "type": "t",
}


def publish(api, exchange, key, payload, properties=None, encoding="string"):
    body = {
        "properties": properties or {},
        "routing_key": key,
        "payload": payload,
        "payload_encoding": encoding,
    }
    return api.post("exchanges", "/", exchange, "publish", body=body)


def take(api, queue, count=10, mode="ack_requeue_false", **more):
    body = {"count": count, "ackmode": mode, "encoding": "auto", **more}
    answer = api.post("queues", "/", queue, "get", body=body)
    assert answer.status == 200, answer.text
    return answer.json


def test_whether_a_message_went_anywhere_is_said(api, queue, exchange):
    assert publish(api, "amq.default", queue, "hi").json == {"routed": True}
    assert publish(api, exchange, "nowhere", "hi").json == {"routed": False}
    missing = publish(api, "nope", "k", "hi")
    assert (missing.status, missing.error) == (404, ("not_found", "exchange_not_found"))


def test_a_message_is_taken_as_it_was_published(api, queue):
    publish(api, "amq.default", queue, "hi", PROPERTIES)
    (message,) = take(api, queue)
    assert message == {
        "payload": "hi",
        "payload_bytes": 2,
        "payload_encoding": "string",
        "redelivered": False,
        "exchange": "",
        "routing_key": queue,
        "message_count": 0,
        "properties": PROPERTIES,
    }
    assert take(api, queue) == []


def test_clients_get_what_the_api_publishes(api, queue, channel):
    payload = base64.b64encode(b"\xff\x00").decode()
    publish(api, "amq.default", queue, payload, PROPERTIES, encoding="base64")
    _, properties, body = channel.basic_get(queue, auto_ack=True)
    assert body == b"\xff\x00"
    assert (properties.content_type, properties.priority) == ("text/plain", 3)
    assert properties.headers == PROPERTIES["headers"]


def test_the_api_takes_what_clients_publish(api, queue, channel):
    channel.basic_publish("", queue, b"\xff\x00", pika.BasicProperties(app_id="app"))
    channel.queue_declare(queue, passive=True)
    (message,) = take(api, queue)
    assert message["payload_encoding"] == "base64"
    assert base64.b64decode(message["payload"]) == b"\xff\x00"
    assert message["properties"] == {"app_id": "app"}


def test_bodies_are_cut_and_encoded_as_asked(api, queue):
    publish(api, "amq.default", queue, "hello")
    (message,) = take(api, queue, mode="ack_requeue_true", truncate=2)
    assert (message["payload"], message["payload_bytes"]) == ("he", 5)
    (message,) = take(api, queue, mode="ack_requeue_true", encoding="base64")
    assert base64.b64decode(message["payload"]) == b"hello"


@pytest.mark.parametrize(
    "mode, stays",
    [
        ("ack_requeue_true", True),
        ("reject_requeue_true", True),
        ("ack_requeue_false", False),
        ("reject_requeue_false", False),
    ],
)
def test_what_is_shown_stays_or_goes_as_asked(api, queue, mode, stays):
    for payload in ["a", "b"]:
        publish(api, "amq.default", queue, payload)
    shown = take(api, queue, mode=mode)
    assert [message["payload"] for message in shown] == ["a", "b"]
    assert [message["message_count"] for message in shown] == [1, 0]

    def left():
        return [message["payload"] for message in take(api, queue, mode="ack_requeue_true")]

    eventually(lambda: left() == (["a", "b"] if stays else []), what=f"{mode}: stays: {stays}")
    if stays:
        assert all(message["redelivered"] for message in take(api, queue))


def test_rejected_messages_go_where_the_dead_go(api, queue, fresh):
    dead = fresh("dead")
    arguments = {"x-dead-letter-exchange": "", "x-dead-letter-routing-key": queue}
    api.made("queues", "/", dead, body={"arguments": arguments})
    publish(api, "amq.default", dead, "m")
    take(api, dead, mode="reject_requeue_false")
    (message,) = eventually(lambda: take(api, queue), what="the dead letter")
    assert message["properties"]["headers"]["x-first-death-reason"] == "rejected"
    api.delete("queues", "/", dead)


def test_questions_that_are_unclear_are_refused(api, queue):
    def refused(**body):
        body = {name: value for name, value in body.items() if value is not None}
        answer = api.post("queues", "/", queue, "get", body=body)
        assert answer.status == 400
        return answer.error[1]

    given = {"count": 5, "ackmode": "ack_requeue_true", "encoding": "auto"}
    assert refused(**{**given, "ackmode": None}) == "[{key_missing,ackmode}]"
    assert refused(**{**given, "ackmode": "zzz"}).startswith("Invalid ackmode value: zzz.")
    assert refused(**{**given, "count": "x"}) == ["not_integer", "x"]
    unsupported = "Unsupported encoding. Please use auto or base64."
    assert refused(**{**given, "encoding": "zzz"}) == unsupported
    missing = api.post("queues", "/", "nope", "get", body=given)
    assert missing.error == ("not_found", "queue_not_found")


def test_messages_that_make_no_sense_are_refused(api, exchange):
    def refused(properties=None, payload="hi", encoding="string"):
        answer = publish(api, exchange, "k", payload, properties, encoding)
        assert answer.status == 400
        return answer.error[1]

    assert refused({"delivery_mode": "abc"}) == ["not_int", "delivery_mode"]
    assert refused({"content_type": 1}) == ["not_string", "content_type"]
    assert refused(payload=7) == "payload_not_string"
    assert refused(payload="???", encoding="base64") == ["not_base64", "???"]
    assert refused(encoding="zzz") == ["unsupported_encoding", "zzz"]
    expiration = refused({"expiration": "abc"})
    assert expiration == "406 PRECONDITION_FAILED - invalid expiration 'abc': no_integer"
    assert refused({"user_id": "bob"}).startswith("406 PRECONDITION_FAILED - user_id property")
    body = {"routing_key": "k", "payload": "hi", "payload_encoding": "string"}
    answer = api.post("exchanges", "/", exchange, "publish", body=body)
    assert answer.error == ("bad_request", "[{key_missing,properties}]")
