"""What rabbitmq_exporter (kbudde, Go) asks of the API for Prometheus: its requests, and every field that it makes a
metric of. Dashboards and alerts stand on those, and a field that is not there is a metric that is not there.
"""

import time

import pika
import pytest

from eventually import eventually
from rabbit_pika.messages import publish

# It would rather have Erlang's terms, but takes JSON.
ACCEPT = {"accept": "application/bert, application/json;q=0.1"}

OVERVIEW = """
    object_totals.channels object_totals.connections object_totals.consumers object_totals.queues
    object_totals.exchanges queue_totals.messages queue_totals.messages_ready
    queue_totals.messages_unacknowledged message_stats.publish_details.rate
    message_stats.deliver_no_ack_details.rate message_stats.deliver_details.rate
""".split()
NODE = """
    uptime running mem_used mem_limit mem_alarm disk_free disk_free_alarm disk_free_limit fd_used
    fd_total sockets_used sockets_total partitions
""".split()
QUEUE = """
    messages messages_ready messages_unacknowledged messages_ready_ram messages_unacknowledged_ram
    messages_ram messages_persistent message_bytes message_bytes_ready message_bytes_unacknowledged
    message_bytes_persistent message_bytes_ram consumers consumer_utilisation memory durable
    message_stats.publish_details.rate
    message_stats.deliver_details.rate message_stats.deliver_no_ack_details.rate
""".split()
CONNECTION = "channels recv_oct recv_cnt send_oct send_cnt send_pend".split()
MEMORY = """
    allocated_unused atom binary code connection_channels connection_other connection_readers
    connection_writers metrics mgmt_db mnesia msg_index other_ets other_proc other_system plugins
    queue_procs reserved_unallocated total.allocated total.rss total.erlang
""".split()


def numbers(row, prefix=""):
    """As the exporter sees a row: numbers and flags below names with dots, and lengths of lists."""
    flat = {}
    for name, value in row.items():
        if isinstance(value, dict):
            flat |= numbers(value, f"{prefix}{name}.")
        elif isinstance(value, list):
            flat[prefix + name] = len(value)
        elif isinstance(value, (bool, int, float)):
            flat[prefix + name] = value
    return flat


@pytest.fixture
def ask(api):
    """ask("queues") as the exporter does: unsorted."""

    def ask(*parts):
        return api.read(*parts, sort="")

    return ask


@pytest.fixture
def row(ask):
    """row("queues", name), as soon as it is there."""

    def find(what, name):
        def look():
            return [row for row in ask(what) if row["name"] == name]

        return numbers(eventually(look, what=f"{name} among {what}")[0])

    return find


@pytest.fixture
def traffic(channel, queue):
    """Some of everything, on a channel that confirms."""
    channel.confirm_delivery()
    publish(channel, queue, *[b"12345"] * 9)
    channel.basic_qos(prefetch_count=2)
    taken = []
    tag = channel.basic_consume(queue, lambda _c, method, _p, _b: taken.append(method.delivery_tag))
    until = time.monotonic() + 20
    while len(taken) < 2 and time.monotonic() < until:
        channel.connection.process_data_events(0.2)
    channel.basic_cancel(tag)
    channel.basic_ack(taken[0])
    channel.basic_get(queue)
    channel.basic_get(queue, auto_ack=True)
    channel.basic_get(queue, auto_ack=True)
    channel.basic_qos(prefetch_count=0)
    sent = []
    tag = channel.basic_consume(queue, lambda *_: sent.append(1), auto_ack=True)
    while len(sent) < 4 and time.monotonic() < until:
        channel.connection.process_data_events(0.2)
    assert (len(taken), len(sent)) == (2, 4)
    return queue


def test_a_queue_has_every_field(row, traffic):
    # RabbitMQ hears of them from the channel and from the queue, each at its time.
    wanted = {"message_stats.deliver_no_ack": 4, "consumers": 1}
    eventually(lambda: wanted.items() <= row("queues", traffic).items(), what=f"{wanted}")
    shown = row("queues", traffic)
    assert [field for field in QUEUE if field not in shown] == []
    assert shown["durable"] is True
    assert shown["memory"] > 0 and 0 <= shown["consumer_utilisation"] <= 1


