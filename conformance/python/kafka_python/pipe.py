"""JSON lines into a topic and out of it, for the suite in which every client reads every other."""

import json
import os
import sys

from librdkafka.pipe import pack, records_in

from . import clients

BROKER = os.environ.get("BROKER")


def feed(topic, codec, file):
    records = [
        {"timestamp_ms": record.pop("timestamp"), **record} for record in records_in(file)
    ]
    compression = None if codec == "none" else codec
    clients.produce(BROKER, topic, records, compression_type=compression)


def dump(topic, count, file):
    with open(file, "w") as out:
        for record in clients.read(BROKER, topic, int(count), partitions=2):
            line = {
                "partition": record.partition,
                "offset": record.offset,
                "timestamp": record.timestamp,
                "key": pack(record.key),
                "value": pack(record.value),
                "headers": [(name, pack(value)) for name, value in record.headers],
            }
            print(json.dumps(line), file=out)


if __name__ == "__main__":
    verb, *arguments = sys.argv[1:]
    {"feed": feed, "dump": dump}[verb](*arguments)
