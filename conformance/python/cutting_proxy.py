"""A TCP proxy between a client and the broker that cuts connections at random moments.

A cut may fall in the middle of a request, or between the broker's write and the client's
acknowledgement: the retry that follows must not store a record twice.

Clients learn the broker's address from Metadata and would go past the proxy; so the broker's port
is replaced in what the broker answers. Host and port keep their length, and no frame changes.
"""

import random
import socket
import struct
import threading


class CuttingProxy:
    """Listens on a port of its own and forwards to `broker`; `cuts` counts what it broke."""

    def __init__(self, broker, bytes_between_cuts, seed):
        host, port = broker.rsplit(":", 1)
        self.broker = host, int(port)
        self.random = random.Random(seed)
        self.bytes_between_cuts = bytes_between_cuts
        self.cutting = True
        self.cuts = 0
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.real = host.encode() + struct.pack(">i", int(port))
        self.ours = host.encode() + struct.pack(">i", self.listener.getsockname()[1])
        self.address = "127.0.0.1:%d" % self.listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.listener.close()

    def _accept(self):
        while True:
            try:
                client, _ = self.listener.accept()
                server = socket.create_connection(self.broker)
            except OSError:
                return
            for source, target in ((client, server), (server, client)):
                threading.Thread(target=self._pump, args=(source, target), daemon=True).start()

    def _pump(self, source, target):
        left = self.random.expovariate(1 / self.bytes_between_cuts)
        try:
            while data := source.recv(65536):
                data = data.replace(self.real, self.ours)
                left -= len(data)
                if self.cutting and left < 0:
                    # Half of what came goes through: a torn request or a torn response.
                    target.sendall(data[: len(data) // 2])
                    self.cuts += 1
                    break
                target.sendall(data)
        except OSError:
            pass
        for end in (source, target):
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
            end.close()
