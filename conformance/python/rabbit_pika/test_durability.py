"""What outlives the broker: restarts in good order, and kill -9."""

import pytest

from process.forebay import Forebay

from .conftest import connect_to
from .messages import publish, ready, take

pytestmark = pytest.mark.forebay


def test_restart_keeps_durable_queues_and_their_messages(tmp_path):
    with Forebay(tmp_path / "data", amqp="127.0.0.1:0") as server:
        channel = connect_to(server.amqp).channel()
        channel.confirm_delivery()
        channel.queue_declare("kept", durable=True)
        channel.queue_declare("lost", durable=False)
        channel.exchange_declare("events", "topic", durable=True)
        channel.queue_bind("kept", "events", "#")
        publish(channel, "kept", b"a", b"b")
        channel.basic_ack(channel.basic_get("kept")[0].delivery_tag)
        assert ready(channel, "kept") == 1
        server.stop()
        server.start()
        connection = connect_to(server.amqp)
        channel = connection.channel()
        channel.basic_publish("events", "k", b"c")
        assert take(channel, "kept") == [b"b", b"c"]
        with pytest.raises(Exception, match="no queue 'lost'"):
            ready(channel, "lost")
        connection.close()


def test_kill_loses_nothing_that_was_confirmed(tmp_path):
    with Forebay(tmp_path / "data", amqp="127.0.0.1:0") as server:
        confirmed = 0
        for life in range(3):
            channel = connect_to(server.amqp).channel()
            channel.confirm_delivery()
            channel.queue_declare("q", durable=True)
            for _ in range(100):
                publish(channel, "q", b"%d" % confirmed)
                confirmed += 1
            server.kill()
            server.start()
        connection = connect_to(server.amqp)
        assert take(connection.channel(), "q") == [b"%d" % n for n in range(confirmed)]
        connection.close()
