"""rabbitmqadmin as its distribution ships it."""

import json
import os
import pathlib
import subprocess

import pytest

from rabbit_management.api import PATIENCE

# Debian's package of RabbitMQ has it, and is unpacked for the original.
ROOT = pathlib.Path(os.environ.get("CACHE", "")) / "rabbitmq/root"


def rabbitmqadmin(*arguments):
    host, port = os.environ["BROKER_ADMIN"].rsplit(":", 1)
    libraries = [str(path) for path in ROOT.glob("usr/lib/*-linux-gnu")]
    command = [
        # With the libraries of its own distribution.
        str(next(ROOT.glob("lib64/ld-linux-*"))),
        "--library-path",
        ":".join(libraries),
        str(ROOT / "usr/bin/rabbitmqadmin"),
        *("--host", host, "--port", port, "--username", "guest", "--password", "guest"),
        "--non-interactive",
        *arguments,
    ]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE)
    assert ran.returncode == 0, f"{arguments}\n{ran.stdout}\n{ran.stderr}"
    return ran.stdout


@pytest.mark.parametrize(
    "what",
    [
        "show overview",
        "show churn",
        "list nodes",
        "list vhosts",
        "list users",
        "list permissions",
        "list queues",
        "list exchanges",
        "list bindings",
        "list connections",
        "list channels",
        "list consumers",
        "list policies",
        "list operator_policies",
        "list parameters",
        "list user_limits",
        "list vhost_limits",
        "list feature_flags",
        "list deprecated_features",
        "health_check local_alarms",
        "health_check cluster_wide_alarms",
        "definitions export --file -",
    ],
)
def test_rabbitmqadmin_shows(what):
    rabbitmqadmin(*what.split())


def test_rabbitmqadmin_declares_publishes_and_deletes(api, fresh):
    queue, exchange = fresh("queue"), fresh("exchange")
    rabbitmqadmin("declare", "queue", "--name", queue, "--type", "quorum", "--durable", "true")
    rabbitmqadmin("declare", "exchange", "--name", exchange, "--type", "topic")
    ends = ("--source", exchange, "--destination", queue, "--destination-type", "queue")
    rabbitmqadmin("declare", "binding", *ends, "--routing-key", "a.#")
    to = ("--exchange", exchange, "--routing-key", "a.b")
    rabbitmqadmin("publish", "message", *to, "--payload", "hello")
    assert api.read("queues", "/", queue)["type"] == "quorum"
    taking = ("--count", "1", "--ack-mode", "ack_requeue_false")
    assert "hello" in rabbitmqadmin("get", "messages", "--queue", queue, *taking)
    rabbitmqadmin("purge", "queue", "--name", queue)
    rabbitmqadmin("delete", "binding", *ends, "--routing-key", "a.#")
    assert api.read("bindings", "/", "e", exchange, "q", queue) == []
    rabbitmqadmin("delete", "queue", "--name", queue)
    rabbitmqadmin("delete", "exchange", "--name", exchange)


def test_rabbitmqadmin_copies_definitions(api, fresh, tmp_path):
    vhost, file = fresh("vhost"), tmp_path / "definitions.json"
    rabbitmqadmin("declare", "vhost", "--name", vhost)
    rabbitmqadmin("--vhost", vhost, "declare", "queue", "--name", "q", "--type", "classic")
    rabbitmqadmin("definitions", "export", "--file", str(file))
    exported = json.loads(file.read_text())
    assert [queue["name"] for queue in exported["queues"] if queue["vhost"] == vhost] == ["q"]
    rabbitmqadmin("delete", "vhost", "--name", vhost)
    rabbitmqadmin("definitions", "import", "--file", str(file))
    assert [queue["name"] for queue in api.read("queues", vhost)] == ["q"]
    api.delete("vhosts", vhost)
