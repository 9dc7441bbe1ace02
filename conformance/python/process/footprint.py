"""What a server takes of the system, and whether it gives it back."""

import time
from dataclasses import dataclass

from eventually import eventually

MEBIBYTE = 1024 * 1024
# Without clients, nothing but the scrape is in the works: it is there each time.
LABELS = {"protocol": "kafka"}


@dataclass(frozen=True)
class Footprint:
    """Everything that a connection or a request takes, and must give back when it is over."""

    sockets: int
    connections: int
    tasks: int
    requests_in_flight: int
    request_memory: int
    answer_memory: int

    @classmethod
    def of(cls, server):
        page = server.metrics()
        return cls(
            # Files of the journal come and go by themselves.
            sockets=sum(what.startswith("socket:") for what in server.descriptors()),
            connections=page.value("forebay_connections", **LABELS),
            tasks=page.value("forebay_tasks"),
            requests_in_flight=page.value("forebay_requests_in_flight", **LABELS),
            request_memory=page.value("forebay_request_memory_bytes", **LABELS),
            answer_memory=page.value("forebay_answer_memory_bytes", **LABELS),
        )

    @classmethod
    def at_rest(cls, server):
        """The footprint once it no longer changes: what the start has begun ends."""
        last = [cls.of(server)]

        def is_steady():
            last.append(cls.of(server))
            return last[-1] == last[-2] == last[-3] if len(last) > 2 else False

        eventually(is_steady, every=0.1, what="a footprint that does not change")
        return last[-1]

    def comes_back(self, server, within=60):
        """Waits until the server is back at this footprint."""
        seen = []

        def is_back():
            seen[:] = [Footprint.of(server)]
            return seen[0] == self

        try:
            eventually(is_back, within=within, every=0.1)
        except AssertionError:
            raise AssertionError(f"not back at {self} within {within} s: {seen[0]}") from None


class Peak:
    """Samples resident memory and descriptors while something goes on, between two looks."""

    def __init__(self, server):
        self.server, self.resident, self.descriptors = server, 0, 0

    def look(self):
        self.resident = max(self.resident, self.server.resident_bytes())
        self.descriptors = max(self.descriptors, len(self.server.descriptors()))

    def watch(self, seconds, check=lambda: None, every=0.1):
        """Looks for so many seconds; `check` is called each time."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            self.look()
            check()
            time.sleep(every)

    def __str__(self):
        return f"{self.resident / MEBIBYTE:.0f} MiB, {self.descriptors} descriptors at most"
