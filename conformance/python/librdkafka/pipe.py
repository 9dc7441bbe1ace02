"""JSON lines into a topic and out of it, for the suite in which every client reads every other."""

import json
import os
import sys
from base64 import b64decode, b64encode

from . import clients

BROKER = os.environ.get("BROKER")


def unpack(text):
    return None if text is None else b64decode(text)


def pack(data):
    return None if data is None else b64encode(data).decode()


def records_in(file):
    with open(file) as lines:
        for line in map(json.loads, lines):
            yield {
                "partition": line["partition"],
                "timestamp": line["timestamp"],
                "key": unpack(line["key"]),
                "value": unpack(line["value"]),
                "headers": [(name, unpack(value)) for name, value in line["headers"]],
            }


def feed(topic, codec, file):
    clients.produce(BROKER, topic, records_in(file), compression_type=codec, linger_ms=100)


def dump(topic, count, file):
    with open(file, "w") as out:
        for message in clients.read(BROKER, topic, int(count), partitions=2):
            line = {
                "partition": message.partition(),
                "offset": message.offset(),
                "timestamp": message.timestamp()[1],
                "key": pack(message.key()),
                "value": pack(message.value()),
                "headers": [(name, pack(value)) for name, value in message.headers() or []],
            }
            print(json.dumps(line), file=out)


def create(topic, partitions):
    clients.create(BROKER, topic, int(partitions))


if __name__ == "__main__":
    verb, *arguments = sys.argv[1:]
    {"feed": feed, "dump": dump, "create": create}[verb](*arguments)
