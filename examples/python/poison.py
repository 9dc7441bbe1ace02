"""A queue with a message that its consumer cannot take.

    pip install pika
    python3 poison.py
"""

import pika

connection = pika.BlockingConnection(pika.ConnectionParameters("127.0.0.1"))
channel = connection.channel()
channel.queue_declare("orders.dead", durable=True)
dead_letters = {"x-dead-letter-exchange": "", "x-dead-letter-routing-key": "orders.dead"}
channel.queue_declare("orders.new", durable=True, arguments=dead_letters)

for body in ["one book", "two lamps", "NaN chairs"]:
    channel.basic_publish("", "orders.new", body)

for method, _, body in channel.consume("orders.new", inactivity_timeout=1):
    if method is None:
        break
    number = body.split()[0]
    if number == b"NaN":
        channel.basic_reject(method.delivery_tag, requeue=False)
    else:
        channel.basic_ack(method.delivery_tag)
    print("rejected" if number == b"NaN" else "sold", body.decode())
connection.close()
