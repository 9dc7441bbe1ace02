"""Queues: what is shown, and how they come and go."""

import pytest

from eventually import eventually
from rabbit_pika.messages import publish

from .api import NOT_FOUND


def test_a_queue_is_made_once_and_shown_as_it_is(api, fresh):
    name = fresh("queue")
    body = {"durable": True, "auto_delete": False, "arguments": {"x-message-ttl": 60000}}
    assert api.put("queues", "/", name, body=body).status == 201
    assert api.put("queues", "/", name, body=body).status == 204
    queue = api.read("queues", "/", name)
    expected = {
        "name": name,
        "vhost": "/",
        "type": "classic",
        "durable": True,
        "auto_delete": False,
        "exclusive": False,
        "state": "running",
        "arguments": {"x-message-ttl": 60000, "x-queue-type": "classic"},
        "node": api.read("overview")["node"],
    }
    assert {field: queue[field] for field in expected} == expected
    assert queue["consumer_details"] == []
    assert name in [row["name"] for row in api.read("queues", "/")]
    assert api.delete("queues", "/", name).status == 204
    assert api.get("queues", "/", name).error == NOT_FOUND
    assert api.delete("queues", "/", name).error == NOT_FOUND


def test_what_is_left_out_is_a_transient_queue(api, fresh):
    name = fresh("queue")
    api.made("queues", "/", name)
    assert api.read("queues", "/", name)["durable"] is False
    api.delete("queues", "/", name)


@pytest.mark.parametrize(
    "body, reason",
    [
        ("nonsense", "not_json"),
        ("[]", "not_json"),
        ('{"durable":"yes"}', ["not_boolean", "yes"]),
    ],
)
def test_bodies_that_are_wrong_are_refused(api, fresh, body, reason):
    answer = api.put("queues", "/", fresh("queue"), body=body)
    assert (answer.status, answer.error) == (400, ("bad_request", reason))


def test_arguments_are_judged_as_over_amqp(api, fresh):
    name = fresh("queue")

    def refused(**arguments):
        arguments = {argument.replace("_", "-"): value for argument, value in arguments.items()}
        answer = api.put("queues", "/", name, body={"arguments": arguments})
        assert answer.status == 400
        return answer.error[1]

    prefix = f"for queue '{name}' in vhost '/': "
    assert refused(x_message_ttl="a") == (
        f"invalid arg 'x-message-ttl' {prefix}\"expected integer, got longstr\""
    )
    assert refused(x_queue_type="zzz") == (
        f"invalid arg 'x-queue-type' {prefix}\"unsupported queue type 'zzz'\""
    )
    assert refused(x_expires=0) == f"invalid arg 'x-expires' {prefix}{{value_zero,0}}"


def test_another_queue_of_the_same_name_is_refused(api, queue):
    prefix = f"for queue '{queue}' in vhost '/': received "
    answer = api.put("queues", "/", queue, body={"durable": False})
    expected = f"inequivalent arg 'durable' {prefix}'false' but current is 'true'"
    assert answer.error == ("bad_request", expected)


def test_names_of_the_brokers_own_are_refused(api):
    answer = api.put("queues", "/", "amq.mine")
    assert (answer.status, answer.error) == (401, ("not_authorised", "Access refused."))


def test_without_its_virtual_host_there_is_no_queue(api):
    answer = api.put("queues", "nope", "q")
    assert (answer.status, answer.error) == (404, ("not_found", "vhost_not_found"))
    assert api.get("queues", "nope").error == NOT_FOUND


def test_messages_are_counted_where_they_are(api, queue, channel):
    publish(channel, queue, *[b"m"] * 5)
    held = [channel.basic_get(queue) for _ in range(2)]
    assert all(method for method, _, _ in held)

    def counted():
        row = api.read("queues", "/", queue)
        counts = ("messages", "messages_ready", "messages_unacknowledged")
        return [row.get(count) for count in counts] == [5, 3, 2]

    eventually(counted, what="5 messages, 3 of them ready")
    seen = eventually(lambda: api.read("queues", "/", queue).get("message_stats"))
    assert seen["publish"] == 5 and seen["deliver_get"] == 2
    assert "rate" in seen["publish_details"]


def test_a_queue_in_use_or_with_messages_stays_if_asked(api, queue, channel):
    publish(channel, queue, b"m")
    prefix = f"queue '{queue}' in vhost '/' "
    # RabbitMQ looks at counters that are gathered now and then.
    eventually(lambda: api.read("queues", "/", queue).get("messages") == 1)
    refused = api.ask("DELETE", "queues", "/", queue, **{"if-empty": "true"})
    assert refused.error == ("bad_request", prefix + "not empty")
    channel.basic_consume(queue, lambda *_: None)
    refused = api.ask("DELETE", "queues", "/", queue, **{"if-unused": "true"})
    assert refused.error == ("bad_request", prefix + "in use")


