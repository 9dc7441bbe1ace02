"""A memory limit for a process, by a control group of its own."""

import os
import uuid
from pathlib import Path

import pytest
from eventually import eventually

V1 = Path("/sys/fs/cgroup/memory")
V2 = Path("/sys/fs/cgroup")


class MemoryGroup:
    """`enter` is called in the process that is to be limited, before it becomes what it is to be."""

    def __init__(self, mebibytes):
        self.is_v1 = V1.is_dir()
        parent = V1 if self.is_v1 else V2
        self.folder = parent / f"forebay-test-{uuid.uuid4().hex[:12]}"
        self.folder.mkdir()
        try:
            limit = "memory.limit_in_bytes" if self.is_v1 else "memory.max"
            (self.folder / limit).write_text(str(mebibytes * 1024 * 1024))
            if not self.is_v1:
                (self.folder / "memory.swap.max").write_text("0")
        except OSError:
            self.folder.rmdir()
            raise

    def __enter__(self):
        return self

    def __exit__(self, *_):
        # What was in it may still be on its way out.
        eventually(self.remove, within=20, what=f"{self.folder} can be removed")

    def remove(self):
        try:
            self.folder.rmdir()
            return True
        except OSError:
            return False

    def enter(self):
        (self.folder / "cgroup.procs").write_text(str(os.getpid()))

    def killed(self):
        """How many of its processes the kernel has killed for want of memory."""
        events = "memory.oom_control" if self.is_v1 else "memory.events"
        lines = (self.folder / events).read_text().splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith("oom_kill "))

    def peak_bytes(self):
        peak = "memory.max_usage_in_bytes" if self.is_v1 else "memory.peak"
        return int((self.folder / peak).read_text())


def memory_group(mebibytes):
    """A group with that limit; skips the case where there can be none."""
    if os.geteuid() != 0:
        pytest.skip("needs root for a control group")
    try:
        return MemoryGroup(mebibytes)
    except OSError as error:
        pytest.skip(f"cannot make a memory control group: {error}")