def test_what_goes_out_is_counted_by_the_way_it_goes(row, traffic):
    wanted = {
        "publish": 9,
        "deliver": 2,
        "deliver_no_ack": 4,
        "get": 1,
        "get_no_ack": 2,
        "deliver_get": 9,
        "ack": 1,
        "redeliver": 0,
    }

    def counted():
        shown = row("queues", traffic)
        return {name: shown.get(f"message_stats.{name}") for name in wanted}

    eventually(lambda: counted() == wanted, what=f"{wanted}")


def test_what_is_held_is_counted(row, traffic):
    def held():
        shown = row("queues", traffic)
        return [shown.get(f"messages{of}") for of in ("", "_ready", "_unacknowledged", "_persistent")]

    # One of two deliveries was not acknowledged, nor was one of the gets.
    eventually(lambda: held() == [2, 0, 2, 2], what="two messages")


def test_bytes_are_counted_where_they_are(row, channel, queue):
    channel.confirm_delivery()
    publish(channel, queue, b"1", b"22", b"4444", b"88888888")

    def held():
        shown = row("queues", queue)
        where = ("", "_ready", "_unacknowledged", "_persistent")
        return [shown.get(f"message_bytes{of}") for of in where]

    eventually(lambda: held() == [15, 15, 0, 15], what="four bodies")
    first, _, _ = channel.basic_get(queue)
    second, _, _ = channel.basic_get(queue)
    eventually(lambda: held() == [15, 12, 3, 15], what="two in flight")
    channel.basic_ack(first.delivery_tag)
    channel.basic_nack(second.delivery_tag, requeue=True)
    eventually(lambda: held() == [14, 14, 0, 14], what="one that came back")
    channel.basic_get(queue, auto_ack=True)
    channel.basic_reject(channel.basic_get(queue)[0].delivery_tag, requeue=False)
    eventually(lambda: held() == [8, 8, 0, 8], what="the last")
    channel.queue_purge(queue)
    eventually(lambda: held() == [0, 0, 0, 0], what="nothing")


def test_what_quorum_queues_have_adds_up(api, row, channel, fresh):
    # They count properties, too, in RabbitMQ.
    name = fresh("quorum")
    channel.queue_declare(name, durable=True, arguments={"x-queue-type": "quorum"})
    channel.confirm_delivery()
    publish(channel, name, b"1234", b"12345678")
    channel.basic_get(name)

    def adds_up():
        shown = row("queues", name)
        parts = [shown.get(f"message_bytes_{of}", 0) for of in ("ready", "unacknowledged")]
        whole = [shown.get(f"message_bytes{of}") for of in ("", "_persistent")]
        return min(parts) > 0 and whole == [sum(parts)] * 2

    eventually(adds_up, what="one ready and one in flight")
    shown = api.read("queues", "/", name)
    assert (shown["message_bytes_dlx"], shown["messages_dlx"], shown["message_bytes_ram"]) == (0, 0, 0)
    assert "head_message_timestamp" not in shown
    channel.queue_delete(name)


def test_the_head_is_as_old_as_the_message_that_is_next_or_the_first_in_flight(api, row, channel, queue):
    def sent(seconds):
        return pika.BasicProperties(delivery_mode=2, timestamp=seconds)

    def shows(seconds):
        one = api.read("queues", "/", queue).get("head_message_timestamp", "not there")
        return one == row("queues", queue).get("head_message_timestamp") == seconds

    channel.confirm_delivery()
    for seconds in (1_700_000_000, 1_600_000_000, None, 1_500_000_000):
        publish(channel, queue, b"body", properties=sent(seconds))
    eventually(lambda: shows(1_700_000_000), what="that of the first")
    first, _, _ = channel.basic_get(queue)
    eventually(lambda: shows(1_600_000_000), what="the earlier of both")
    second, _, _ = channel.basic_get(queue)
    eventually(lambda: shows(1_700_000_000), what="that of the first in flight: what is next has none")
    channel.basic_ack(first.delivery_tag)
    eventually(lambda: shows(1_600_000_000), what="that of the second in flight")
    channel.basic_ack(second.delivery_tag)
    eventually(lambda: shows(None), what="none")
    channel.basic_get(queue, auto_ack=True)
    eventually(lambda: shows(1_500_000_000), what="that of the last")
    channel.queue_purge(queue)
    eventually(lambda: shows(None), what="none of an empty queue")


