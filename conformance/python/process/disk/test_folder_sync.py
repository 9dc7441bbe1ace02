"""Names are made durable before anything relies on them, as the system calls of a server show."""

import subprocess

import pytest
from eventually import eventually
from librdkafka import clients

from ..forebay import BUSY, Forebay
from .calls import need_strace
from .trace import CALLS, faults, read_trace


class Traced(Forebay):
    """A server all of whose calls on files are in `trace`."""

    def __init__(self, data, *flags, **others):
        super().__init__(data, *flags, **others)
        self.trace = self.log.with_suffix(".trace")

    def launch(self):
        self.under = ["strace", "-D", "-f", "-y", "-o", str(self.trace), "-e", f"trace={CALLS}"]
        super().launch()

    def lines(self):
        """What was traced, of a server that has ended."""
        end = f"{self.process.pid} +++ "

        def complete():
            lines = self.trace.read_text(errors="replace").splitlines()
            return any(line.startswith(end) for line in lines) and lines

        return eventually(complete, what="the end of the trace")


def work(server):
    """What makes the server create, rename, recycle and remove files of every kind."""
    settings = {"segment_ms": 100, "min_cleanable_dirty_ratio": "0.01"}
    clients.create(server.broker, "plain")
    clients.create(server.broker, "short", retention_bytes=1 << 18)
    clients.create(server.broker, "compacted", cleanup_policy="compact", **settings)
    wanted = [
        f'unlink("{server.data}/segments',
        f'unlink("{server.data}/snapshots',
        # A journal file that takes another's place.
        '.journal", "',
    ]

    def until_seen():
        for topic, size in (("plain", 2000), ("short", 2000), ("compacted", 200)):
            records = [{"value": bytes(size), "key": b"%d" % (n % 9)} for n in range(100)]
            clients.produce(server.broker, topic, records)
        text = server.trace.read_text(errors="replace")
        return all(call in text for call in wanted)

    eventually(until_seen, within=120, every=0, what="segments, snapshots and journals come and go")


@pytest.fixture(scope="module")
def traced(tmp_path_factory):
    """The lines of a first start with work, and of a second start."""
    need_strace()
    folder = tmp_path_factory.mktemp("traced")
    with Traced(folder / "data", *BUSY, log=folder / "first.log") as server:
        work(server)
        assert server.stop() == 0
    first = server.lines()
    with Traced(folder / "data", *BUSY, log=folder / "second.log") as server:
        clients.produce(server.broker, "plain", [{"value": b"v"}])
        assert server.stop() == 0
    return folder / "data", first, server.lines()


def test_every_name_is_durable_before_it_is_relied_on(traced, report):
    data, first, second = traced
    calls = read_trace(first, data)
    renames = [call for call in calls if call.name.startswith("rename")]
    for kind in ("journal/", "segments/", "snapshots/", "FORMAT"):
        assert any(call.to.startswith(kind) for call in renames), f"nothing named in {kind}"
    assert any(call.path.endswith(".journal") for call in renames), "no journal file was recycled"
    removed = [call.path for call in calls if call.name == "unlink"]
    for kind in ("segments/", "snapshots/"):
        assert any(path.startswith(kind) for path in removed), f"nothing removed in {kind}"
    assert faults(calls, is_first_start=True) == []
    assert faults(read_trace(second, data), is_first_start=False) == []
    syncs = sum(1 for call in calls if call.name == "fsync")
    report(f"{len(calls)} traced calls, {len(renames)} renames, {syncs} fsyncs: all in order")


def test_each_sync_is_needed(traced):
    """The rules bite: without any one fsync in the trace they find a fault. Only those before the
    first name is given cover for each other: the folders are made one by one."""
    data, first, _ = traced
    calls = read_trace(first, data)
    begins = next(index for index, call in enumerate(calls) if call.name.startswith("rename"))
    assert faults([c for c in calls[:begins] if c.name != "fsync"], is_first_start=True)
    for index, call in enumerate(calls):
        if call.name == "fsync" and index > begins:
            without = calls[:index] + calls[index + 1 :]
            assert faults(without, is_first_start=True), f"not missed: {call}"
