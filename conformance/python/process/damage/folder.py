"""A data folder with everything in it that a data folder can have, and what clients read from it."""

import random
import shutil
import time
from dataclasses import dataclass
from pathlib import Path

import wire
from eventually import eventually
from librdkafka import clients

from ..forebay import Forebay
from .layout import APPEND, EVENT, Folder
from .reader import Contents, producer_id, read_everything, record_count

# The smallest there are, so that a few megabytes fill several of them.
FILES = ("--journal-file-size", "1MiB", "--disk-reserve", "64MiB")
# What is judged must not change meanwhile.
AT_REST = (*FILES, "--compaction-check-interval", "1d", "--retention-check-interval", "1d")
GROUPS = ("billing", "audit")
CODECS = ("none", "gzip", "snappy", "lz4", "zstd")


@dataclass
class Reference:
    """A folder at rest, and all that clients read from it."""

    path: Path
    contents: Contents
    # What to send again: topic, partition, batch.
    resend: tuple

    def layout(self):
        return Folder(self.path)


def read(broker, reference=None):
    resend = reference.resend if reference else None
    expected = reference.contents if reference else None
    return read_everything(broker, GROUPS, resend, expected)


def build(path):
    """Builds the folder at `path`; it was left by kill -9, with nothing that is not durable."""
    data = Path(path)
    with Forebay(data, *FILES, "--compaction-check-interval", "100ms") as server:
        make_topics(server.broker)
        fill(server.broker, rounds=16)
        commit(server.broker, "billing", [("plain", 0, 7, "a note"), ("compacted", 0, 40, "")])
        eventually(lambda: is_tidied(server, data), within=60, what="sorted and compacted")
        assert server.stop() == 0
    with Forebay(data, *AT_REST) as server:
        commit(server.broker, "billing", [("plain", 1, 9, "later")])
        while not has_unsorted_end(Folder(data)):
            fill(server.broker, rounds=1)
        commit(server.broker, "audit", [("plain", 0, 3, "")])
        clients.create(server.broker, "late", partitions=2, retention_ms=86_400_000)
        clients.produce(server.broker, "late", records("late", 0, 20, partitions=2))
        wait_for_mark(data)
        server.kill()
    reference = take_reference(data)
    layout = reference.layout()
    assert_complete(layout)
    assert not layout.unsure() or not any(entry.records for entry in layout.unsure())
    return reference


def build_young(path):
    """As `build`, of a broker that was killed before its first snapshot: one file has it all."""
    data = Path(path)
    with Forebay(data, *AT_REST) as server:
        clients.create(server.broker, "plain", partitions=2)
        clients.produce(server.broker, "plain", records("young", 0, 60, partitions=2))
        commit(server.broker, "billing", [("plain", 1, 9, "young")])
        wait_for_mark(data)
        server.kill()
    reference = take_reference(data)
    layout = reference.layout()
    assert len(layout.journals) == 1 and not layout.snapshots and not layout.segments
    return reference


def build_with_unsure_end(path):
    """As `build_young`, killed so soon after an acknowledgement that nothing on the disk says that
    it was durable."""
    data = Path(path)

    def killed_in_time():
        shutil.rmtree(data, ignore_errors=True)
        with Forebay(data, *AT_REST) as server:
            clients.create(server.broker, "plain", partitions=2)
            clients.produce(server.broker, "plain", records("young", 0, 60, partitions=2))
            payload = wire.record(0, b"the last before the end")
            with wire.Connection(server.broker) as connection:
                body = wire.produce("plain", wire.batch(payload, 1), partition=1)
                assert wire.produce_error(connection.call(wire.PRODUCE, 7, body))[0] == 0
                server.kill()
        return [entry for entry in Folder(data).unsure() if entry.batches()]

    eventually(killed_in_time, what="an end that no later entry vouches for")
    return take_reference(data)


