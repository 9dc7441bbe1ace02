"""rabbitmqadmin as RabbitMQ shipped it before version 4.1: scripts are full of it."""

import json
import os
import pathlib
import subprocess
import sys

import pytest

from eventually import eventually
from rabbit_management.api import PATIENCE
from rabbit_pika.conftest import connect_to

PROGRAM = pathlib.Path(os.environ.get("CACHE", "")) / "rabbitmqadmin-v1/usr/bin/rabbitmqadmin"


def rabbitmqadmin(*arguments, said=None):
    """Runs a command; `said` is all that it is to say."""
    host, port = os.environ["BROKER_ADMIN"].rsplit(":", 1)
    where = ["-H", host, "-P", port, "-u", "guest", "-p", "guest"]
    command = [sys.executable, str(PROGRAM), *where, *arguments]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE)
    assert ran.returncode == 0, f"{arguments}\n{ran.stdout}\n{ran.stderr}"
    if said is not None:
        assert ran.stdout.strip() == said
    return ran.stdout


def listed(what, *columns, vhost="/"):
    return json.loads(rabbitmqadmin("-f", "raw_json", "-V", vhost, "list", what, *columns))


@pytest.mark.parametrize(
    "what",
    [
        "show overview",
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
        "list vhost_limits",
    ],
)
def test_everything_can_be_looked_at(what, queue):
    for form in ("table", "kvp", "raw_json"):
        rabbitmqadmin("-f", form, *what.split())


def test_messages_go_through_exchanges_into_queues(fresh):
    queue, exchange = fresh("queue"), fresh("exchange")
    arguments = 'arguments={"x-max-length":5}'
    rabbitmqadmin("declare", "queue", f"name={queue}", "durable=true", arguments,
                  said="queue declared")
    rabbitmqadmin("declare", "exchange", f"name={exchange}", "type=topic",
                  said="exchange declared")
    between = [f"source={exchange}", f"destination={queue}"]
    rabbitmqadmin("declare", "binding", *between, "routing_key=a.*", said="binding declared")
    for body in ("one", "two", "three"):
        rabbitmqadmin("publish", f"exchange={exchange}", "routing_key=a.b", f"payload={body}",
                      said="Message published")
    rabbitmqadmin("publish", f"exchange={exchange}", "routing_key=b", "payload=x",
                  said="Message published but NOT routed")
    got = rabbitmqadmin("-f", "raw_json", "get", f"queue={queue}", "ackmode=ack_requeue_false")
    assert [message["payload"] for message in json.loads(got)] == ["one"]

    def messages():
        rows = listed("queues", "name", "messages")
        return [row.get("messages") for row in rows if row["name"] == queue]

    eventually(lambda: messages() == [2], what="two messages that are left")
    rabbitmqadmin("purge", "queue", f"name={queue}", said="queue purged")
    eventually(lambda: messages() == [0], what="none")
    rabbitmqadmin("delete", "binding", *between, "destination_type=queue",
                  "properties_key=a.%2A", said="binding deleted")
    rabbitmqadmin("delete", "exchange", f"name={exchange}", said="exchange deleted")
    rabbitmqadmin("delete", "queue", f"name={queue}", said="queue deleted")
    assert messages() == []


def test_users_and_virtual_hosts_come_and_go(fresh):
    vhost, user = fresh("vhost"), fresh("user")
    where = [f"vhost={vhost}", f"user={user}"]
    rabbitmqadmin("declare", "vhost", f"name={vhost}", said="vhost declared")
    rabbitmqadmin("declare", "user", f"name={user}", "password=p", "tags=management",
                  said="user declared")
    granted = {"configure": "^a", "write": ".*", "read": ""}
    patterns = [f"{kind}={pattern}" for kind, pattern in granted.items()]
    rabbitmqadmin("declare", "permission", *where, *patterns, said="permission declared")
    assert {"vhost": vhost, "user": user, **granted} in listed("permissions")
    rabbitmqadmin("declare", "vhost_limit", f"vhost={vhost}", "name=max-queues", "value=3",
                  said="vhost_limit declared")
    assert {"vhost": vhost, "value": {"max-queues": 3}} in listed("vhost_limits")
    rabbitmqadmin("delete", "vhost_limit", f"vhost={vhost}", "name=max-queues",
                  said="vhost_limit deleted")
    rabbitmqadmin("delete", "permission", *where, said="permission deleted")
    rabbitmqadmin("delete", "user", f"name={user}", said="user deleted")
    rabbitmqadmin("delete", "vhost", f"name={vhost}", said="vhost deleted")
    assert vhost not in [row["name"] for row in listed("vhosts")]


def test_policies_come_and_go(vhost):
    rule = ["name=p", "pattern=^q", 'definition={"max-length":9}']
    here = ["-V", vhost]
    for kind in ("policy", "operator_policy"):
        rabbitmqadmin(*here, "declare", kind, *rule, "apply-to=queues", said=f"{kind} declared")
    rabbitmqadmin(*here, "declare", "queue", "name=q1", said="queue declared")

    def policies():
        rows = listed("queues", "name", "policy", "operator_policy", vhost=vhost)
        return [(row.get("policy"), row.get("operator_policy")) for row in rows]

    eventually(lambda: policies() == [("p", "p")], what="the policies of the queue")
    for kind in ("policy", "operator_policy"):
        rabbitmqadmin(*here, "delete", kind, "name=p", said=f"{kind} deleted")


def test_definitions_are_exported_and_imported(vhost, tmp_path):
    here = ["-V", vhost]
    rabbitmqadmin(*here, "declare", "queue", "name=q1", "durable=true", said="queue declared")
    file = tmp_path / "definitions.json"
    rabbitmqadmin(*here, "export", str(file))
    exported = json.loads(file.read_text())
    assert [row["name"] for row in exported["queues"]] == ["q1"]
    rabbitmqadmin(*here, "delete", "queue", "name=q1", said="queue deleted")
    rabbitmqadmin(*here, "import", str(file))
    assert [row["name"] for row in listed("queues", "name", vhost=vhost)] == ["q1"]


def test_a_connection_is_closed():
    connection = connect_to(os.environ["BROKER_AMQP"])
    port = connection._impl._transport._sock.getsockname()[1]

    def name():
        rows = listed("connections", "name", "peer_port")
        return [row["name"] for row in rows if row.get("peer_port") == port]

    (found,) = eventually(name, what="the connection")
    rabbitmqadmin("close", "connection", f"name={found}", said="connection closed")
    eventually(lambda: not name(), what="a connection that is gone")
