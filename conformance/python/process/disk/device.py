"""A block device that fails or waits when it is told to, below the file system.

An image behind nbdkit with its `error` and `delay` filters, as a file by nbdfuse, as a loop device
without a cache of its own, with ext4 on it. Other than calls that are made to fail, errors here come
the way they come from a disk: a failed write-back is reported by one fsync and then forgotten, the
page that was not written counts as clean, and a read fails only when it is not in memory.
"""

import os
import shutil
import signal
import subprocess

import pytest
from eventually import eventually

from ..cuttable_disk import CuttableDisk, run
from ..forebay import die_with_parent

PROGRAMS = ("nbdkit", "nbdfuse", "fusermount3", "losetup", "mkfs.ext4", "e2fsck")


class FaultyDisk(CuttableDisk):
    """`with FaultyDisk(folder) as disk:` has a file system at `disk.path` until the end."""

    def __init__(self, folder, mebibytes=1024, write_delay_ms=0):
        super().__init__(folder, mebibytes)
        self.folder, self.write_delay_ms = folder, write_delay_ms
        self.backing = folder / "disk.img"
        # What the loop device stands on, and mkfs writes to.
        self.image = folder / "nbd"
        self.processes = []

    def __enter__(self):
        missing = [program for program in PROGRAMS if not shutil.which(program)]
        if missing:
            pytest.skip(f"BAD-DISK TESTS ARE LEFT OUT: {', '.join(missing)} not installed")
        return super().__enter__()

    def __exit__(self, *others):
        self.heal()
        super().__exit__(*others)
        run("fusermount3", "-u", str(self.image))
        for process in reversed(self.processes):
            process.send_signal(signal.SIGTERM)
            process.wait(30)

    def make_image(self):
        with open(self.backing, "wb") as backing:
            backing.truncate(self.mebibytes << 20)
        socket = self.folder / "nbd.sock"
        self.start(
            "nbdkit", "-f", "-U", str(socket), "--filter=error", "--filter=delay",
            "file", str(self.backing), "error=EIO", f"wdelay={self.write_delay_ms}ms",
            "error-pread-rate=100%", f"error-pread-file={self.trigger('reads')}",
            "error-pwrite-rate=100%", f"error-pwrite-file={self.trigger('writes')}",
        )  # fmt: skip
        eventually(socket.exists, what="nbdkit listens")
        self.image.touch()
        self.start("nbdfuse", str(self.image), "--unix", str(socket))
        size = self.mebibytes << 20
        eventually(lambda: self.image.stat().st_size == size, what="nbdfuse serves the image")

    def start(self, *command):
        log = open(self.folder / f"{command[0]}.log", "wb")
        process = subprocess.Popen(command, stdout=log, stderr=log, preexec_fn=die_with_parent)
        self.processes.append(process)

    def mount(self):
        """Without a cache between the file system and the faults."""
        run("e2fsck", "-fy", str(self.image))
        command = ["losetup", "--find", "--show", "--direct-io=on", str(self.image)]
        looped = subprocess.run(command, capture_output=True, text=True)
        if looped.returncode != 0:
            return False, looped.stderr.strip()
        device = looped.stdout.strip()
        mounted = run("mount", "-t", "ext4", device, str(self.path))
        # It goes with the last user of the mount.
        run("losetup", "--detach", device)
        return mounted

    def trigger(self, what):
        return self.folder / f"bad-{what}"

    def fail(self, what):
        """From here on "reads" or "writes" of the device fail."""
        self.trigger(what).touch()

    def heal(self):
        for what in ("reads", "writes"):
            self.trigger(what).unlink(missing_ok=True)

    def is_writable(self):
        """Not after an error in ext4's own journal."""
        return not os.statvfs(self.path).f_flag & os.ST_RDONLY


def forget(path, start=0, length=0):
    """Takes what a file holds out of memory, so that the next read is one of the device."""
    file = os.open(path, os.O_RDONLY)
    try:
        os.fsync(file)
        os.posix_fadvise(file, start, length, os.POSIX_FADV_DONTNEED)
    finally:
        os.close(file)

