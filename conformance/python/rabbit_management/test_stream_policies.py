"""Policies and streams: which count, what they change, and what is refused."""

import re

import pytest

from eventually import eventually

# Of one message; a segment, or what Forebay looks at as one, holds one of it.
BODY = b"x" * 50_000
SEGMENT = 50_000
# RabbitMQ counts as messages of a stream what it keeps for itself in each segment, too.
COUNTED = 2


@pytest.fixture
def vhost(api, fresh):
    """Nobody else's policies are there."""
    # Short, so that refusals that name it come whole.
    with api.virtual_host("/vhost" + fresh("")[-9:]) as name:
        yield name


@pytest.fixture
def connect(vhost, connect):
    return lambda: connect(vhost=vhost)


@pytest.fixture
def put(api, vhost):
    """Puts policies, which are gone after the case."""
    there = []

    def put(name, kind="policies", **said):
        body = {"apply-to": "streams", **said}
        assert api.put(kind, vhost, name, body=body).status in (201, 204)
        there.append((kind, vhost, name))
        return name

    yield put
    for place in there:
        api.delete(*place)


@pytest.fixture
def declare(api, vhost, fresh):
    """Declares queues, which are gone after the case."""
    names = []

    def declare(kind="stream", **arguments):
        name = fresh(kind)
        arguments = {"x-" + key.replace("_", "-"): value for key, value in arguments.items()}
        if kind == "stream":
            arguments.setdefault("x-stream-max-segment-size-bytes", SEGMENT)
        body = {"durable": True, "arguments": {"x-queue-type": kind, **arguments}}
        api.made("queues", vhost, name, body=body)
        names.append(name)
        return name

    yield declare
    for name in names:
        api.delete("queues", vhost, name)


@pytest.fixture
def publish(connect):
    channel = connect().channel()
    channel.confirm_delivery()

    def publish(stream, count):
        for _ in range(count):
            channel.basic_publish("", stream, BODY)

    return publish


@pytest.fixture
def held(api, vhost):
    """Waits until a stream holds as many messages."""

    def held(stream, least, most):
        def counted():
            count = api.read("queues", vhost, stream).get("messages", -1)
            return least <= count <= most * COUNTED

        eventually(counted, within=60, what=f"{least} to {most} messages")

    return held


@pytest.fixture
def shown(api, vhost):
    """Waits until a queue is shown with these policies."""

    def shown(queue, policy, operators, effective):
        def as_expected():
            row = api.read("queues", vhost, queue)
            fields = ("policy", "operator_policy", "effective_policy_definition")
            return [row.get(field) for field in fields] == [policy, operators, effective]

        eventually(as_expected, what=f"{policy}, {operators}, {effective}")

    return shown


def only(name):
    return f"^{re.escape(name)}$"


def test_a_policy_trims_a_stream_that_is_there(declare, publish, put, held, shown, fresh):
    stream = declare()
    publish(stream, 20)
    held(stream, 20, 21)
    shown(stream, None, None, {})
    said = {"max-length-bytes": 5 * len(BODY)}
    name = put(fresh("policy"), pattern=only(stream), definition=said)
    held(stream, 3, 6)
    shown(stream, name, None, said)


def test_a_policy_holds_for_a_stream_to_come_until_it_is_deleted(
    api, vhost, declare, publish, put, held, fresh
):
    said = {"max-length-bytes": 5 * len(BODY), "stream-max-segment-size-bytes": SEGMENT}
    name = put(fresh("policy"), pattern="^stream", definition=said)
    stream = declare()
    publish(stream, 20)
    held(stream, 3, 6)
    assert api.delete("policies", vhost, name).status == 204
    publish(stream, 20)
    held(stream, 20, 27)


def test_a_policy_lets_go_of_old_messages(api, vhost, declare, publish, put, held, fresh):
    stream = declare()
    publish(stream, 20)
    held(stream, 20, 21)
    young = {"max-age": "1s"}
    put(fresh("policy"), pattern=only(stream), definition=young)

    def gone():
        # RabbitMQ looks when a segment is full.
        publish(stream, 1)
        return api.read("queues", vhost, stream).get("messages", 99) < 8

    eventually(gone, every=1)


def test_a_policy_counts_more_than_the_declaration(declare, publish, put, held, fresh):
    stream = declare(max_length_bytes=5 * len(BODY))
    more = {"max-length-bytes": 20 * len(BODY)}
    put(fresh("policy"), pattern=only(stream), definition=more)
    publish(stream, 40)
    held(stream, 18, 22)


