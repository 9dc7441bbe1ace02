"""Thousands of raw connections at once.

A process may open only so many files, and a source address has only so many ports: the connections
are held by child processes, each with source addresses of its own.
"""

import json
import resource
import selectors
import socket
import struct
import subprocess
import sys
import time

CONNECTIONS_PER_PROCESS = 5_000
# Connections that are on their way at one time: about what a listener's backlog takes.
CONNECTING_MAX = 500
# With this, close() is a reset.
RESET = struct.pack("ii", 1, 0)


class Crowd:
    """`with Crowd(broker) as crowd: crowd.open(20_000)`; at the end of the block all are closed."""

    def __init__(self, broker, receive_buffer=0, inside=(), source=None):
        """`inside` is a command that the processes run behind, such as one that enters a network
        namespace; `source` is the address that they have there."""
        self.broker, self.receive_buffer = broker, receive_buffer
        self.inside, self.source = inside, source
        self.processes = []

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def open(self, count):
        """Opens `count` more, without waiting for what becomes of them."""
        sizes = [CONNECTIONS_PER_PROCESS] * (count // CONNECTIONS_PER_PROCESS)
        sizes += [count % CONNECTIONS_PER_PROCESS] if count % CONNECTIONS_PER_PROCESS else []
        for size in sizes:
            source = self.source or f"127.0.1.{2 + len(self.processes)}"
            command = [sys.executable, __file__, self.broker, source, str(self.receive_buffer)]
            process = subprocess.Popen(
                [*self.inside, *command], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
            )
            self.processes.append(process)
            self._ask(process, "open", size)
        return self

    def send(self, data):
        """Sends the same bytes on each connection that is still there."""
        self._ask_all("send", data.hex())

    def take(self, count):
        """Reads at most so many bytes on each connection."""
        self._ask_all("take", count)

    def closed_by_broker(self):
        """How many of them the broker has closed or reset so far. What it sent is thrown away."""
        return sum(self._ask_all("closed"))

    def received(self):
        """How many bytes they have been sent, as far as `closed_by_broker` has looked."""
        return sum(self._ask_all("received"))

    def reset(self):
        """Ends all of them by a reset instead of an orderly close."""
        self._ask_all("reset")

    def close(self):
        for process in self.processes:
            process.stdin.close()
        for process in self.processes:
            process.wait()
            process.stdout.close()
        self.processes = []

    def _ask_all(self, what, argument=None):
        for process in self.processes:
            print(json.dumps([what, argument]), file=process.stdin, flush=True)
        return [self._answer(process) for process in self.processes]

    def _ask(self, process, what, argument):
        print(json.dumps([what, argument]), file=process.stdin, flush=True)
        return self._answer(process)

    @staticmethod
    def _answer(process):
        line = process.stdout.readline()
        assert line, "a process of the crowd has ended"
        return json.loads(line)


class Part:
    """The connections of one process."""

    def __init__(self, broker, source, receive_buffer):
        host, port = broker.rsplit(":", 1)
        self.address, self.source = (host, int(port)), source
        self.receive_buffer = receive_buffer
        self.sockets, self.bytes = [], 0

    def open(self, count):
        selector, connecting = selectors.DefaultSelector(), 0
        deadline = time.monotonic() + 120
        while len(self.sockets) < count or connecting:
            while len(self.sockets) < count and connecting < CONNECTING_MAX:
                selector.register(self.connect(), selectors.EVENT_WRITE)
                connecting += 1
            assert time.monotonic() < deadline, f"{connecting} connections are not answered"
            for key, _ in selector.select(0.2):
                selector.unregister(key.fileobj)
                connecting -= 1
        selector.close()
        return len(self.sockets)

    def connect(self):
        one = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        one.setblocking(False)
        if self.receive_buffer:
            one.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, self.receive_buffer)
        one.bind((self.source, 0))
        one.connect_ex(self.address)
        self.sockets.append(one)
        return one

    def send(self, data):
        data = bytes.fromhex(data)
        for one in self.sockets:
            try:
                one.send(data)
            except OSError:
                pass

    def take(self, count):
        for one in self.sockets:
            try:
                self.bytes += len(one.recv(count))
            except OSError:
                pass

    def closed(self, _):
        return sum(self.is_closed(one) for one in self.sockets)

    def is_closed(self, one):
        try:
            while data := one.recv(65536):
                self.bytes += len(data)
            return True
        except BlockingIOError:
            return False
        except OSError:
            return True

    def received(self, _):
        return self.bytes

    def reset(self, _):
        for one in self.sockets:
            one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
            one.close()
        self.sockets = []


def main(broker, source, receive_buffer):
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    part = Part(broker, source, int(receive_buffer))
    # The end of the input is the end of the connections: also when the test is killed.
    for line in sys.stdin:
        what, argument = json.loads(line)
        print(json.dumps(getattr(part, what)(argument)), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
