"""Publishers and consumers of a queue that go on through restarts, and the account of what they saw."""

import itertools
import logging
import threading
import time

import pika
from pika.exceptions import AMQPError

QUEUE = "accounts"
# Connections are lost all the time here, and pika has much to say of each.
logging.getLogger("pika").setLevel(logging.CRITICAL)
# Acknowledgements are answered for by a question behind them.
ACKED_AT_ONCE = 20


class Account:
    """What publishers were confirmed, and what consumers were given and know to be settled."""

    def __init__(self):
        self.lock = threading.Lock()
        self.confirmed = set()
        self.given = {}
        self.settled = {}
        self.came_back = []

    def confirm(self, body):
        with self.lock:
            self.confirmed.add(body)

    def give(self, body):
        with self.lock:
            self.given[body] = self.given.get(body, 0) + 1
            if body in self.settled:
                self.came_back.append(body)

    def settle(self, bodies):
        with self.lock:
            self.settled.update(dict.fromkeys(bodies, True))

    def lost(self):
        return self.confirmed - self.given.keys()

    def progress(self):
        with self.lock:
            return len(self.confirmed), len(self.settled)


class Worker(threading.Thread):
    """Connects again and again until it is told to stop."""

    def __init__(self, server, account):
        super().__init__(daemon=True)
        self.server, self.account = server, account
        self.stopping = threading.Event()
        self.failure = None

    def run(self):
        while not self.stopping.is_set():
            try:
                connection = connect(self.server)
            except (AMQPError, OSError):
                time.sleep(0.01)
                continue
            try:
                self.work(connection.channel())
            except (AMQPError, OSError):
                pass
            except Exception as failure:  # Said by `finish`.
                self.failure = failure
                return
            finally:
                # Broken or not, nothing more is expected of it.
                try:
                    connection.close()
                except (AMQPError, OSError):
                    pass

    def finish(self):
        self.stopping.set()
        self.join(60)
        assert not self.is_alive() and self.failure is None, self.failure


class Publisher(Worker):
    def __init__(self, server, account, name):
        super().__init__(server, account)
        self.bodies = (f"{name}-{number}".encode() for number in itertools.count())

    def work(self, channel):
        channel.confirm_delivery()
        durable = pika.BasicProperties(delivery_mode=2)
        while not self.stopping.is_set():
            # A body is sent once: whether it arrived when nobody confirmed it is left open.
            body = next(self.bodies)
            channel.basic_publish("", QUEUE, body, durable, mandatory=True)
            self.account.confirm(body)


class Consumer(Worker):
    def work(self, channel):
        channel.basic_qos(prefetch_count=3 * ACKED_AT_ONCE)
        taken = []
        for method, _, body in channel.consume(QUEUE, inactivity_timeout=0.05):
            if body is not None:
                self.account.give(body)
                channel.basic_ack(method.delivery_tag)
                taken.append(body)
            if len(taken) >= ACKED_AT_ONCE or (body is None and taken):
                # Its answer comes after everything before it was done.
                channel.basic_qos(prefetch_count=3 * ACKED_AT_ONCE)
                self.account.settle(taken)
                taken = []
            if self.stopping.is_set() and body is None:
                return


def connect(server):
    host, _, port = server.amqp.rpartition(":")
    timeouts = {"socket_timeout": 10, "blocked_connection_timeout": 10}
    return pika.BlockingConnection(pika.ConnectionParameters(host, int(port), **timeouts))


def declare(server):
    connection = connect(server)
    connection.channel().queue_declare(QUEUE, durable=True)
    connection.close()
