"""A full disk: producers get an error they retry, consumers go on, it heals; and a restart does not
make it worse."""

import json
import os
import subprocess
import urllib.request

import pytest
import wire
from confluent_kafka import KafkaError, KafkaException
from eventually import eventually
from librdkafka import clients
from rabbit_pika.conftest import connect_to

from .cuttable_disk import CuttableDisk
from .forebay import BUSY, Forebay
from .workload import ContinuousProducer, create

SIZE_MIB = 256
STORAGE_ERROR = 56


@pytest.fixture
def small_disk(tmp_path):
    if os.geteuid() != 0:
        pytest.skip("needs root to mount a small file system")
    mount = tmp_path / "disk"
    mount.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={SIZE_MIB}m", "forebay-test", str(mount)],
        capture_output=True,
        text=True,
    )
    if mounted.returncode != 0:
        pytest.skip(f"cannot mount a tmpfs: {mounted.stderr.strip()}")
    yield mount
    subprocess.run(["umount", "--lazy", str(mount)], check=True)


def fill(disk):
    """A file that leaves no byte; one that is there grows."""
    ballast = disk / "ballast"
    with open(ballast, "ab", buffering=0) as file:
        for piece in (1024 * 1024, 4096, 1):
            try:
                while file.write(bytes(piece)):
                    pass
            except OSError:
                pass
    return ballast


def test_a_full_disk_heals_when_space_returns(small_disk, tmp_path):
    with Forebay(small_disk / "data", log=tmp_path / "server.log") as server:
        topic = clients.create(server.broker, "full")
        clients.produce(server.broker, topic, [{"value": b"before"}] * 100)
        ballast = fill(small_disk)

        # Preallocated journal space may take some more; then the producer is held back.
        errors, delivered = [], []
        producer = clients.producer(server.broker, message_timeout_ms=3000, retry_backoff_ms=50)

        def held_back():
            producer.produce(
                topic,
                bytes(500_000),
                on_delivery=lambda error, m: errors.append(error) if error else delivered.append(m),
            )
            producer.poll(0.05)
            return errors

        eventually(held_back, within=60)
        # Retried until the producer's own deadline: neither fatal nor thrown away at once.
        assert errors[0].code() in (KafkaError._MSG_TIMED_OUT, KafkaError.KAFKA_STORAGE_ERROR)
        assert not errors[0].fatal()
        assert server.process.poll() is None, "a full disk is no reason to die"
        before = clients.read(server.broker, topic, 100)
        assert all(m.value() == b"before" for m in before), "consumers go on"
        producer.flush(10)

        ballast.unlink()

        def healed():
            try:
                return clients.produce(
                    server.broker, topic, [{"value": b"after"}], message_timeout_ms=2000
                )
            except Exception:
                return None

        [after] = eventually(healed, within=30)
        assert clients.read(server.broker, topic, 1, offset=after.offset())[0].value() == b"after"
        # Everything that was acknowledged meanwhile is there.
        offsets = {m.offset() for m in clients.read_all(server.broker, topic)}
        assert {m.offset() for m in delivered} <= offsets
        assert server.stop() == 0


def test_publishers_to_queues_wait_and_are_told_so(small_disk, tmp_path):
    with Forebay(
        small_disk / "data", amqp="127.0.0.1:0", log=tmp_path / "server.log"
    ) as server:
        publisher, consumer = connect_to(server.amqp), connect_to(server.amqp)
        heard = []
        publisher.add_on_connection_blocked_callback(
            lambda _, frame: heard.append(frame.method.reason)
        )
        publisher.add_on_connection_unblocked_callback(lambda *_: heard.append("unblocked"))
        publishing, consuming = publisher.channel(), consumer.channel()
        publishing.queue_declare("full", durable=True)
        publishing.basic_publish("", "full", b"before")
        ballast = fill(small_disk)
        sent = 0

        def is_told_to_wait():
            nonlocal sent
            publishing.basic_publish("", "full", bytes(500_000))
            sent += 1
            publisher.process_data_events(0.05)
            return heard

        assert eventually(is_told_to_wait, within=60) == ["low on disk"]
        publishing.basic_publish("", "full", b"last")
        # Who takes messages goes on, and whoever publishes nothing is not held up.
        method, _, body = consuming.basic_get("full")
        assert body == b"before"
        consuming.basic_ack(method.delivery_tag)
        assert consuming.queue_declare("full", passive=True).method.consumer_count == 0
        publisher.process_data_events(0.5)
        assert heard == ["low on disk"]

        ballast.unlink()

        def healed():
            publisher.process_data_events(0.05)
            return len(heard) == 2

        eventually(healed)
        assert heard[-1] == "unblocked"
        bodies = [consuming.basic_get("full", auto_ack=True)[2] for _ in range(sent + 1)]
        assert bodies == [bytes(500_000)] * sent + [b"last"], "nothing was refused"
        assert server.stop() == 0


@pytest.fixture
def small_ext4(tmp_path):
    """Where also names, and blocks of what was preallocated, take space."""
    with CuttableDisk(tmp_path, mebibytes=160) as disk:
        yield disk.path


def produce_code(broker, topic):
    """The error code of one raw produce request: no client retries it."""
    records = wire.batch(wire.record(0, bytes(100_000)), 1)
    with wire.Connection(broker) as connection:
        answer = connection.call(wire.PRODUCE, 7, wire.produce(topic, records))
        return wire.produce_error(answer)[0]


