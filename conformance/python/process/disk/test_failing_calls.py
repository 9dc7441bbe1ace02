"""Writes, syncs and renames that fail: nothing is acknowledged that is not on the disk, and a
restart has all that was.

A failed write or sync of the journal ends the server. What it left in the page cache would hide an
acknowledgement that came too early, so the power goes afterwards more often than not: see
`cuttable_disk.py`. Background work that fails is named, tried again, and in nobody's way.

`CRASH_CYCLES=1000` is the full run.
"""

import time
from collections import Counter

import pytest
from eventually import eventually

from ..forebay import BUSY, Forebay
from ..workload import Follower
from .calls import Injection, need_strace
from .load import PARTITIONS, Load, ended_with_one_clear_line

# Of the journal: the n-th from now fails.
JOURNAL_CALLS = (
    "fdatasync:error=EIO:when={n}",
    "fdatasync:error=ENOSPC:when={n}",
    "pwrite64:error=EIO:when={n}",
    "pwrite64:error=ENOSPC:when={n}",
    "pwrite64:retval=0:when={n}",
)
# Of files that background jobs make, and of the names of files.
JOB_CALLS = (
    "fsync:error=EIO:when=1",
    "fsync:error=EIO:when=2",
    "fsync:error=EIO:when=1+2",
    "rename:error=EIO:when=1",
    "rename:error=ENOSPC:when=1",
    "openat:error=EIO:when=1",
    "openat:error=EMFILE:when=1",
    "unlink:error=EIO:when=1+",
)
# Of data that background jobs write; only there, as sockets and logs are written by the same call.
JOB_WRITES = (
    "write:error=EIO:when=1",
    "write:error=EIO:when=2",
    "write:error=ENOSPC:when=1",
    "write:retval=0:when=1",
)
# Of the calls that are interrupted now and then, the last.
INTERRUPTED = 40


@pytest.fixture
def server(disk, tmp_path):
    need_strace()
    with Forebay(disk.path / "data", *BUSY, log=tmp_path / "server.log") as server:
        yield server


@pytest.mark.cycles(quick=10, ci=60, full=150)
def test_a_failed_write_or_sync_of_the_journal_is_the_end(
    disk, server, history, cycles, dice, report
):
    load, injections, times = Load(history, server), Counter(), []
    for cycle in range(cycles):
        began = time.monotonic()
        load.wait_for_progress()
        follower = Follower(history, server.broker, "kept", PARTITIONS) if cycle % 5 == 0 else None
        seen = server.log.stat().st_size
        kind = dice.choice(JOURNAL_CALLS)
        # The larger ones meet the change to the next file.
        n = dice.choice([dice.randint(1, 8), dice.randint(1, 150)])
        with Injection(server, kind.format(n=n)):
            server.process.wait(60)
        log = server.log.read_bytes()[seen:].decode(errors="replace")
        ended_with_one_clear_line(server, log)
        injections[kind.split(":when")[0]] += 1
        if dice.random() < 0.7:
            disk.cut()
            disk.restore()
        history.fault(kind.format(n=n), ends_life=True)
        if follower:
            follower.stop()
        server.start()
        times.append(time.monotonic() - began)
    counts = load.finish()
    kinds = ", ".join(f"{count} {kind}" for kind, count in sorted(injections.items()))
    report(
        f"{cycles} failed journal calls ({kinds}), {disk.cuts} of them with a power cut,"
        f" {sum(times) / cycles:.2f} s each: {counts['acknowledged']:,} records acknowledged,"
        " none lost, doubled or out of order"
    )


@pytest.mark.cycles(quick=3, ci=12, full=60)
def test_background_work_that_fails_loses_nothing_and_is_done_later(
    disk, server, history, cycles, dice, report
):
    load, failed = Load(history, server), Counter()
    for _ in range(cycles):
        load.wait_for_progress()
        kind = dice.choice(JOB_CALLS + JOB_WRITES)
        seen = server.log.stat().st_size
        paths = names_to_come(server.data) if kind in JOB_WRITES else ()
        with Injection(server, kind, every_thread=True, paths=paths) as injection:
            # The journal may come to a halt for want of a file: that is waited out, never died of.
            wanted = dice.randint(1, 3)
            eventually(lambda i=injection, w=wanted: len(i.injected()) >= w, what=f"{kind} fails")
            failed[kind.split(":when")[0]] += len(injection.injected())
        assert server.process.poll() is None, "background work that fails is no reason to die"

        def said(server=server, seen=seen):
            return server.log.read_bytes()[seen:].decode(errors="replace")

        # The call fails before whoever made it has heard of that.
        words = ("os error", "failed to write", "write whole")
        eventually(lambda: any(word in said() for word in words), what=f"{kind} is told of")
        assert "panicked" not in said(), said()
        load.wait_for_progress(100)
        if dice.random() < 0.5:
            disk.cut()
            server.kill()
            disk.restore()
        else:
            server.kill()
        history.fault(kind, ends_life=True)
        server.start()
    counts = load.finish()
    left = len(list(server.data.glob("journal/*.journal")))
    assert left <= 12, f"{left} journal files: what was not finished was left behind"
    kinds = ", ".join(f"{count} {kind}" for kind, count in sorted(failed.items()))
    report(
        f"{sum(failed.values())} failed calls of background work ({kinds}):"
        f" {counts['acknowledged']:,} records acknowledged, none lost, doubled or out of order"
    )


def names_to_come(data):
    """Names of files that the server may make next; a snapshot's number is any commit's."""
    for folder, extension, ahead in (("journal", "journal", 40), ("segments", "segment", 400)):
        numbers = [int(path.stem) for path in data.glob(f"{folder}/*.{extension}")]
        newest = max(numbers, default=0)
        for number in range(newest + 1, newest + ahead):
            yield data / folder / f"{number:020}.unfinished"


def test_an_interrupted_call_is_made_again(server, history):
    load = Load(history, server)
    for call in ("pwrite64", "fdatasync"):
        # Over before strace lets go: of a call that it has in hand then, the kernel makes ENOSYS.
        with Injection(server, f"{call}:error=EINTR:when=3..{INTERRUPTED}+5") as injection:
            load.wait_for_progress()
            eventually(lambda: injection.calls() > INTERRUPTED + 1, what="calls after those")
            assert injection.injected()
    load.finish()
