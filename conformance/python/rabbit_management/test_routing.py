"""Exchanges and bindings."""

import urllib.parse

import pytest

from .api import NOT_FOUND


def test_an_exchange_is_made_once_and_shown_as_it_is(api, fresh):
    name = fresh("exchange")
    body = {"type": "topic", "durable": True, "arguments": {"alternate-exchange": "amq.fanout"}}
    assert api.put("exchanges", "/", name, body=body).status == 201
    assert api.put("exchanges", "/", name, body=body).status == 204
    exchange = api.read("exchanges", "/", name)
    expected = {
        "name": name,
        "vhost": "/",
        "type": "topic",
        "durable": True,
        "auto_delete": False,
        "internal": False,
        "arguments": {"alternate-exchange": "amq.fanout"},
    }
    assert {field: exchange[field] for field in expected} == expected
    refused = api.put("exchanges", "/", name, body={"type": "direct"})
    assert refused.error == (
        "bad_request",
        f"inequivalent arg 'type' for exchange '{name}' in vhost '/': "
        "received 'direct' but current is 'topic'",
    )
    assert api.delete("exchanges", "/", name).status == 204
    assert api.get("exchanges", "/", name).error == NOT_FOUND


def test_exchanges_that_are_always_there_are_shown_and_stay(api):
    names = [exchange["name"] for exchange in api.read("exchanges", "/")]
    assert names[0] == "" and names == sorted(names)
    assert {"amq.direct", "amq.fanout", "amq.headers", "amq.match", "amq.topic"} <= set(names)
    assert api.read("exchanges", "/", "amq.default")["name"] == ""
    for name in ["amq.direct", "amq.default"]:
        refused = api.delete("exchanges", "/", name)
        assert (refused.status, refused.error[0]) == (401, "not_authorised")
    refused = api.put("exchanges", "/", "amq.mine", body={"type": "topic"})
    assert refused.status == 401


def test_unknown_types_of_exchanges_are_refused(api, fresh):
    refused = api.put("exchanges", "/", fresh("exchange"), body={"type": "bogus"})
    assert refused.error == ("bad_request", "unknown exchange type 'bogus'")


def test_an_exchange_in_use_stays_if_asked(api, exchange, queue):
    api.post("bindings", "/", "e", exchange, "q", queue, body={"routing_key": "k"})
    refused = api.ask("DELETE", "exchanges", "/", exchange, **{"if-unused": "true"})
    expected = f"exchange '{exchange}' in vhost '/' in use"
    assert refused.error == ("bad_request", expected)


@pytest.mark.parametrize("key", ["a.*", "#", "a b/%", "", "ä"])
@pytest.mark.parametrize("arguments", [{}, {"x": 1, "y": "z"}])
def test_a_binding_is_found_by_where_it_was_posted(api, exchange, queue, key, arguments):
    body = {"routing_key": key, "arguments": arguments}
    posted = api.post("bindings", "/", "e", exchange, "q", queue, body=body)
    assert posted.status == 201
    name, props = map(urllib.parse.unquote, posted.headers["location"].split("/"))
    assert name == queue
    (binding,) = api.read("bindings", "/", "e", exchange, "q", queue)
    assert binding == {
        "source": exchange,
        "vhost": "/",
        "destination": queue,
        "destination_type": "queue",
        "routing_key": key,
        "arguments": arguments,
        "properties_key": props,
    }
    place = ("bindings", "/", "e", exchange, "q", queue, props)
    assert api.read(*place) == binding
    again = api.post("bindings", "/", "e", exchange, "q", queue, body=body)
    assert again.headers["location"] == posted.headers["location"]
    assert api.delete(*place).status == 204
    assert api.get(*place).error == NOT_FOUND
    assert api.delete(*place).error == NOT_FOUND


def test_bindings_are_listed_from_both_ends(api, exchange, queue):
    api.post("bindings", "/", "e", exchange, "q", queue, body={"routing_key": "k"})
    api.post("bindings", "/", "e", "amq.topic", "e", exchange, body={"routing_key": "t"})

    def keys(*parts):
        rows = api.read(*parts)
        return sorted((row["source"], row["routing_key"]) for row in rows)

    assert keys("exchanges", "/", exchange, "bindings", "source") == [(exchange, "k")]
    into = keys("exchanges", "/", exchange, "bindings", "destination")
    assert into == [("amq.topic", "t")]
    of_queue = keys("queues", "/", queue, "bindings")
    assert of_queue == sorted([("", queue), (exchange, "k")])
    every = keys("bindings", "/")
    assert set(of_queue) | set(into) <= set(every)
    assert set(every) <= set(keys("bindings"))
    default = ("bindings", "/", "e", "amq.default", "q", queue)
    assert keys(*default) == [("", queue)]
    assert keys("bindings", "/", "e", exchange, "e", "amq.topic") == []


def test_what_cannot_be_bound_is_refused(api, exchange, queue):
    def refused(*parts):
        return api.post("bindings", "/", *parts, body={"routing_key": "k"}).error

    missing = ("not_found", "no queue 'nope' in vhost '/'")
    assert refused("e", exchange, "q", "nope") == missing
    missing = ("not_found", "no exchange 'nope' in vhost '/'")
    assert refused("e", "nope", "q", queue) == missing
    default = refused("e", "amq.default", "q", queue)
    assert default == ("not_authorised", "Access refused.")
