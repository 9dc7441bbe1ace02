"""The broker as a whole: overview, nodes, health."""

import os

import pytest

from .api import NOT_FOUND, Api


def test_who_asks_is_said(api):
    said = api.read("whoami")
    assert said == {"name": "guest", "tags": ["administrator"], "is_internal_user": True}


def test_nobody_is_let_in(api):
    nobody = Api()
    nobody.headers = {}
    answer = nobody.get("overview")
    assert answer.status == 401
    assert answer.headers["www-authenticate"] == 'Basic realm="RabbitMQ Management"'
    wrong = Api("guest", "wrong").get("overview")
    assert wrong.status == 401
    assert wrong.error == ("not_authorized", "Not_Authorized")


def test_the_overview_names_versions_and_counts_objects(api, queue):
    overview = api.read("overview")
    assert overview["product_name"] == "RabbitMQ"
    assert overview["rabbitmq_version"] == overview["management_version"]
    assert overview["rates_mode"] == "basic"
    assert overview["cluster_name"] and overview["node"] and overview["erlang_version"]
    totals = overview["object_totals"]
    assert set(totals) == {"channels", "connections", "consumers", "exchanges", "queues"}
    assert totals["queues"] >= 1 and totals["exchanges"] >= 7
    kinds = {kind["name"] for kind in overview["exchange_types"]}
    assert {"direct", "fanout", "headers", "topic", "x-consistent-hash"} <= kinds
    amqp = int(os.environ["BROKER_AMQP"].rsplit(":", 1)[1])
    spoken = {(at["protocol"], at["port"]) for at in overview["listeners"]}
    assert ("amqp", amqp) in spoken


def test_there_is_one_node(api):
    nodes = api.read("nodes")
    name = api.read("overview")["node"]
    assert [node["name"] for node in nodes] == [name]
    node = api.read("nodes", name)
    assert node["running"] is True and node["mem_used"] > 0
    assert node["disk_free"] > node["disk_free_limit"]
    assert node["mem_alarm"] is False and node["disk_free_alarm"] is False
    assert api.get("nodes", "nope").error == NOT_FOUND
    assert api.read("nodes", name, columns="name,running") == {"name": name, "running": True}


@pytest.mark.parametrize(
    "check",
    [
        "alarms",
        "local-alarms",
        "virtual-hosts",
        "node-is-quorum-critical",
        "ready-to-serve-clients",
        "is-in-service",
    ],
)
def test_a_healthy_node_passes(api, check):
    assert api.read("health", "checks", check)["status"] == "ok"


def test_listeners_are_looked_for_by_port_and_by_protocol(api):
    port = os.environ["BROKER_AMQP"].rsplit(":", 1)[1]
    assert api.read("health", "checks", "port-listener", port) == {
        "status": "ok",
        "port": int(port),
    }
    missing = api.get("health", "checks", "port-listener", "1")
    assert missing.status == 503
    assert missing.json["missing"] == 1 and int(port) in missing.json["ports"]
    assert missing.json["reason"] == "No active listener"
    wrong = api.get("health", "checks", "port-listener", "abc")
    assert wrong.error == ("bad_request", "Invalid port")
    assert api.read("health", "checks", "protocol-listener", "amqp")["status"] == "ok"
    missing = api.get("health", "checks", "protocol-listener", "mqtt")
    assert (missing.status, missing.json["missing"]) == (503, ["mqtt"])


def test_the_aliveness_test_is_passed_where_there_is_a_virtual_host(api):
    assert api.read("aliveness-test", "/") == {"status": "ok"}
    assert api.get("aliveness-test", "nope").error == NOT_FOUND


def test_features_are_listed(api):
    flags = api.read("feature-flags")
    assert all(flag["state"] == "enabled" for flag in flags)
    assert {"quorum_queue", "virtual_host_metadata"} <= {flag["name"] for flag in flags}
    assert {"name", "state", "deprecation_phase"} <= set(api.read("deprecated-features")[0])
    assert isinstance(api.read("extensions"), list)
    assert api.read("cluster-name")["name"] == api.read("overview")["cluster_name"]


def test_a_slash_at_the_end_changes_nothing(api, queue):
    assert api.read("overview", "")["node"] == api.read("overview")["node"]
    assert queue in [row["name"] for row in api.read("queues", "/", "", columns="name")]


def test_what_is_not_there_is_not_found(api):
    assert api.get("nothing", "of", "the", "kind").error == NOT_FOUND
    wrong_method = api.ask("POST", "queues", "/", "q")
    assert (wrong_method.status, wrong_method.text) == (405, "")
