"""Limits of virtual hosts and users: how they are set and shown, and what they stop."""

import pika
import pytest

from eventually import eventually

from .api import NOT_FOUND

NOT_ALLOWED = 530


def limit(api, kind, of, name, value):
    answer = api.put(kind, of, name, body={"value": value})
    assert answer.status == 204, answer.text


@pytest.fixture
def limited(api, user, vhost):
    """A user of a virtual host of its own."""
    it = user("management", (".*", ".*", ".*"), vhost)
    it.where = {"user": it.name, "password": "secret", "vhost": vhost}
    return it


def refused(connect, **where):
    """What a connection is told that is not opened."""
    with pytest.raises(pika.exceptions.ProbableAccessDeniedError) as told:
        connect(**where)
    return str(told.value)


def test_limits_of_virtual_hosts_are_set_and_taken_away(api, vhost):
    assert api.read("vhost-limits", vhost) == []
    limit(api, "vhost-limits", vhost, "max-connections", 3)
    limit(api, "vhost-limits", vhost, "max-queues", -1)
    row = {"vhost": vhost, "value": {"max-connections": 3, "max-queues": -1}}
    assert api.read("vhost-limits", vhost) == [row]
    assert row in api.read("vhost-limits")
    parameter = {"component": "vhost-limits", "name": "limits", **row}
    assert parameter in api.read("parameters")
    assert parameter in api.read("parameters", "vhost-limits")
    assert api.read("parameters", "vhost-limits", vhost, "limits") == parameter
    for name in ("max-queues", "max-queues", "max-nonsense"):
        assert api.delete("vhost-limits", vhost, name).status == 204
    assert api.read("vhost-limits", vhost)[0]["value"] == {"max-connections": 3}
    assert api.put("vhosts", vhost, body={"description": "d"}).status == 204
    assert api.read("vhost-limits", vhost)[0]["value"] == {"max-connections": 3}


def test_limits_of_users_are_set_and_taken_away(api, user):
    name = user("").name
    assert api.read("user-limits", name) == []
    limit(api, "user-limits", name, "max-connections", 3)
    limit(api, "user-limits", name, "max-channels", 2)
    value = {"max-connections": 3, "max-channels": 2}
    row = {"user": name, "value": value}
    assert api.read("user-limits", name) == [row]
    assert row in api.read("user-limits")
    assert api.read("users", name)["limits"] == value
    assert api.put("users", name, body={"password": "x", "tags": ""}).status == 204
    assert api.read("users", name)["limits"] == value
    for limited in ("max-channels", "max-channels", "max-nonsense"):
        assert api.delete("user-limits", name, limited).status == 204
    assert api.read("user-limits", name)[0]["value"] == {"max-connections": 3}


def test_limits_that_are_none_are_refused(api, vhost, user):
    name = user("").name

    def reason(kind, of, limit, body):
        answer = api.put(kind, of, limit, body=body)
        assert answer.status == 400, answer.text
        return answer.json["reason"]

    validation = "Validation failed\n\n"
    number = "max-queues should be a number, actually was"
    for value, shown in (("a", '<<"a">>'), (1.5, "1.5")):
        said = reason("vhost-limits", vhost, "max-queues", {"value": value})
        assert said == f"{validation}{number} {shown}\n"
    said = reason("vhost-limits", vhost, "max-channels", {"value": 2})
    assert said == f'{validation}Unrecognised terms [{{<<"max-channels">>,2}}] in limits\n'
    assert reason("vhost-limits", vhost, "max-queues", {}) == "[{key_missing,value}]"
    said = reason("user-limits", name, "max-channels", {"value": "a"})
    assert said == 'max-channels should be a number, actually was <<"a">>'
    said = reason("user-limits", name, "max-queues", {"value": 2})
    assert said == 'Unrecognised terms [{<<"max-queues">>,2}] in user-limits'
    said = reason("user-limits", "no-such-user", "max-channels", {"value": 2})
    assert said == ["no_such_user", "no-such-user"]
    missing = ("not_found", "vhost_not_found")
    assert api.put("vhost-limits", "nope", "max-queues", body={"value": 1}).error == missing
    assert api.delete("vhost-limits", "nope", "max-queues").error == missing
    assert api.delete("user-limits", "nope", "max-channels").error == missing
    assert api.get("vhost-limits", "nope").error == NOT_FOUND
    assert api.get("user-limits", "nope").error == NOT_FOUND


