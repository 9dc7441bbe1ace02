"""Virtual hosts, users, permissions, policies, parameters; and who may do what."""

import pytest

from eventually import eventually

from .api import NOT_FOUND, Api


def test_a_virtual_host_comes_and_goes(api, fresh):
    name = fresh("vhost")
    body = {"description": "d", "tags": "a,b", "default_queue_type": "quorum"}
    assert api.put("vhosts", name, body=body).status == 201
    assert api.put("vhosts", name, body={"description": "other"}).status == 204
    vhost = api.read("vhosts", name)
    assert (vhost["name"], vhost["description"]) == (name, "other")
    assert vhost["metadata"]["description"] == "other"
    assert list(vhost["cluster_state"].values()) == ["running"]
    granted = {"user": "guest", "vhost": name, "configure": ".*", "write": ".*", "read": ".*"}
    assert api.read("vhosts", name, "permissions") == [granted]
    assert name in [row["name"] for row in api.read("vhosts")]
    api.made("queues", name, "q")
    assert [queue["name"] for queue in api.read("queues", name)] == ["q"]
    assert api.delete("vhosts", name).status == 204
    assert api.get("vhosts", name).error == NOT_FOUND
    assert api.delete("vhosts", name).error == NOT_FOUND


def test_a_user_comes_and_goes(api, fresh):
    name = fresh("user")
    refused = api.put("users", name, body={"password": "x"})
    assert refused.error == ("bad_request", "tags_not_present")
    api.made("users", name, body={"password": "x", "tags": "monitoring, policymaker"})
    user = api.read("users", name)
    assert user["tags"] == ["monitoring", "policymaker"]
    assert user["hashing_algorithm"] == "rabbit_password_hashing_sha256"
    assert Api(name, "x").read("whoami")["name"] == name
    assert api.put("users", name, body={"password": "y", "tags": ""}).status == 204
    assert Api(name, "x").get("whoami").error == ("not_authorized", "Not_Authorized")
    without = [row["name"] for row in api.read("users", "without-permissions")]
    assert name in without
    assert api.delete("users", name).status == 204
    assert api.get("users", name).error == NOT_FOUND
    assert api.delete("users", name).error == NOT_FOUND


def test_hashes_of_passwords_are_taken(api, fresh):
    name = fresh("user")
    # RabbitMQ's documentation has this hash of "test12".
    body = {
        "password_hash": "kI3GCqW5JLMJa4iX1lo7X4D6XbYqlLgxIs30+P6tENUV2POR",
        "hashing_algorithm": "rabbit_password_hashing_sha256",
        "tags": ["management"],
    }
    api.made("users", name, body=body)
    assert api.read("users", name)["password_hash"] == body["password_hash"]
    assert Api(name, "test12").read("whoami")["tags"] == ["management"]
    assert Api(name, "test13").get("whoami").status == 401
    wrong = api.put("users", name, body={"password_hash": "?", "tags": ""})
    assert wrong.error == ("bad_request", ["not_base64", "?"])
    api.delete("users", name)


def test_users_are_deleted_together(api, user):
    names = [user("").name, user("").name, "nobody-of-this-name"]
    assert api.post("users", "bulk-delete", body={"users": names}).status == 204
    assert not set(names) & {row["name"] for row in api.read("users")}


def test_permissions_come_and_go(api, user, vhost):
    name = user("").name
    granted = {"configure": "^a", "write": ".*", "read": ""}
    place = ("permissions", vhost, name)
    assert api.get(*place).error == NOT_FOUND
    assert api.put(*place, body=granted).status == 201
    assert api.put(*place, body=granted).status == 204
    row = {"user": name, "vhost": vhost, **granted}
    assert api.read(*place) == row
    assert api.read("users", name, "permissions") == [row]
    assert row in api.read("permissions")
    missing = api.put(*place, body={"configure": ".*", "write": ".*"})
    assert missing.error == ("bad_request", "[{key_missing,read}]")
    nobody = api.put("permissions", vhost, "nobody-of-this-name", body=granted)
    assert nobody.error == ("bad_request", "vhost_or_user_not_found")
    assert api.put(*place, body={**granted, "read": "("}).status == 400
    assert api.delete(*place).status == 204
    assert api.delete(*place).error == NOT_FOUND


