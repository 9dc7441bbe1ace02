"""What Flower, the dashboard of Celery, asks of a broker: its own code, as its registry ships it."""

import asyncio
import os

from flower.utils.broker import Broker

from eventually import eventually


def test_flower_sees_queues(api, vhost, fresh):
    queue = fresh("queue")
    api.made("queues", vhost, queue, body={"durable": True})
    body = {"properties": {}, "routing_key": queue, "payload": "m", "payload_encoding": "string"}
    for _ in range(2):
        assert api.post("exchanges", vhost, "amq.default", "publish", body=body).status == 200
    amqp, admin = os.environ["BROKER_AMQP"], os.environ["BROKER_ADMIN"]

    async def look():
        # Of "/" it makes a path that RabbitMQ does not have.
        broker = Broker(f"amqp://guest:guest@{amqp}/{vhost}", f"http://guest:guest@{admin}/api/")
        return await broker.queues([queue])

    def counted():
        rows = asyncio.run(look())
        return [row for row in rows if row.get("messages") == 2 and row["name"] == queue]

    (row,) = eventually(counted, what="Flower sees two messages")
    assert row["messages_ready"] == 2
