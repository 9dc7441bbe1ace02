"""Calls that fail while the server starts: it says so in one line or starts all the same, and changes
nothing that the next start would miss."""

import shutil

import pytest

from ..damage import folder
from ..damage.judge import difference, same
from ..forebay import Forebay, Refused
from .calls import FailingStart, need_strace

# Each with how often a start on a complete folder has to meet it, or the case proves nothing.
CALLS = {
    "openat:error=EIO": 15,
    "openat:error=EACCES": 15,
    "openat:error=ENOSPC": 15,
    "fsync:error=EIO": 3,
    "fdatasync:error=EIO": 2,
    "pwrite64:error=EIO": 2,
    "pwrite64:error=ENOSPC": 2,
    "pread64:error=EIO": 8,
    "read:error=EIO": 1,
    "getdents64:error=EIO": 8,
    "rename:error=EIO": 0,
    "unlink:error=EIO": 0,
    "flock:error=EIO": 1,
    "mkdir:error=EIO": 0,
    "statx:error=EIO": 10,
    "fstatfs:error=EIO": 1,
    "write:error=EIO": 0,
}


@pytest.fixture(scope="module")
def reference(in_memory):
    need_strace()
    return folder.build(in_memory / "start")


def start_with(server, failing):
    """Answers the log of a start under which a call fails: whether or not it went well."""
    server.log.unlink(missing_ok=True)
    server.under = failing.command
    try:
        server.start()
    except Refused as refused:
        errors = [line for line in refused.log.splitlines() if line.startswith("error: ")]
        assert refused.code == 1, f"exit code {refused.code}: {refused.log}"
        assert len(errors) == 1, refused.log
    else:
        server.kill()
    finally:
        server.under = []
    log = server.log.read_text(errors="replace")
    assert "panicked" not in log, log
    return log


@pytest.mark.parametrize("call", CALLS)
def test_a_failed_call_at_start_changes_nothing(reference, in_memory, call):
    copy = in_memory / "starting"
    failed = 0
    for n in range(1, 200):
        shutil.rmtree(copy, ignore_errors=True)
        shutil.copytree(reference.path, copy)
        server = Forebay(copy, *folder.AT_REST, log=in_memory / "starting.log")
        failing = FailingStart(in_memory / "starting.calls", call, n, copy)
        log = start_with(server, failing)
        if not failing.injected(server):
            break
        failed += 1
        with server:
            found = folder.read(server.broker, reference)
            assert same(found, reference.contents), (
                f"{call}, {n}: {difference(found, reference.contents)}\n{failing.seen()}\n{log}"
            )
    assert failed >= CALLS[call], f"only {failed} calls were met"


@pytest.mark.parametrize("call", CALLS)
def test_a_failed_call_at_the_first_start_leaves_a_folder_that_starts(in_memory, call):
    """There is nothing to lose yet, but a half-made folder must not be in the way."""
    need_strace()
    data = in_memory / "first"
    for n in range(1, 200):
        shutil.rmtree(data, ignore_errors=True)
        server = Forebay(data, *folder.AT_REST, log=in_memory / "first.log")
        failing = FailingStart(in_memory / "first.calls", call, n, data)
        start_with(server, failing)
        if not failing.injected(server):
            break
        with server:
            assert folder.read(server.broker).topics == {}
        assert server.damage() == "", f"{call}, {n}: {failing.seen()}"
