"""Everything that a client can learn from a broker, as the bytes on the wire say it.

A client library decodes, retries and hides; here every error and every byte counts.
"""

import struct
from dataclasses import dataclass, field

from wire import FETCH, LIST_OFFSETS, METADATA, PRODUCE, Connection, produce, produce_error, string

OFFSET_FETCH, LIST_GROUPS, DESCRIBE_CONFIGS = 9, 16, 32
EARLIEST, LATEST = -2, -1
FETCH_BYTES = 50 << 20
# Where reading goes on behind damage: these many places, spread over what is left.
PLACES_BEHIND_DAMAGE = 6


@dataclass
class Log:
    """One partition: what was read, in runs that an error may separate."""

    start: int
    end: int
    # (offset asked for, bytes)
    runs: list = field(default_factory=list)
    # (offset asked for, error code)
    errors: list = field(default_factory=list)

    def batches(self):
        return [batch for _, data in self.runs for batch in split(data)]

    def bytes(self):
        return b"".join(data for _, data in self.runs)


@dataclass
class Contents:
    """All a broker has to tell."""

    topics: dict
    configs: dict
    groups: list
    offsets: dict
    logs: dict
    # What an idempotent producer is told that sends its last batch once more.
    resent: tuple | None = None


class Answer:
    """Takes values off the front of a response."""

    def __init__(self, data):
        self.data, self.at = data, 0

    def take(self, layout):
        values = struct.unpack_from(">" + layout, self.data, self.at)
        self.at += struct.calcsize(">" + layout)
        return values[0] if len(values) == 1 else values

    def bytes(self, length):
        self.at += length
        return self.data[self.at - length : self.at]

    def string(self):
        length = self.take("h")
        return None if length < 0 else self.bytes(length).decode()

    def list(self, item):
        return [item() for _ in range(self.take("i"))]

    def end(self):
        assert self.at == len(self.data), f"{len(self.data) - self.at} bytes too many"


def split(data):
    """Whole batches; anything else is a fault of the broker."""
    batches, at = [], 0
    while at < len(data):
        assert at + 12 <= len(data), "a piece of a batch"
        [length] = struct.unpack_from(">i", data, at + 8)
        assert length > 0 and at + 12 + length <= len(data), "a piece of a batch"
        batches.append(data[at : at + 12 + length])
        at += 12 + length
    return batches


def next_offset(batch):
    [base], [delta] = struct.unpack_from(">q", batch), struct.unpack_from(">i", batch, 23)
    return base + delta + 1


def base_offset(batch):
    return struct.unpack_from(">q", batch)[0]


def producer_id(batch):
    return struct.unpack_from(">q", batch, 43)[0]


def record_count(batch):
    return struct.unpack_from(">i", batch, 57)[0]


def read_everything(broker, groups=(), resend=None, expected=None):
    """`expected` tells where batches begin, to go on behind what cannot be read. `resend` is
    (topic, partition, batch) of an idempotent producer."""
    with Connection(broker, timeout=30) as connection:
        topics = read_topics(connection)
        starts, ends = (read_offsets(connection, topics, time) for time in (EARLIEST, LATEST))
        logs = {place: Log(starts[place], ends[place]) for place in starts}
        read_logs(connection, logs, expected.logs if expected else {})
        resent = None
        if resend:
            topic, partition, batch = resend
            resent = produce_error(connection.call(PRODUCE, 7, produce(topic, batch, partition)))
        return Contents(
            topics=topics,
            configs={name: read_config(connection, name) for name in topics},
            groups=read_groups(connection),
            offsets={group: read_committed(connection, group) for group in groups},
            logs=logs,
            resent=resent,
        )


def read_topics(connection):
    """Numbers of partitions by topic."""
    answer = Answer(connection.call(METADATA, 1, struct.pack(">i", -1)))
    answer.list(lambda: (answer.take("i"), answer.string(), answer.take("i"), answer.string()))
    answer.take("i")
    topics = {}

    def partition():
        error = answer.take("h")
        answer.take("ii")
        answer.list(lambda: answer.take("i"))
        answer.list(lambda: answer.take("i"))
        assert error == 0, error

    def topic():
        error, name, _ = answer.take("h"), answer.string(), answer.take("b")
        topics[name] = len(answer.list(partition))
        assert error == 0, error

    answer.list(topic)
    answer.end()
    return topics


