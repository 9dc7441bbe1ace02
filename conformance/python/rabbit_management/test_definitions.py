"""Everything but messages, out of one broker and into another."""

import pytest


def test_what_was_exported_is_imported_again(api, vhost, fresh):
    quorum = {"x-queue-type": "quorum", "x-delivery-limit": 5}
    api.made("queues", vhost, "q", body={"durable": True, "arguments": {"x-max-length": 9}})
    api.made("queues", vhost, "quorum", body={"durable": True, "arguments": quorum})
    arguments = {"alternate-exchange": "amq.fanout"}
    exchange = {"type": "topic", "durable": True, "arguments": arguments}
    api.made("exchanges", vhost, "x", body=exchange)
    body = {"routing_key": "a.*", "arguments": {"n": 1}}
    api.post("bindings", vhost, "e", "x", "q", "q", body=body)
    policy = {"pattern": "^q", "definition": {"max-length": 7}}
    api.made("policies", vhost, "p", body=policy)
    exported = api.read("definitions", vhost)
    assert exported["rabbitmq_definition_format"] == "single_virtual_host"
    assert sorted(queue["name"] for queue in exported["queues"]) == ["q", "quorum"]
    assert {"name", "durable", "auto_delete", "arguments"} <= set(exported["queues"][0])
    assert "vhost" not in exported["queues"][0]
    other = fresh("copy")
    api.made("vhosts", other)
    answer = api.post("definitions", other, body=exported)
    assert answer.status == 204, answer.text
    copied = api.read("definitions", other)

    def ordered(definitions):
        kinds = ("queues", "exchanges", "bindings", "policies")
        return {kind: sorted(definitions[kind], key=str) for kind in kinds}

    assert ordered(copied) == ordered(exported)
    assert api.post("definitions", other, body=exported).status == 204, "again"
    api.delete("vhosts", other)


def test_the_whole_broker_is_exported(api, vhost, user, queue):
    name = user("monitoring", ("^a", "", ".*"), vhost).name
    exported = api.read("definitions")
    for field in ("rabbit_version", "rabbitmq_version", "product_name"):
        assert exported[field]
    users = {row["name"]: row for row in exported["users"]}
    assert users[name]["tags"] == ["monitoring"] and users[name]["password_hash"]
    assert vhost in [row["name"] for row in exported["vhosts"]]
    granted = {"user": name, "vhost": vhost, "configure": "^a", "write": "", "read": ".*"}
    assert granted in exported["permissions"]
    queues = [(row["vhost"], row["name"]) for row in exported["queues"]]
    assert ("/", queue) in queues
    assert not [row for row in exported["exchanges"] if row["name"] in ("", "amq.direct")]
    kinds = ("topic_permissions", "parameters", "global_parameters", "policies", "bindings")
    assert all(isinstance(exported[kind], list) for kind in kinds)


def test_users_and_virtual_hosts_are_imported(api, fresh):
    vhost, user = fresh("vhost"), fresh("user")
    definitions = {
        "vhosts": [{"name": vhost}],
        "users": [
            {
                "name": user,
                "password_hash": "kI3GCqW5JLMJa4iX1lo7X4D6XbYqlLgxIs30+P6tENUV2POR",
                "hashing_algorithm": "rabbit_password_hashing_sha256",
                "tags": ["management"],
            }
        ],
        "permissions": [
            {"user": user, "vhost": vhost, "configure": ".*", "write": ".*", "read": ".*"}
        ],
        "queues": [{"name": "q", "vhost": vhost, "durable": True, "arguments": {}}],
        "exchanges": [{"name": "x", "vhost": vhost, "type": "fanout", "durable": True}],
        "bindings": [
            {
                "source": "x",
                "vhost": vhost,
                "destination": "q",
                "destination_type": "queue",
                "routing_key": "",
                "arguments": {},
            }
        ],
    }
    for exchange in definitions["exchanges"]:
        exchange.update({"auto_delete": False, "internal": False, "arguments": {}})
    definitions["queues"][0]["auto_delete"] = False
    answer = api.post("definitions", body=definitions)
    assert answer.status == 204, answer.text
    (binding,) = api.read("bindings", vhost, "e", "x", "q", "q")
    assert binding["properties_key"] == "~"
    assert api.read("users", user)["tags"] == ["management"]
    api.delete("users", user)
    api.delete("vhosts", vhost)


def test_definitions_that_are_wrong_are_refused(api):
    refused = api.post("definitions", body="nonsense")
    assert refused.error == ("bad_request", "failed_to_parse_json")
    assert api.get("definitions", "nope").error == ("bad_request", "vhost_not_found")


@pytest.mark.parametrize(
    "row, kind",
    [
        ({"source": "none", "destination": "q"}, "exchange"),
        ({"source": "amq.topic", "destination": "none"}, "queue"),
        (
            {"source": "amq.topic", "destination": "none", "destination_type": "exchange"},
            "exchange",
        ),
    ],
)
def test_a_binding_between_what_is_not_there_is_refused(api, vhost, row, kind):
    api.made("queues", vhost, "q", body={"durable": True})
    row = {"destination_type": "queue", "routing_key": "", "arguments": {}, **row}
    answer = api.post("definitions", vhost, body={"bindings": [row]})
    assert answer.status == 400
    # Long names are on lines of their own.
    said = "".join(answer.json["reason"].split())
    assert said == f'{{resources_missing,[{{not_found,{{resource,<<"{vhost}">>,{kind},<<"none">>}}}}]}}'
