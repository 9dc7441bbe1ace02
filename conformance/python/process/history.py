"""Writes down what clients did and were told, and has it judged by `check-history`.

    history = History(tmp_path / "history.jsonl")
    history.log("orders-0", dense=True)
    history.producer("p", once=True, keeps_order="log")
    sending = history.send("p", "orders-0", b"1")
    producer.produce("orders", b"1", partition=0, on_delivery=sending.delivered)
    ...
    history.receive("c", "orders-0", message.offset(), message.value(), group="g")
    history.read_to_end(broker, "orders", 0)
    history.check()  # Fails the test with the table of what was found.

The format, and what each rule means, is documented in sim/checkers/src/history and its rules. All
methods may be called from several threads.
"""

import hashlib
import itertools
import json
import os
import subprocess
import threading
import time
from collections import defaultdict
from pathlib import Path

from confluent_kafka import KafkaError
from librdkafka import clients

CHECKER = os.environ.get("CHECK_HISTORY", "check-history")
VERSION = 1
LONGEST_VALUE = 64

# Errors after which it is certain that the record is not and will not be stored. Everything else
# leaves it open: a request whose answer was lost may have been served.
CERTAIN = {
    KafkaError.MSG_SIZE_TOO_LARGE,
    KafkaError.INVALID_MSG,
    KafkaError.INVALID_RECORD,
    KafkaError.TOPIC_EXCEPTION,
}


def text(value):
    """Keys and values as the history has them: short as they are, long ones as a digest."""
    if value is None or isinstance(value, str):
        return value
    if len(value) > LONGEST_VALUE:
        return f"{len(value)} bytes, sha1 {hashlib.sha1(value).hexdigest()}"
    return value.decode("utf-8", "backslashreplace")


class Operation:
    """A send or a commit under way; what became of it is said once."""

    def __init__(self, history, **fields):
        self.history, self.fields = history, fields

    def ok(self, offset=None):
        self._finish("ok", offset)

    def failed(self):
        """It is certain that it was not done and will not be done."""
        self._finish("failed")

    def unknown(self):
        self._finish("unknown")

    def delivered(self, error, message):
        """As the delivery callback of confluent-kafka."""
        if error is None:
            # -1 in the acknowledgement of a batch that was stored before: it has no offset.
            self.ok(message.offset() if message.offset() >= 0 else None)
        elif error.code() in CERTAIN:
            self.failed()
        else:
            self.unknown()

    def _finish(self, outcome, offset=None):
        if offset is not None:
            self.fields["offset"] = offset
        self.history._finished(self, outcome)