def test_topic_permissions_come_and_go(api, user):
    name = user("", (".*", ".*", ".*")).name
    body = {"exchange": "amq.topic", "write": "^a", "read": ".*"}
    place = ("topic-permissions", "/", name)
    assert api.put(*place, body=body).status == 201
    row = {"user": name, "vhost": "/", **body}
    assert api.read(*place) == [row]
    assert row in api.read("topic-permissions")
    assert api.read("users", name, "topic-permissions") == [row]
    assert api.delete(*place).status == 204
    assert api.get(*place).error == NOT_FOUND


def test_a_policy_holds_for_queues_by_their_names(api, queue):
    policy = {
        "pattern": f"^{queue}$",
        "definition": {"max-length": 2},
        "apply-to": "queues",
        "priority": 3,
    }
    place = ("policies", "/", f"policy-{queue}")
    assert api.put(*place, body=policy).status == 201
    assert api.put(*place, body=policy).status == 204
    assert api.read(*place) == {"vhost": "/", "name": place[2], **policy}
    assert place[2] in [row["name"] for row in api.read("policies", "/")]
    shown = eventually(lambda: api.read("queues", "/", queue).get("policy"))
    assert shown == place[2]
    effective = api.read("queues", "/", queue)["effective_policy_definition"]
    assert effective == {"max-length": 2}
    operators = ("operator-policies", "/", f"bound-{queue}")
    bound = {"pattern": f"^{queue}$", "definition": {"max-length": 1}, "apply-to": "queues"}
    assert api.put(*operators, body=bound).status == 201

    def bounded():
        row = api.read("queues", "/", queue)
        return row.get("operator_policy") == operators[2] and row["effective_policy_definition"]

    assert eventually(bounded) == {"max-length": 1}
    for there in (place, operators):
        assert api.delete(*there).status == 204
        assert api.get(*there).error == NOT_FOUND


@pytest.mark.parametrize(
    "policy, reason",
    [
        ({"definition": {}}, "no policy provided"),
        ({"definition": {"nope": 5}}, '[{<<"nope">>,5}] are not recognised policy settings'),
        ({"definition": {"max-length": "5"}}, '<<"5">> is not a valid maximum length'),
        (
            {"definition": {"max-length": 1}, "priority": "x"},
            'priority should be a number, actually was <<"x">>',
        ),
    ],
)
def test_policies_that_say_nothing_are_refused(api, fresh, policy, reason):
    answer = api.put("policies", "/", fresh("policy"), body={"pattern": "a", **policy})
    assert answer.error == ("bad_request", f"Validation failed\n\n{reason}\n")


def test_global_parameters_are_kept(api, fresh):
    name = fresh("parameter")
    place = ("global-parameters", name)
    assert api.put(*place, body={"value": {"a": 1}}).status == 201
    assert api.put(*place, body={"value": {"a": [2]}}).status == 204
    assert api.read(*place) == {"name": name, "value": {"a": [2]}}
    missing = api.put(*place, body={})
    assert missing.error == ("bad_request", "[{key_missing,value}]")
    assert api.delete(*place).status == 204
    assert api.delete(*place).error == NOT_FOUND


LEVELS = ["", "management", "policymaker", "monitoring", "administrator"]
ADMINISTRATORS = {"administrator"}
MONITORS = {"monitoring", "administrator"}
POLICYMAKERS = {"policymaker", "administrator"}
EVERYBODY = set(LEVELS) - {""}

