"""A full disk: producers get an error they retry, consumers go on, it heals."""

import os
import subprocess

import pytest
from confluent_kafka import KafkaError
from eventually import eventually
from librdkafka import clients

from .forebay import Forebay

SIZE_MIB = 256


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
    """A file that leaves no byte."""
    ballast = disk / "ballast"
    with open(ballast, "wb", buffering=0) as file:
        try:
            while file.write(bytes(1024 * 1024)):
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