def read_offsets(connection, topics, time):
    asked = [
        string(name)
        + struct.pack(">i", count)
        + b"".join(struct.pack(">iq", index, time) for index in range(count))
        for name, count in topics.items()
    ]
    body = struct.pack(">ii", -1, len(asked)) + b"".join(asked)
    answer = Answer(connection.call(LIST_OFFSETS, 1, body))
    offsets = {}

    def topic():
        name = answer.string()
        for index, error, _, offset in answer.list(lambda: answer.take("ihqq")):
            assert error == 0, error
            offsets[name, index] = offset

    answer.list(topic)
    answer.end()
    return offsets


def read_logs(connection, logs, expected):
    """Reads each log to its end, all of them side by side."""
    at = {place: log.start for place, log in logs.items() if log.start < log.end}
    while at:
        answers = fetch(connection, at)
        if not answers:
            # Nobody's answer was crowded out by another's, so each has its own to give.
            for place, offset in at.items():
                answers |= fetch(connection, {place: offset})
        for place, (error, data) in answers.items():
            log, offset = logs[place], at[place]
            if error:
                log.errors.append((offset, error))
                at[place] = behind(expected.get(place), offset)
            elif data:
                log.runs.append((offset, data))
                # Compaction leaves no record at the end of some logs: the last is before `end`.
                at[place] = next_offset(split(data)[-1])
            else:
                # An empty answer below the end is right only where compaction took what was there.
                at[place] = None
            if at[place] is None or at[place] >= log.end:
                del at[place]


def behind(expected, offset):
    """Where reading may go on behind damage at `offset`; None when there is nothing to try."""
    if expected is None:
        return None
    bases = [base for batch in expected.batches() if (base := base_offset(batch)) > offset]
    step = max(1, len(bases) // PLACES_BEHIND_DAMAGE)
    return bases[-1] if len(bases) <= step and bases else (bases[step - 1] if bases else None)


def fetch(connection, at):
    """(error, bytes) of each partition that the broker answers for."""
    body = struct.pack(">iiiibi", -1, 0, 0, FETCH_BYTES, 0, len(at))
    for (name, index), offset in at.items():
        body += string(name) + struct.pack(">iiqi", 1, index, offset, FETCH_BYTES)
    answer = Answer(connection.call(FETCH, 4, body))
    answer.take("i")
    found = {}

    def partition(name):
        index, error, _, _, aborted = answer.take("ihqqi")
        assert aborted <= 0
        length = answer.take("i")
        data = answer.bytes(max(length, 0))
        # A partition may be answered with nothing because the others filled the answer.
        if error or data or len(at) == 1:
            found[name, index] = (error, data)

    def topic():
        name = answer.string()
        answer.list(lambda: partition(name))

    answer.list(topic)
    answer.end()
    return found


def read_config(connection, topic):
    body = struct.pack(">ib", 1, 2) + string(topic) + struct.pack(">ib", -1, 0)
    return connection.call(DESCRIBE_CONFIGS, 1, body)[4:]


def read_groups(connection):
    answer = Answer(connection.call(LIST_GROUPS, 0, b""))
    assert answer.take("h") == 0
    groups = answer.list(lambda: (answer.string(), answer.string()))
    answer.end()
    return sorted(groups)


def read_committed(connection, group):
    answer = Answer(connection.call(OFFSET_FETCH, 2, string(group) + struct.pack(">i", -1)))
    found = {}

    def topic():
        name = answer.string()
        for index, offset, note, error in answer.list(
            lambda: (answer.take("i"), answer.take("q"), answer.string(), answer.take("h"))
        ):
            assert error == 0, error
            found[name, index] = (offset, note)

    answer.list(topic)
    assert answer.take("h") == 0
    answer.end()
    return found