# What is asked, and with which tags it is answered by a user that may do anything in "/".
TABLE = [
    ("GET whoami", EVERYBODY),
    ("GET overview", EVERYBODY),
    ("GET nodes", MONITORS),
    ("GET vhosts", EVERYBODY),
    ("GET vhosts/%2F", ADMINISTRATORS),
    ("GET queues/%2F", EVERYBODY),
    ("GET exchanges/%2F", EVERYBODY),
    ("GET bindings/%2F", EVERYBODY),
    ("GET consumers/%2F", EVERYBODY),
    ("GET connections", EVERYBODY),
    ("GET channels", EVERYBODY),
    ("GET users", ADMINISTRATORS),
    ("GET users/guest", ADMINISTRATORS),
    ("GET permissions", ADMINISTRATORS),
    ("GET permissions/%2F/guest", ADMINISTRATORS),
    ("GET topic-permissions", ADMINISTRATORS),
    ("GET vhosts/%2F/permissions", ADMINISTRATORS),
    ("GET policies", EVERYBODY),
    ("GET policies/%2F", EVERYBODY),
    ("GET operator-policies", EVERYBODY),
    ("GET parameters", POLICYMAKERS),
    ("GET global-parameters", POLICYMAKERS),
    ("GET definitions", ADMINISTRATORS),
    ("GET definitions/%2F", ADMINISTRATORS),
    ("GET vhost-limits", EVERYBODY),
    ("GET user-limits", ADMINISTRATORS),
    ("GET health/checks/alarms", EVERYBODY),
    ("GET feature-flags", EVERYBODY),
    ("PUT vhosts/%2F", ADMINISTRATORS),
    ("PUT policies/%2F/of-the-table", POLICYMAKERS),
    ("PUT operator-policies/%2F/of-the-table", ADMINISTRATORS),
    ("PUT global-parameters/of-the-table", POLICYMAKERS),
]
# Some are asked with a body that changes nothing that matters.
BODY = {
    "pattern": "^nothing-has-this-name$",
    "definition": {"max-length": 1000},
    "value": 1,
    "description": "Default virtual host",
}


@pytest.mark.parametrize("tag", LEVELS)
def test_tags_say_who_may_ask_what(api, user, tag):
    asking = user(tag, (".*", ".*", ".*"))
    answered = {}
    for question, _ in TABLE:
        method, path = question.split()
        parts = [part.replace("%2F", "/") for part in path.split("/")]
        body = BODY if method == "PUT" else None
        answered[question] = asking.ask(method, *parts, body=body).status
    for parts in (["policies", "/"], ["operator-policies", "/"], ["global-parameters"]):
        api.delete(*parts, "of-the-table")
    refused = {question for question, status in answered.items() if status == 401}
    assert refused == {question for question, tags in TABLE if tag not in tags}
    others = {status for question, status in answered.items() if question not in refused}
    assert others <= {200, 201, 204}


def test_permissions_hold_as_over_amqp(api, user, queue, exchange, fresh):
    reader = user("management", ("^$", "^$", ".*"))
    refused = ("not_authorised", "Access refused.")
    assert reader.read("queues", "/", queue)["name"] == queue
    assert reader.put("queues", "/", fresh("queue")).error == refused
    assert reader.delete("queues", "/", queue).error == refused
    assert reader.put("exchanges", "/", fresh("exchange")).error == refused
    assert reader.delete("exchanges", "/", exchange).error == refused
    bound = reader.post("bindings", "/", "e", exchange, "q", queue)
    assert bound.error == refused
    message = {"properties": {}, "routing_key": "k", "payload": "", "payload_encoding": "string"}
    published = reader.post("exchanges", "/", exchange, "publish", body=message)
    assert published.error == (
        "bad_request",
        f"403 ACCESS_REFUSED - write access to exchange '{exchange}' in vhost '/' "
        f"refused for user '{reader.name}'",
    )
    assert reader.delete("queues", "/", queue, "contents").status == 204


def test_virtual_hosts_of_others_are_not_there(user, vhost):
    stranger = user("monitoring")
    hidden = ("not_found", "Not Found")
    assert stranger.get("queues", vhost).error == hidden
    assert stranger.get("queues", vhost, "q").error == hidden
    assert stranger.put("queues", vhost, "q").error == hidden
    assert stranger.read("queues") == []