def test_whose_limits_one_may_see(api, limited, vhost):
    limit(api, "vhost-limits", vhost, "max-queues", 9)
    limit(api, "vhost-limits", "/", "max-queues", -1)
    limit(api, "user-limits", limited.name, "max-channels", 9)
    try:
        assert [row["vhost"] for row in limited.read("vhost-limits")] == [vhost]
        assert limited.get("vhost-limits", "/").error == ("not_found", "Not Found")
        assert limited.read("user-limits", limited.name)[0]["value"] == {"max-channels": 9}
        for question in (["user-limits"], ["user-limits", "guest"]):
            assert limited.get(*question).status == 401
        for question in (["vhost-limits", vhost, "max-queues"], ["user-limits", "a", "b"]):
            assert limited.put(*question, body={"value": 1}).status == 401
    finally:
        api.delete("vhost-limits", "/", "max-queues")


def test_connections_to_a_virtual_host_are_limited(api, limited, connect, vhost):
    limit(api, "vhost-limits", vhost, "max-connections", 1)
    first = connect(**limited.where)
    said = refused(connect, **limited.where)
    assert (
        f"access to vhost '{vhost}' refused for user '{limited.name}': "
        "connection limit (1) is reached"
    ) in said and str(NOT_ALLOWED) in said
    first.close()
    connected = []

    def again():
        try:
            connected.append(connect(**limited.where))
        except pika.exceptions.AMQPConnectionError:
            return False
        return True

    eventually(again, what="a place that is free again")
    limit(api, "vhost-limits", vhost, "max-connections", 0)
    assert connected[0].channel().is_open, "who is there stays"
    limit(api, "vhost-limits", vhost, "max-connections", -1)
    connect(**limited.where)


def test_connections_of_a_user_are_limited(api, limited, connect):
    limit(api, "user-limits", limited.name, "max-connections", 1)
    connect(**limited.where)
    said = refused(connect, **limited.where)
    assert f"refused for user '{limited.name}': user connection limit (1) is reached" in said
    assert str(NOT_ALLOWED) in said
    connect(vhost=limited.where["vhost"])


def test_channels_of_a_user_are_limited_over_all_its_connections(api, limited, connect):
    limit(api, "user-limits", limited.name, "max-channels", 2)
    first, second = connect(**limited.where), connect(**limited.where)
    channel = first.channel()
    second.channel()
    channel.close()

    def opened():
        try:
            connection = connect(**limited.where)
            connection.channel()
        except pika.exceptions.ConnectionClosedByBroker:
            return False
        return True

    eventually(opened, what="the channel that is free again")
    with pytest.raises(pika.exceptions.ConnectionClosedByBroker) as told:
        first.channel()
    assert told.value.reply_code == NOT_ALLOWED
    assert told.value.reply_text == (
        f"NOT_ALLOWED - number of channels opened for user '{limited.name}' has reached the "
        "maximum allowed user limit of 2"
    )


def test_queues_of_a_virtual_host_are_limited(api, limited, connect, vhost):
    limit(api, "vhost-limits", vhost, "max-queues", 2)
    connection = connect(**limited.where)
    channel = connection.channel()
    channel.queue_declare("a", durable=True)
    channel.queue_declare("b", exclusive=True)
    said = f"cannot declare queue 'c': queue limit in vhost '{vhost}' (2) is reached"
    with pytest.raises(pika.exceptions.ChannelClosedByBroker) as told:
        channel.queue_declare("c", durable=True)
    assert (told.value.reply_code, told.value.reply_text) == (406, f"PRECONDITION_FAILED - {said}")
    assert limited.put("queues", vhost, "c").error == ("bad_request", said)
    channel = connection.channel()
    channel.queue_declare("a", durable=True)
    channel.queue_delete("a")
    channel.queue_declare("c", durable=True)


def test_limits_are_among_the_definitions(api, limited, vhost):
    limit(api, "vhost-limits", vhost, "max-queues", 5)
    limit(api, "user-limits", limited.name, "max-channels", 7)
    exported = api.read("definitions")
    (host,) = [row for row in exported["vhosts"] if row["name"] == vhost]
    (user,) = [row for row in exported["users"] if row["name"] == limited.name]
    assert host["limits"] == {"max-queues": 5}
    assert user["limits"] == {"max-channels": 7}
    assert api.read("definitions", vhost)["limits"] == {"max-queues": 5}
    for given in (["vhost-limits", vhost, "max-queues"],
                  ["user-limits", limited.name, "max-channels"]):
        assert api.delete(*given).status == 204
    back = {
        "users": [user],
        "vhosts": [host],
        "parameters": [row for row in exported["parameters"] if row.get("vhost") == vhost],
    }
    answer = api.post("definitions", body=back)
    assert answer.status == 204, answer.text
    assert api.read("vhost-limits", vhost)[0]["value"] == {"max-queues": 5}
    assert api.read("user-limits", limited.name)[0]["value"] == {"max-channels": 7}
