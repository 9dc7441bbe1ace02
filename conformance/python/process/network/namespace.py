"""A network of our own: a network namespace behind a veth pair.

It has what loopback lacks: packets of an ordinary size, so that the kernel does not take megabytes
for a reader that is slow; and machines that can vanish without a word.
"""

import ctypes
import itertools
import os
import shutil
import socket
import subprocess
import threading

import pytest

from ..forebay import Forebay

CLONE_NEWNET = 0x40000000
numbers = itertools.count()


def ip(*arguments):
    subprocess.run(["ip", *arguments], check=True, capture_output=True, text=True)


class Network:
    """`server` is an address to listen on; clients are on the other side of the wire, at `client`.

    A command behind `inside` runs there.
    """

    def __init__(self):
        # Names of interfaces are short, and tests may run beside each other.
        number = next(numbers)
        self.name = f"fb{os.getpid()}-{number}"
        near, far = f"fbn{os.getpid()}-{number}"[:15], "fbfar"
        subnet = f"10.{200 + number % 50}.{os.getpid() % 250}"
        self.server, self.client = f"{subnet}.1", f"{subnet}.2"
        self.inside = ("ip", "netns", "exec", self.name)
        self.near, self.far = near, far
        try:
            ip("netns", "add", self.name)
            ip("link", "add", near, "type", "veth", "peer", "name", far, "netns", self.name)
            ip("address", "add", f"{self.server}/30", "dev", near)
            ip("link", "set", near, "up")
            ip("-n", self.name, "address", "add", f"{self.client}/30", "dev", far)
            ip("-n", self.name, "link", "set", far, "up")
        except Exception:
            self.close()
            raise

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def connect(self, address):
        """A connection to `address` from the machine that will vanish."""
        connected = []

        def from_there():
            # A namespace is that of a thread, and a socket stays in the one it was made in.
            with open(f"/run/netns/{self.name}") as namespace:
                libc = ctypes.CDLL(None, use_errno=True)
                if libc.setns(namespace.fileno(), CLONE_NEWNET):
                    raise OSError(ctypes.get_errno(), "setns")
            host, port = address.rsplit(":", 1)
            connected.append(socket.create_connection((host, int(port)), timeout=10))

        thread = threading.Thread(target=from_there)
        thread.start()
        thread.join()
        return connected[0]

    def vanish(self):
        """From now on nothing gets through, in either direction, and nobody is told."""
        ip("-n", self.name, "link", "set", self.far, "down")

    def close(self):
        # The other end of the pair goes with the namespace, when its last socket is closed.
        subprocess.run(["ip", "link", "delete", self.near], capture_output=True)
        subprocess.run(["ip", "netns", "delete", self.name], capture_output=True)


@pytest.fixture
def network():
    """Skips the case where there can be none."""
    if os.geteuid() != 0 or not shutil.which("ip"):
        pytest.skip("needs root and iproute2 for a network namespace")
    try:
        network = Network()
    except subprocess.CalledProcessError as error:
        pytest.skip(f"cannot make a network namespace: {error.stderr.strip()}")
    with network:
        yield network


def serving(data, network, *flags):
    """A server that is reached over the network."""
    return Forebay(data, "--allow-anonymous", *flags, kafka=f"{network.server}:0")
