"""Who is connected, and how they are told to go."""

import pika
import pytest

from eventually import eventually
from rabbit_pika.messages import publish

from .api import NOT_FOUND


def own(api, connection):
    """The API's view of one of our connections."""
    host, port = connection._impl._transport._sock.getsockname()

    def found():
        rows = api.read("connections")
        return [row for row in rows if row.get("peer_port") == port]

    (row,) = eventually(found, what="the connection")
    assert row["peer_host"] == host
    return row


def test_a_connection_is_shown_with_what_its_client_says(api, connection):
    row = own(api, connection)
    peer = f"{row['peer_host']}:{row['peer_port']}"
    assert row["name"] == f"{peer} -> {row['host']}:{row['port']}"
    expected = {
        "user": "guest",
        "vhost": "/",
        "protocol": "AMQP 0-9-1",
        "auth_mechanism": "PLAIN",
        "channel_max": 2047,
        "frame_max": 131072,
        "timeout": 30,
        "state": "running",
        "ssl": False,
        "type": "network",
    }
    assert {field: row[field] for field in expected} == expected
    assert row["client_properties"]["product"] == "Pika Python Client Library"
    assert row["client_properties"]["capabilities"]["basic.nack"] is True
    assert row["connected_at"] > 1_700_000_000_000
    assert api.read("connections", row["name"])["name"] == row["name"]
    names = [found["name"] for found in api.read("vhosts", "/", "connections")]
    assert row["name"] in names
    assert api.get("connections", "nope").error == NOT_FOUND


def test_bytes_are_counted(api, connection, queue):
    name = own(api, connection)["name"]

    def received():
        return api.read("connections", name).get("recv_oct", 0)

    before = eventually(received)
    publish(connection.channel(), queue, b"x" * 10_000)
    eventually(lambda: received() >= before + 10_000, what="10,000 bytes more")
    assert api.read("connections", name)["send_oct"] > 0


def test_a_channel_is_shown_with_what_it_does(api, connection, channel, queue):
    channel.confirm_delivery()
    channel.basic_qos(prefetch_count=9)
    publish(channel, queue, b"a", b"b", b"c")
    channel.basic_consume(queue, lambda *_: None)
    connection.process_data_events(0.2)
    name = own(api, connection)["name"] + " (1)"

    def found():
        row = api.get("channels", name)
        known = row.status == 200 and row.json.get("messages_unacknowledged") == 3
        counted = known and row.json.get("message_stats", {}).get("deliver_get") == 3
        return counted and row.json

    row = eventually(found, what="a channel that holds 3 messages")
    expected = {"number": 1, "confirm": True, "transactional": False, "consumer_count": 1}
    assert {field: row[field] for field in expected} == expected
    assert row["prefetch_count"] == 9
    assert row["connection_details"]["name"] + " (1)" == name
    stats = row["message_stats"]
    assert (stats["publish"], stats["confirm"], stats["deliver"]) == (3, 3, 3)
    assert len(row["consumer_details"]) == 1
    of_connection = api.read("connections", row["connection_details"]["name"], "channels")
    assert [found["name"] for found in of_connection] == [name]
    assert name in [found["name"] for found in api.read("channels")]
    assert name in [found["name"] for found in api.read("vhosts", "/", "channels")]
    channel.close()
    eventually(lambda: api.get("channels", name).status == 404, what="the channel is gone")


@pytest.mark.parametrize("reason", [None, "go away"])
def test_a_connection_is_closed_with_the_reason_that_is_given(api, connect, reason):
    connection = connect()
    name = own(api, connection)["name"]
    headers = {} if reason is None else {"x-reason": reason}
    assert api.ask("DELETE", "connections", name, headers=headers).status == 204
    with pytest.raises(pika.exceptions.ConnectionClosedByBroker) as closed:
        connection.process_data_events(5)
        connection.channel()
    assert closed.value.reply_code == 320
    expected = reason or "Closed via management plugin"
    assert closed.value.reply_text == f"CONNECTION_FORCED - {expected}"
    eventually(lambda: api.get("connections", name).status == 404, what="it is gone")


def test_a_rate_is_told_of_what_goes_on(api, connection, channel, queue):
    def rate():
        for _ in range(20):
            publish(channel, queue, b"m")
        connection.process_data_events(0.1)
        stats = api.read("overview").get("message_stats", {})
        return stats.get("publish_details", {}).get("rate", 0) > 0

    eventually(rate, every=0.3, what="a rate of publishing")