def test_operators_bound_what_users_say(declare, publish, put, held, shown, fresh):
    stream = declare()
    publish(stream, 30)
    more, less = ({"max-length-bytes": count * len(BODY)} for count in (20, 5))
    name = put(fresh("policy"), pattern=only(stream), definition=more)
    operators = put(fresh("bound"), kind="operator-policies", pattern=only(stream), definition=less)
    held(stream, 3, 6)
    shown(stream, name, operators, less)
    put(name, pattern=only(stream), definition={"max-age": "1h"})
    shown(stream, name, operators, {**less, "max-age": "1h"})


# `all` is in the cases below.
@pytest.mark.parametrize("apply_to", ["queues", "streams"])
def test_what_a_policy_is_for(declare, put, shown, fresh, apply_to):
    stream, classic = declare(), declare("classic")
    said = {"max-length-bytes": 1_000_000}
    name = fresh("policy")
    put(name, **{"pattern": only(stream), "definition": said, "apply-to": apply_to})
    shown(stream, name, None, said)
    put(name, **{"pattern": only(classic), "definition": said, "apply-to": apply_to})
    shown(stream, None, None, {})
    counts = apply_to != "streams"
    shown(classic, name if counts else None, None, said if counts else {})


def test_a_policy_with_what_streams_do_not_have_leaves_them_to_the_next(
    declare, put, shown, fresh
):
    stream = declare()
    said = {"max-length-bytes": 1_000_000}
    every = {"pattern": only(stream), "apply-to": "all"}
    put(fresh("first"), **every, definition={**said, "message-ttl": 9_000_000}, priority=2)
    name = put(fresh("next"), **every, definition=said, priority=1)
    shown(stream, name, None, said)


def test_a_policy_without_a_pattern_is_for_every_name(declare, put, shown, fresh):
    queues = declare(), declare("classic")
    said = {"max-length-bytes": 1_000_000}
    name = put(fresh("policy"), **{"pattern": "", "apply-to": "all", "definition": said})
    for queue in queues:
        shown(queue, name, None, said)


def test_a_policy_with_what_only_streams_have_leaves_queues_to_the_next(declare, put, shown, fresh):
    queues = declare("classic"), declare("quorum")
    said = {"max-length-bytes": 1_000_000}
    every = {"pattern": "^(classic|quorum)", "apply-to": "all"}
    put(fresh("first"), **every, definition={**said, "max-age": "1h"}, priority=2)
    name = put(fresh("next"), **every, definition=said, priority=1)
    for queue in queues:
        shown(queue, name, None, said)


@pytest.mark.parametrize(
    "key, value, reason",
    [
        ("max-age", "1x", '<<"1x">> is not a valid max age'),
        ("max-age", "0s", '<<"0s">> is not a valid max age'),
        ("max-age", "", "<<>> is not a valid max age"),
        ("stream-max-segment-size-bytes", -1, "-1 is not a valid segment size"),
        ("stream-max-segment-size-bytes", "5", '<<"5">> is not a valid segment size'),
        ("stream-max-segment-size-bytes", 3000000001, "3000000001 is not a valid segment size"),
        (
            "stream-filter-size-bytes",
            15,
            "15 is not a valid filter size. Valid range is 16-255",
        ),
    ],
)
def test_what_cannot_be_said_of_streams_is_refused(api, vhost, fresh, key, value, reason):
    body = {"pattern": "a", "apply-to": "streams", "definition": {key: value}}
    answer = api.put("policies", vhost, fresh("policy"), body=body)
    assert answer.error == ("bad_request", f"Validation failed\n\n{reason}\n")


@pytest.mark.parametrize(
    "key, value, erlang",
    [
        ("max-age", "1h", '<<"1h">>'),
        ("stream-max-segment-size-bytes", 1000, "1000"),
        ("stream-filter-size-bytes", 16, "16"),
    ],
)
def test_what_only_users_say_of_streams(api, vhost, fresh, key, value, erlang):
    body = {"pattern": "a", "apply-to": "streams", "definition": {key: value}}
    answer = api.put("operator-policies", vhost, fresh("policy"), body=body)
    reason = f'[{{<<"{key}">>,{erlang}}}] are not recognised policy settings'
    assert answer.error == ("bad_request", f"Validation failed\n\n{reason}\n")


def test_policies_of_streams_come_with_definitions(
    api, vhost, declare, publish, put, held, shown, fresh
):
    stream = declare()
    said = {"max-length-bytes": 5 * len(BODY), "max-age": "7D"}
    name = put(fresh("policy"), pattern=only(stream), definition=said)
    exported = api.read("definitions", vhost)
    (policy,) = [row for row in exported["policies"] if row["name"] == name]
    assert policy["apply-to"] == "streams" and policy["definition"] == said
    assert api.delete("policies", vhost, name).status == 204
    publish(stream, 20)
    held(stream, 20, 21)
    assert api.post("definitions", vhost, body={"policies": [policy]}).status == 204
    shown(stream, name, None, said)
    held(stream, 3, 6)
