"""A file system that loses power: an ext4 image on a loop device, and ext4's shutdown ioctl.

After the ioctl nothing more reaches the image, neither data that was not synced nor the journal of
the file system; every write and sync fails. Unmounted and mounted again, it is what a disk holds
after a power cut: ext4 replays its journal, and what nobody had synced is gone, save what the
kernel had already written back.

What this cannot show: ext4 makes a new file's name durable with the file's own fsync, so a
forgotten fsync of a folder goes unnoticed; and unsynced writes are lost as a whole, never torn or
in another order. The simulated disk of the storage crate does both.
"""

import ctypes
import fcntl
import os
import struct
import subprocess

import pytest
from eventually import eventually

EXT4_IOC_SHUTDOWN = 0x8004587D  # _IOR('X', 125, __u32)
EXT4_GOING_FLAGS_NOLOGFLUSH = 2
CLONE_NEWNS = 0x20000


def run(*command):
    done = subprocess.run(command, capture_output=True, text=True)
    return done.returncode == 0, done.stderr.strip()


class CuttableDisk:
    """`with CuttableDisk(folder) as disk:` has a file system at `disk.path` until the end."""

    def __init__(self, folder, mebibytes=1024):
        self.image = folder / "disk.img"
        self.path = folder / "disk"
        self.mebibytes = mebibytes
        self.cuts = 0

    def __enter__(self):
        if os.geteuid() != 0:
            pytest.skip("POWER-CUT TESTS ARE LEFT OUT: mounting a disk image needs root")
        own_mounts()
        self.path.mkdir()
        self.make_image()
        # No time for what speeds up a large disk only; all of it is done by mkfs.
        made, why = run("mkfs.ext4", "-q", "-F", "-E", "lazy_itable_init=0", str(self.image))
        mounted, why = self.mount() if made else (made, why)
        if not mounted:
            pytest.skip(f"POWER-CUT TESTS ARE LEFT OUT: no ext4 image on a loop device: {why}")
        return self

    def __exit__(self, *_):
        run("umount", "--lazy", str(self.path))
        # Devices of `mount -o loop` go by themselves with the last user of the mount.
        for device in self.loop_devices():
            run("losetup", "--detach", device)

    def make_image(self):
        with open(self.image, "wb") as image:
            image.truncate(self.mebibytes << 20)

    def mount(self):
        return run("mount", "-t", "ext4", "-o", "loop", str(self.image), str(self.path))

    def loop_devices(self):
        command = ["losetup", "--noheadings", "--output", "NAME", "--associated", str(self.image)]
        return subprocess.run(command, capture_output=True, text=True).stdout.split()

    def cut(self):
        """The power goes: from here on nothing reaches the disk."""
        folder = os.open(self.path, os.O_RDONLY)
        try:
            flags = struct.pack("I", EXT4_GOING_FLAGS_NOLOGFLUSH)
            fcntl.ioctl(folder, EXT4_IOC_SHUTDOWN, flags)
        finally:
            os.close(folder)
        self.cuts += 1

    def restore(self):
        """The power is back. Whoever had files open must have ended."""
        # What ended a moment ago may still be on its way out.
        eventually(lambda: run("umount", str(self.path))[0], what=f"umount {self.path}")
        mounted, why = self.mount()
        assert mounted, why


def own_mounts():
    """Mounts from here on are this process's own: they go with it, also if it is killed."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(CLONE_NEWNS) != 0:
        reason = os.strerror(ctypes.get_errno())
        pytest.skip(f"POWER-CUT TESTS ARE LEFT OUT: no mount namespace: {reason}")
    made, why = run("mount", "--make-rprivate", "/")
    assert made, why
