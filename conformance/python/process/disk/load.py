"""What the server has to do while its disk fails, and how it may end."""

import re

from ..workload import ContinuousProducer, create

PARTITIONS = 3
THE_JOURNAL_FAILED = r"the journal failed: cannot \w+ `journal/\d{20}\.journal`: "


class Load:
    """Producers of both kinds and sizes, and a consumer of each life of the server."""

    def __init__(self, history, server):
        self.history, self.server = history, server
        create(history, server, "kept", PARTITIONS, dense=True)
        create(history, server, "short", 1, dense=True, start_advances=True, retention_bytes=1 << 18)
        self.producers = [
            ContinuousProducer(history, server.broker, "kept", PARTITIONS, "idempotent"),
            ContinuousProducer(
                history, server.broker, "kept", PARTITIONS, "plain", idempotent=False
            ),
            ContinuousProducer(history, server.broker, "short", 1, "short", padding=1000),
        ]

    def wait_for_progress(self, records=30):
        for producer in self.producers:
            producer.wait_for_progress(records)

    def finish(self):
        """All is stored that was acknowledged; answers what the history holds."""
        self.wait_for_progress()
        for producer in self.producers:
            producer.finish()
        for partition in range(PARTITIONS):
            self.history.read_to_end(self.server.broker, "kept", partition)
        self.history.read_to_end(self.server.broker, "short", 0)
        assert self.server.stop() == 0
        assert self.server.damage() == ""
        assert list(self.server.data.rglob("*.unfinished")) == []
        return self.history.check()["counts"]


def ended_with_one_clear_line(server, log, line=THE_JOURNAL_FAILED):
    assert server.process.returncode == 1, f"exit code {server.process.returncode}: {log}"
    errors = [line for line in log.splitlines() if line.startswith("error: ")]
    assert len(errors) == 1, log
    assert re.search(line, errors[0]), log
    assert "panicked" not in log, log
