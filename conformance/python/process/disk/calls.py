"""System calls of a running server that fail or wait, by strace.

The server uses few that touch its data (see the trace in test_folder_sync): the shard's thread
writes the journal by `pwrite64` and makes it durable by `fdatasync`; what no sync is waited for is
also written by threads that serve connections. Its background jobs, each a thread of its own, use
`write`, `fsync`, `rename`. strace counts calls by thread, so `when=1` of a job's call fails in every
job from then on, until the injection ends.
"""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from eventually import eventually

SHARD = "forebay-shard"


def need_strace():
    if not shutil.which("strace"):
        pytest.skip("DISK-FAULT TESTS ARE LEFT OUT: strace is not installed")
    if os.geteuid() != 0:
        pytest.skip("DISK-FAULT TESTS ARE LEFT OUT: attaching to a running process needs root")


def shard_thread(server):
    """The id of the thread that owns the data."""
    for task in Path(f"/proc/{server.process.pid}/task").iterdir():
        try:
            if (task / "comm").read_text().strip() == SHARD:
                return int(task.name)
        except (FileNotFoundError, ProcessLookupError):
            pass  # A thread of a pool that ended meanwhile.
    raise AssertionError("the server has no shard thread")


class Injection:
    """`with Injection(server, "fdatasync:error=EIO:when=3"):` until the end of the block, or of the
    server. Of the shard's thread alone, or of `every_thread`, which background jobs that begin
    meanwhile are among; `paths` leaves all other files alone."""

    def __init__(self, server, what, every_thread=False, paths=()):
        self.server, self.what, self.every_thread = server, what, every_thread
        self.paths = [argument for path in paths for argument in ("-P", str(path))]
        self.log = server.log.with_suffix(".calls")
        self.process = None

    def __enter__(self):
        thread = shard_thread(self.server)
        # Beside the thread that is named -f follows all others of its process.
        follow = ["-f"] if self.every_thread else []
        command = ["strace", "-qq", "-y", *follow, *self.paths, "-o", str(self.log)]
        command += ["-e", f"trace={self.what.split(':')[0]}", "-e", f"inject={self.what}"]
        self.process = subprocess.Popen([*command, "-p", str(thread)], stderr=subprocess.DEVNULL)
        status = Path(f"/proc/{self.server.process.pid}/task/{thread}/status")

        def attached():
            try:
                return f"TracerPid:\t{self.process.pid}\n" in status.read_text()
            except (FileNotFoundError, ProcessLookupError):
                # The server has ended already: no such file, or ESRCH where it was open by then.
                return True

        eventually(attached, every=0.001, what="strace is attached")
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait(30)

    def calls(self):
        """How many calls were seen."""
        return len(self.log.read_text(errors="replace").splitlines())

    def injected(self):
        """The calls that failed."""
        lines = self.log.read_text(errors="replace").splitlines()
        return [line for line in lines if "INJECTED" in line]


class FailingStart:
    """Has the n-th call of a kind fail that a starting server makes on its data; `command` is what
    to start it by. Each thread counts for itself."""

    def __init__(self, log, what, n, data):
        self.log = Path(log)
        names = [data, *data.rglob("*"), *names_of_a_first_start(data)]
        paths = [argument for name in dict.fromkeys(names) for argument in ("-P", str(name))]
        # -D: what is started is the server itself, and strace its grandchild.
        self.command = ["strace", "-D", "-f", "-q", "-y", *paths, "-o", str(log)]
        self.command += ["-e", f"trace={what.split(':')[0]}", "-e", f"inject={what}:when={n}"]

    def injected(self, server):
        """Whether it failed at all; the server has ended."""
        return "INJECTED" in whole_trace(self.log, server)

    def seen(self):
        return self.log.read_text(errors="replace") if self.log.exists() else ""


def whole_trace(log, server):
    """What strace wrote about a server that has ended."""
    end = re.compile(rf"^{server.process.pid} +\+\+\+ ", re.MULTILINE)

    def whole():
        text = log.read_text(errors="replace") if log.exists() else ""
        return end.search(text) and text

    return eventually(whole, every=0.005, what="the end of the trace")


def names_of_a_first_start(data):
    """What a start makes that is not there yet."""
    yield from (data / name for name in ("LOCK", "FORMAT", "FORMAT.unfinished"))
    yield from (data / folder for folder in ("journal", "segments", "snapshots"))
    for number in range(1, 12):
        for extension in ("journal", "unfinished"):
            yield data / f"journal/{number:020}.{extension}"