def build_twins(path):
    """Two segments of one log that are laid out alike: only what is in them tells them apart."""
    data = Path(path)

    def segments():
        return [segment.stat().st_size for segment in data.glob("segments/*.segment")]

    with Forebay(data, *AT_REST) as server:
        clients.create(server.broker, "twins")
        for n in range(45):
            # Eleven fill a file, each alone in its batch; two full files are sorted.
            clients.produce(server.broker, "twins", records("twin", 1000 + n, 1, size=90_000))
            eventually(lambda n=n: len(segments()) >= n // 22, what="a sort")
        assert len(set(segments())) < len(segments()), segments()
        eventually(lambda: list(data.glob("snapshots/*.snapshot")), what="a snapshot")
        assert server.stop() == 0
    return take_reference(data)


def build_two_files(path):
    """As `build_young`, with a full file before the one that is written to."""
    data = Path(path)
    with Forebay(data, *AT_REST) as server:
        clients.create(server.broker, "plain", partitions=2)
        while len(Folder(data).journals) < 2:
            clients.produce(server.broker, "plain", records("full", 0, 40, 2, size=4000))
        clients.produce(server.broker, "plain", records("next", 0, 10, partitions=2))
        wait_for_mark(data)
        server.kill()
    reference = take_reference(data)
    assert not reference.layout().snapshots
    return reference


def make_topics(broker):
    clients.create(broker, "plain", partitions=2)
    clients.create(broker, "codecs", partitions=len(CODECS))
    clients.create(broker, "idempotent")
    clients.create(broker, "small", partitions=6)
    clients.create(broker, "os", **{"forebay_durability": "os"})
    clients.create(broker, "memory", **{"forebay_durability": "memory"})
    clients.create(broker, "trimmed")
    clients.create(broker, "deleted")
    clients.create(
        broker,
        "compacted",
        cleanup_policy="compact",
        segment_bytes=16384,
        min_cleanable_dirty_ratio=0.01,
    )


def records(kind, start, count, partitions=1, size=100, keys=None):
    """Each value is its own, so that no batch can be taken for another."""
    return [
        {
            "value": f"{kind} {n} {random.randbytes(size // 2).hex()}".encode(),
            "key": f"key {n % keys if keys else n}".encode(),
            "headers": [("n", str(n).encode())],
            "partition": n % partitions,
        }
        for n in range(start, start + count)
    ]


def fill(broker, rounds):
    """Produces to everything in turn, so that the journal interleaves it."""
    since = int(time.monotonic() * 1000)
    for n in range(rounds):
        kind = f"{since} {n}"
        clients.produce(broker, "plain", records(kind, 0, 100, partitions=2, size=700))
        for partition, codec in enumerate(CODECS):
            batch = [{**r, "partition": partition} for r in records(kind, 0, 80, size=200)]
            clients.produce(broker, "codecs", batch, compression_type=codec)
        clients.produce(
            broker, "idempotent", records(kind, 0, 20), enable_idempotence=True, linger_ms=50
        )
        clients.produce(broker, "small", records(kind, 0, 12, partitions=6))
        clients.produce(broker, "os", records(kind, 0, 5))
        clients.produce(broker, "memory", records(kind, 0, 5))
        clients.produce(broker, "compacted", records(kind, 0, 100, keys=10))
        if n == rounds // 2:
            trim_and_delete(broker, kind)


def trim_and_delete(broker, kind):
    admin = clients.admin(broker)
    clients.produce(broker, "trimmed", records(kind, 0, 50))
    start = clients.TopicPartition("trimmed", 0, clients.watermarks(broker, "trimmed")[1] - 20)
    for future in admin.delete_records([start]).values():
        future.result(clients.PATIENCE)
    if "deleted" in admin.list_topics(timeout=clients.PATIENCE).topics:
        clients.produce(broker, "deleted", records(kind, 0, 50))
        admin.delete_topics(["deleted"])["deleted"].result(clients.PATIENCE)


def commit(broker, group, offsets):
    member = clients.consumer(broker, group)
    offsets = [clients.TopicPartition(t, p, offset, note) for t, p, offset, note in offsets]
    member.commit(offsets=offsets, asynchronous=False)
    member.close()


def is_tidied(server, data):
    """Segments and a snapshot are there, and compaction has removed records."""
    if not list(data.glob("segments/*.segment")) or not list(data.glob("snapshots/*.snapshot")):
        return False
    log = read(server.broker).logs["compacted", 0]
    return sum(record_count(batch) for batch in log.batches()) < log.end - log.start


def has_unsorted_end(layout):
    """What a start replays spans two files, of which one is full."""
    beyond = layout.journals[-1].number > layout.snapshots[-1].number
    return beyond and len(layout.after_snapshot()) > 60


def wait_for_mark(data):
    """Until the journal ends in an entry that says that all before it is durable."""

    def marked():
        entries = Folder(data).entries()
        return entries and not entries[-1].records and entries[-1].synced == entries[-1].lsn - 1

    eventually(marked, what="a mark at the end of the journal")


def take_reference(data):
    """Reads everything from a copy: reading needs a start, and a start writes."""
    copy = data.with_name(data.name + "-read")
    shutil.copytree(data, copy)
    with Forebay(copy, *AT_REST) as server:
        contents = read(server.broker)
        assert not any(log.errors for log in contents.logs.values())
        resend = last_idempotent_batch(contents)
        reference = Reference(data, contents, resend)
        contents.resent = read(server.broker, reference).resent
    shutil.rmtree(copy)
    return reference


def last_idempotent_batch(contents):
    for (topic, partition), log in contents.logs.items():
        batches = log.batches()
        if batches and producer_id(batches[-1]) >= 0:
            return topic, partition, batches[-1]
    return None


def assert_complete(layout):
    """The folder has what it is meant to have, or flipping its bits would prove little."""
    assert has_unsorted_end(layout)
    replayed = layout.after_snapshot()
    kinds = {record.kind for entry in replayed for record in entry.records}
    assert layout.segments and layout.snapshots and {APPEND, EVENT} <= kinds, kinds
    purposes = {region.purpose for region in layout.regions()}
    missing = {
        "file head", "entry head", "record head", "batch head", "batch records", "event", "trailer",
        "change of a log", "section batches", "section index", "section foot", "snapshot",
    } - purposes  # fmt: skip
    assert not missing, missing