def commit(broker, group, topic, offset, note=""):
    """Commits, and reads it back."""
    place = clients.TopicPartition(topic, 0, offset, note)
    member = clients.consumer(broker, group)
    try:
        member.commit(offsets=[place], asynchronous=False)
        [committed] = member.committed([clients.TopicPartition(topic, 0)], timeout=30)
        assert committed.offset == offset
    finally:
        member.close()


def is_said_to_be_full(server):
    admin = json.loads(server.ready_file.read_text())["admin"]
    with urllib.request.urlopen(f"http://{admin}/metrics", timeout=10) as answer:
        return "forebay_storage_full 1" in answer.read().decode().splitlines()


@pytest.mark.cycles(quick=2, ci=4, full=15)
def test_every_fill_is_refused_served_and_healed(
    small_ext4, tmp_path, history, cycles, dice, report
):
    with Forebay(small_ext4 / "data", *BUSY, log=tmp_path / "server.log") as server:
        shape = {"dense": True, "start_advances": True, "retention_bytes": 4 << 20}
        create(history, server, "kept", 2, **shape)
        producers = [
            ContinuousProducer(history, server.broker, "kept", 2, "idempotent", padding=500),
            ContinuousProducer(history, server.broker, "kept", 2, "plain", idempotent=False),
        ]
        clients.create(server.broker, "probe", retention_bytes=1 << 20)
        clients.create(server.broker, "trimmed")
        clients.produce(server.broker, "trimmed", [{"value": b"%d" % n} for n in range(1000)])
        for cycle in range(cycles):
            clients.create(server.broker, f"victim-{cycle}", partitions=3)
            for producer in producers:
                producer.wait_for_progress()
            ballast = fill(small_ext4)
            refused = lambda: produce_code(server.broker, "probe") == STORAGE_ERROR  # noqa: E731
            eventually(refused, within=60, what="producers are refused")
            goes_on_while_full(server, cycle)
            if dice.random() < 0.7:
                server.kill() if dice.random() < 0.5 else server.stop()
                history.fault("restart while full", ends_life=True)
                server.start()
                goes_on_while_full(server, cycle + 0.5)
                eventually(refused, within=60, what="producers are refused")
            assert server.process.poll() is None, "a full disk is no reason to die"
            assert is_said_to_be_full(server)
            ballast.unlink()
            for producer in producers:
                producer.wait_for_progress(within=60)
            eventually(lambda: not is_said_to_be_full(server), what="it is said to have healed")
        for producer in producers:
            producer.finish()
        assert clients.read(server.broker, "trimmed", 1, offset=999)[0].value() == b"999"
        for partition in range(2):
            history.read_to_end(server.broker, "kept", partition)
        assert server.stop() == 0
        assert server.damage() == ""
        counts = history.check()["counts"]
        assert "panicked" not in server.log.read_text()
    report(f"{cycles} fills to the last byte: {counts['acknowledged']:,} records, none lost")


def goes_on_while_full(server, cycle):
    """Reads, commits and deletions; and what makes more of what there is no room for is refused."""
    admin = clients.admin(server.broker)
    low, _ = clients.watermarks(server.broker, "trimmed")
    [message] = clients.read(server.broker, "trimmed", 1, offset=low)
    assert message.value() == b"%d" % low
    commit(server.broker, "group", "trimmed", int(cycle * 2))
    keep_from = clients.TopicPartition("trimmed", 0, low + 1)
    for future in admin.delete_records([keep_from]).values():
        assert future.result(clients.PATIENCE).low_watermark == low + 1
    if cycle == int(cycle):
        admin.delete_topics([f"victim-{cycle}"])[f"victim-{cycle}"].result(clients.PATIENCE)
    with pytest.raises(KafkaException):
        clients.create(server.broker, "one-too-many")


def test_a_full_journal_on_a_full_disk_starts_again_and_again(small_ext4, tmp_path):
    """Consumers go on until even the journal that there is has no room; then, too, a restart serves
    what is there."""
    with Forebay(small_ext4 / "data", *BUSY, log=tmp_path / "server.log") as server:
        clients.create(server.broker, "probe")
        clients.create(server.broker, "kept")
        clients.produce(server.broker, "kept", [{"value": b"%d" % n} for n in range(100)])
        ballast = fill(small_ext4)
        refused = lambda: produce_code(server.broker, "probe") == STORAGE_ERROR  # noqa: E731
        eventually(refused, within=60, what="producers are refused")
        committed = exhaust(server.broker)
        assert committed > 0, "consumers go on"
        for _ in range(40):
            server.kill()
            # What background work gave back when it failed is taken too.
            fill(small_ext4)
            server.start()
            [message] = clients.read(server.broker, "kept", 1, offset=99)
            assert message.value() == b"99"
        ballast.unlink()
        eventually(lambda: produce_code(server.broker, "probe") == 0, what="it heals")
        commit(server.broker, "group", "kept", committed + 1)
        assert server.stop() == 0
        assert server.damage() == ""


def exhaust(broker):
    """Commits long notes until there is no room for one; answers the last that was."""
    member, last = clients.consumer(broker, "group", **{"socket_timeout_ms": 3000}), 0
    try:
        for offset in range(1, 2000):
            place = clients.TopicPartition("kept", 0, offset, "." * 4000)
            try:
                member.commit(offsets=[place], asynchronous=False)
            except KafkaException:
                return last
            last = offset
        raise AssertionError("there is no end to what fits a full disk")
    finally:
        member.close()