def test_members_of_quorum_queues_are_counted(row, channel, fresh):
    name = fresh("quorum")
    channel.queue_declare(name, durable=True, arguments={"x-queue-type": "quorum"})
    eventually(lambda: row("queues", name).get("online") == 1, what="a queue that is online")
    assert row("queues", name)["members"] == 1
    channel.queue_delete(name)


def test_an_exchange_counts_what_comes_and_where_it_goes(row, channel, exchange, fresh):
    for name in (fresh("one"), fresh("two")):
        channel.queue_declare(name, exclusive=True)
        channel.queue_bind(name, exchange, "a.*")
    channel.confirm_delivery()
    for key in ("a.b", "a.c", "b"):
        channel.basic_publish(exchange, key, b"m")
    names = ("message_stats.publish_in", "message_stats.publish_out")

    def passed(of):
        shown = row("exchanges", of)
        return [shown.get(name) for name in names]

    eventually(lambda: passed(exchange) == [3, 4], what="three in, four out")
    # The default one, whose name is empty: others publish to it, too.
    before = passed("")
    channel.basic_publish("", name, b"m")
    grown = [(count or 0) + 1 for count in before]
    eventually(lambda: all(now >= then for now, then in zip(passed(""), grown)), what=f"{grown}")


def test_the_overview_has_every_field(ask, traffic):
    def missing():
        shown = numbers(ask("overview"))
        return [field for field in OVERVIEW if field not in shown]

    eventually(lambda: not missing(), what="all fields")
    shown = ask("overview")
    for field in ("node", "erlang_version", "rabbitmq_version", "cluster_name"):
        assert isinstance(shown[field], str) and shown[field]


def test_the_node_has_every_field(ask):
    (shown,) = ask("nodes")
    node = numbers(shown)
    assert [field for field in NODE if field not in node] == []
    assert node["running"] and node["uptime"] > 0 and node["partitions"] == 0
    assert 0 < node["mem_used"] < node["mem_limit"]
    assert 0 < node["fd_used"] < node["fd_total"]
    assert not node["mem_alarm"] and not node["disk_free_alarm"]
    memory = numbers(ask("nodes", shown["name"], "memory")["memory"])
    assert [field for field in MEMORY if field not in memory] == []
    assert memory["total.rss"] > 0


def test_a_connection_has_every_field(ask, channel):
    port = channel.connection._impl._transport._sock.getsockname()[1]

    def mine():
        rows = [row for row in ask("connections") if row.get("peer_port") == port]
        return rows if rows and rows[0].get("channels") == 1 and "recv_oct" in rows[0] else None

    (row,) = eventually(mine, what="the connection and its channel")
    assert [field for field in CONNECTION if field not in numbers(row)] == []
    assert (row["vhost"], row["user"], row["state"]) == ("/", "guest", "running")
    assert row["peer_host"] == "127.0.0.1" and row["node"]


def test_the_broker_is_alive(ask):
    assert ask("aliveness-test", "/") == {"status": "ok"}


@pytest.mark.forebay
def test_who_would_rather_have_terms_of_erlang_is_given_json(api):
    answer = api.ask("GET", "overview", headers=ACCEPT, sort="")
    assert (answer.status, answer.headers["content-type"]) == (200, "application/json")
    assert answer.json["node"]