def test_an_exclusive_queue_is_its_connections_own(api, channel, fresh):
    name = fresh("mine")
    channel.queue_declare(name, exclusive=True)
    assert api.read("queues", "/", name)["exclusive"] is True
    refused = api.delete("queues", "/", name)
    assert refused.status == 400
    assert refused.error[1].startswith("cannot obtain exclusive access to locked queue")


def test_a_purged_queue_is_empty(api, queue, channel):
    channel.confirm_delivery()
    publish(channel, queue, b"a", b"b")
    assert api.delete("queues", "/", queue, "contents").status == 204
    assert channel.queue_declare(queue, passive=True).method.message_count == 0
    assert api.delete("queues", "/", "nope", "contents").error == NOT_FOUND


def test_no_action_is_known(api, queue):
    answer = api.post("queues", "/", queue, "actions", body={"action": "sync"})
    assert answer.error == ("bad_request", ["unknown", "sync"])


def test_consumers_of_a_queue_are_shown_with_it(api, queue, channel):
    channel.basic_qos(prefetch_count=7)
    tag = channel.basic_consume(queue, lambda *_: None, arguments={"x-priority": 3})

    def found():
        consumers = api.read("queues", "/", queue)["consumer_details"]
        # RabbitMQ knows the channel somewhat later.
        return consumers and "number" in consumers[0]["channel_details"] and consumers

    (consumer,) = eventually(found, what="the consumer")
    assert consumer["consumer_tag"] == tag
    assert consumer["prefetch_count"] == 7
    assert consumer["ack_required"] is True and consumer["exclusive"] is False
    assert consumer["arguments"] == {"x-priority": 3}
    assert consumer["queue"] == {"name": queue, "vhost": "/"}
    assert consumer["channel_details"]["number"] == 1
    tags = [row["consumer_tag"] for row in api.read("consumers", "/")]
    assert tag in tags
    assert api.get("consumers", "nope").error == NOT_FOUND


@pytest.fixture
def three(api, fresh):
    """Queues whose names begin alike, in the order of their names."""
    prefix = fresh("page")
    names = [f"{prefix}-{letter}" for letter in "abc"]
    for name in names:
        api.made("queues", "/", name, body={"durable": True})
    yield prefix, names
    for name in names:
        api.delete("queues", "/", name)


def named(page):
    return [row["name"] for row in page["items"]]


def test_queues_are_listed_in_pages(api, three):
    prefix, names = three
    page = api.read("queues", page=1, page_size=2, name=prefix)
    assert named(page) == names[:2]
    counts = ("filtered_count", "item_count", "page", "page_count", "page_size")
    assert [page[count] for count in counts] == [3, 2, 1, 2, 2]
    assert page["total_count"] >= 3
    assert named(api.read("queues", page=2, page_size=2, name=prefix)) == names[2:]
    sorted_page = api.read("queues", page=1, name=prefix, sort="name", sort_reverse="true")
    assert named(sorted_page) == names[::-1]
    pattern = f"^{prefix}-[ac]$"
    matching = api.read("queues", page=1, name=pattern, use_regex="true")
    assert named(matching) == [names[0], names[2]]
    columns = api.read("queues", page=1, name=prefix, columns="name,arguments.x-queue-type")
    assert columns["items"][0] == {"name": names[0], "arguments": {"x-queue-type": "classic"}}


def test_pages_that_are_not_there_are_refused(api, three):
    prefix, _ = three
    refused = api.get("queues", page=9, name=prefix)
    expected = "Page out of range, page: 9 page size: 100, len: 3"
    assert (refused.status, refused.error) == (400, ("page_out_of_range", expected))
    refused = api.get("queues", page="a")
    assert refused.error == ("bad_request", "Pagination parameters are invalid")
    refused = api.get("queues", page=1, page_size=501)
    assert refused.error[0] == "invalid_pagination_parameters"


def test_all_queues_are_listed_without_pages(api, three):
    _, names = three
    rows = api.read("queues", "/", columns="name")
    assert set(names) <= {row["name"] for row in rows}
    assert all(set(row) == {"name"} for row in rows)


@pytest.mark.slow
@pytest.mark.forebay
def test_many_queues_are_listed_whole(api, vhost):
    definitions = {"queues": [{"name": f"q{n:05}", "durable": False} for n in range(3000)]}
    assert api.post("definitions", vhost, body=definitions).status == 204
    rows = api.read("queues", vhost, columns="name")
    assert [row["name"] for row in rows] == [f"q{n:05}" for n in range(3000)]
    rows = api.read("queues", vhost, columns="name", sort="name", sort_reverse="true")
    assert [row["name"] for row in rows] == [f"q{n:05}" for n in reversed(range(3000))]
    assert len(api.read("bindings", vhost)) == 3000
