"""First figures. Rates are reported, not asserted: the machine may be busy."""

import os
import statistics
import time

from librdkafka import clients

from .forebay import Forebay

MEBIBYTE = 1024 * 1024
RECORDS = 200_000


def test_ready_within_50_ms_on_an_empty_folder(tmp_path, report):
    times = []
    for n in range(9):
        server = Forebay(tmp_path / f"data{n}")
        times.append(server.start() * 1000)
        server.kill()
    median = statistics.median(times)
    report(f"ready after {median:.1f} ms (median of 9, from exec to the ready file)")
    assert median < 50


def test_idle_under_25_mebibytes(tmp_path, report):
    with Forebay(tmp_path / "data") as server:
        clients.produce(server.broker, "warm", [{"value": b"v"}])
        idle = server.resident_bytes() / MEBIBYTE
    report(f"idle with {idle:.1f} MiB resident")
    assert idle < 25


def test_producer_rate_with_acks_all(tmp_path, report):
    with Forebay(tmp_path / "data") as server:
        topic = clients.create(server.broker, "rate")
        producer = clients.producer(
            server.broker, linger_ms=5, queue_buffering_max_messages=RECORDS
        )
        value, failed = os.urandom(1024), []
        started = time.monotonic()
        for number in range(RECORDS):
            producer.produce(topic, value, on_delivery=lambda e, _: e and failed.append(e))
            if number % 1000 == 0:
                producer.poll(0)
        assert producer.flush(120) == 0
        rate = RECORDS / (time.monotonic() - started)
        assert not failed
        assert clients.watermarks(server.broker, topic) == (0, RECORDS)
    report(f"{rate:,.0f} records/s of 1 KiB, acks=all, one confluent-kafka producer")