class History:
    """Every method writes a line, or makes the operation that will write one."""

    def __init__(self, path):
        self.path = Path(path)
        self.life = 0
        """The life of the server; ends with a fault that says so."""
        self._started = time.monotonic_ns()
        # Held while one method calls another, so that what closes a history sees all of it.
        self._lock = threading.RLock()
        self._file = open(self.path, "w", buffering=1024 * 1024)
        self._sequences = defaultdict(itertools.count)
        self._readers = itertools.count()
        self._unfinished = {}
        self._write({"format": "forebay-history", "version": VERSION})

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if not self._file.closed:
            # What the test gave up over is often a consequence of what the history shows.
            self._judge(self.path)

    def now(self):
        """Microseconds since the start of the history."""
        return (time.monotonic_ns() - self._started) // 1000

    # What the test expects.

    def log(
        self, log, dense=False, compacted=False, start_advances=False, across_lives="everything"
    ):
        """Of a partition, such as "orders-0"; `across_lives` may be everything, prefix, nothing."""
        self._line(
            "log",
            log=log,
            dense=dense,
            compacted=compacted,
            start_advances=start_advances,
            across_lives=across_lives,
        )

    def producer(self, process, once, keeps_order="no"):
        """Of a client that sends: `once` if it is idempotent, `keeps_order` is no, key or log."""
        self._line("producer", process=process, once=once, keeps_order=keeps_order)

    # What clients do.

    def send(self, process, log, value, key=None, call=None):
        """A record that is about to be sent. If nothing is said of it, its outcome is unknown."""
        return self._begin(
            op="send",
            process=process,
            log=log,
            key=text(key),
            value=text(value),
            call=call,
            sequence=next(self._sequences[process]),
        )

    def receive(self, process, log, offset, value, key=None, group=None, call=None, invoked=None):
        """A record out of a poll; those with the same `call` came with the same poll."""
        self._line(
            "receive",
            process=process,
            group=group,
            log=log,
            key=text(key),
            value=text(value),
            offset=offset,
            call=call,
            invoked=invoked,
            life=self.life,
        )

    def assigned(self, process, log, offset=None):
        """From here on the process reads the log from `offset`, or from where it does not know."""
        self._line("assigned", process=process, log=log, offset=offset)

    def commit(self, process, group, log, offset):
        """A commit that is about to be sent."""
        return self._begin(op="commit", process=process, group=group, log=log, offset=offset)

    def committed(self, process, group, log, offset, invoked):
        """An answer about the committed offset, None for none, to what was asked at `invoked`."""
        self._line(
            "committed", process=process, group=group, log=log, offset=offset, invoked=invoked
        )

    def drain(self, process, log, start, end, invoked, group=None):
        """The process, or the group, has received all from `start` to `end`; see `read_to_end`."""
        self._line(
            "drain",
            process=process,
            group=group,
            log=log,
            start=start,
            end=end,
            life=self.life,
            invoked=invoked,
        )

    def read_to_end(self, broker, topic, partition):
        """Reads a partition from its start to its end with a client of its own; says how many."""
        log, process = f"{topic}-{partition}", f"reader-{next(self._readers)}"
        invoked = self.now()
        _, end = clients.watermarks(broker, topic, partition)
        messages = clients.read_all(broker, topic, partition)
        for message in messages:
            self.receive(process, log, message.offset(), message.value(), message.key())
        # Retention may have moved it meanwhile.
        start, _ = clients.watermarks(broker, topic, partition)
        self.drain(process, log, start, max(start, end), invoked)
        return len(messages)

    # What the test does.

    def fault(self, what, ends_life=False):
        """What was done to the server, in a word or two; `ends_life` if its process ended by it."""
        self._line("fault", fault=what, ends_life=ends_life)
        self.life += ends_life

    def check(self):
        """Ends the history and fails if anything is wrong with it; answers the verdict."""
        verdict = self.path.with_suffix(".verdict.json")
        judged = self._judge("--json", verdict, self.path)
        assert judged.returncode == 0, f"{judged.stdout}{judged.stderr}"
        return json.loads(verdict.read_text())

    def _judge(self, *arguments):
        self._close()
        judged = subprocess.run([CHECKER, *map(str, arguments)], capture_output=True, text=True)
        print(judged.stdout, judged.stderr)
        return judged

    def _begin(self, **fields):
        operation = Operation(self, **fields, invoked=self.now())
        with self._lock:
            self._unfinished[id(operation)] = operation
        return operation

    def _finished(self, operation, outcome):
        with self._lock:
            if self._unfinished.pop(id(operation), None) is None:
                # Callbacks may still come when the history has ended.
                assert self._file.closed, f"finished twice: {operation.fields}"
                return
            op = operation.fields.pop("op")
            if op == "send":
                operation.fields["life"] = self.life
            self._line(op, **operation.fields, outcome=outcome)

    def _line(self, op, **fields):
        fields = {name: value for name, value in fields.items() if value is not None}
        if op not in ("log", "producer", "assigned"):
            fields["completed"] = self.now()
        self._write({"op": op, **fields})

    def _write(self, line):
        line = json.dumps(line, separators=(",", ":"))
        with self._lock:
            if not self._file.closed:
                self._file.write(f"{line}\n")

    def _close(self):
        with self._lock:
            for operation in list(self._unfinished.values()):
                operation.unknown()
            self._file.close()
