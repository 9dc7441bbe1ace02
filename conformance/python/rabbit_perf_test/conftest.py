"""RabbitMQ's load generator, and a second client that counts what it leaves behind."""

import os
import re
import subprocess
from pathlib import Path

import pytest
from rabbit_pika.conftest import connect_to
from rabbit_pika.messages import ready

# A run takes some seconds, two of them to find its consumers idle.
LIMIT = 60
RATE = re.compile(r"(sending|receiving) rate avg: (\d+) msg/s")


class Run:
    """A run that ended well: what it said, and the averages that it ended with."""

    def __init__(self, output):
        self.output = output
        self.rates = {kind: int(rate) for kind, rate in RATE.findall(output)}

    def last(self, word):
        """The figures of the last line about `word`, such as the percentiles of a latency."""
        lines = [line for line in self.output.splitlines() if word in line and "/" in line]
        assert lines, f"nothing about {word}: {self.output[-2000:]}"
        return lines[-1]


@pytest.fixture
def perf_test():
    """perf_test("-x", 2, ...) runs it to its end."""
    jars = Path(os.environ["CACHE"]) / "perf-test" / "*"

    def run(*arguments):
        java = ["java", "-Xmx256m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"]
        java += ["-cp", str(jars), "com.rabbitmq.perf.PerfTest"]
        uri = f"amqp://guest:guest@{os.environ['BROKER_AMQP']}"
        done = subprocess.run(
            [*java, "--uri", uri, *map(str, arguments)],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=LIMIT,
        )
        assert done.returncode == 0, done.stdout[-4000:]
        return Run(done.stdout)

    return run


@pytest.fixture
def left_in():
    """How many messages are ready in a queue."""
    connection = connect_to(os.environ["BROKER_AMQP"])
    yield lambda queue: ready(connection.channel(), queue)
    connection.close()
