"""Orders in, invoices out: a producer and a consumer group, with nothing but a Kafka client.

    pip install confluent-kafka
    python orders.py
"""

from confluent_kafka import Consumer, Producer

BROKER = {"bootstrap.servers": "127.0.0.1:9092"}
ORDERS = {"ann": "one book", "bob": "two lamps", "cleo": "a desk"}


def place_orders() -> None:
    producer = Producer(BROKER | {"enable.idempotence": True})
    for customer, order in ORDERS.items():
        producer.produce("orders-example", key=customer, value=order, on_delivery=delivered)
    producer.flush()


def delivered(error, message) -> None:
    # Called once the broker has acknowledged: the order now survives a power cut.
    if error:
        raise SystemExit(f"not stored: {error}")
    print(f"stored {message.key().decode()}'s order at offset {message.offset()}")


def write_invoices() -> None:
    consumer = Consumer(
        BROKER
        | {"group.id": "invoices", "auto.offset.reset": "earliest", "enable.auto.commit": False}
    )
    consumer.subscribe(["orders-example"])
    for _ in ORDERS:
        message = consumer.poll(10)
        if message is None or message.error():
            raise SystemExit(f"no order: {message and message.error()}")
        print(f"invoice for {message.key().decode()}: {message.value().decode()}")
        # Only now is the order done; after a crash it would be delivered again.
        consumer.commit(message, asynchronous=False)
    consumer.close()


if __name__ == "__main__":
    place_orders()
    write_invoices()
