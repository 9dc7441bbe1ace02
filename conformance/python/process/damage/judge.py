"""What a damaged data folder may lead to, and nothing else.

* *refused*: the server does not start, and its one line names the damaged file and the place.
* *reported*: it starts; a partition that needs the damaged bytes gives an error, the log names the
  file and the place, and all that can be read is what was written.
* *cut*: the end of the journal is treated as a write that a power cut tore. Only entries that no
  byte on the disk knows to be durable may go that way (docs/storage-format.md, *synced lsn*): those
  of the last moment before an unclean stop. Bit rot in them is not to be told from a torn write.
* *harmless*: every client reads exactly what it would have read.

`forebay check DIR` has to name the damaged file and a place at or before the damage, beforehand and
offline, whenever a server is going to refuse or report.
"""

import json
import re
import shutil
import subprocess
from dataclasses import dataclass, replace
from pathlib import Path

from ..forebay import BINARY, Forebay, Refused
from .folder import AT_REST, read
from .reader import Log, base_offset, next_offset

STORAGE_ERROR = 56
NOISE = ("panicked", "RUST_BACKTRACE", "overflow", "Os {")


@dataclass(frozen=True)
class Damage:
    """What was done to which file. `offset` is the first byte that is not as it was; without one
    the file itself is what is wrong."""

    file: str
    what: str
    offset: int | None = None
    # More files that it may be called by: each half of an exchange, for one.
    files: tuple = ()

    def names(self):
        return (self.file, *self.files)

    def __str__(self):
        at = "" if self.offset is None else f" at byte {self.offset}"
        return f"{self.file}{at}: {self.what}"


class Wrong(AssertionError):
    """The promise is broken."""


class Judge:
    """Puts copies of one reference folder to the proof, one damage at a time."""

    def __init__(self, reference, work, keep):
        """Works in `work`; copies that were judged wrongly go to `keep`."""
        self.reference = reference
        self.copy = Path(work) / "copy"
        self.log = Path(work) / "copy.log"
        self.keep = Path(keep)
        self.unsure_ends = list(unsure_ends(reference))

    def judge(self, damage, do):
        """`do(folder)` damages the copy. Answers what came of it, or raises `Wrong`."""
        self.restore()
        do(self.copy)
        try:
            return self.verdict(damage)
        except (AssertionError, OSError, ValueError) as error:
            log = self.log.read_text(errors="replace")[-800:] if self.log.exists() else ""
            raise Wrong(f"{damage}: {error}; see {self.kept(damage, do)}\n{log}") from error

    def kept(self, damage, do):
        """Where to find the folder as the server found it."""
        kept = self.keep / re.sub("[^a-z0-9]+", "-", str(damage))[:120]
        shutil.rmtree(kept, ignore_errors=True)
        self.restore()
        do(self.copy)
        return shutil.move(self.copy, kept)

    def restore(self):
        shutil.rmtree(self.copy, ignore_errors=True)
        shutil.copytree(self.reference.path, self.copy)
        self.log.unlink(missing_ok=True)

    def verdict(self, damage):
        before = check(self.copy)
        server = Forebay(self.copy, *AT_REST, log=self.log)
        try:
            with server:
                found = read(server.broker, self.reference)
        except Refused as refused:
            is_one_line_that_names(damage, refused)
            is_found(damage, before)
            return "refused"
        log = self.log.read_text(errors="replace")
        for noise in NOISE:
            assert noise not in log, f"{noise!r} in the log"
        if any(partition.errors for partition in found.logs.values()):
            nothing_but_errors(found, self.reference.contents)
            names(damage, log)
            is_found(damage, before)
            self.stays_damaged(damage)
            return "reported"
        if same(found, self.reference.contents):
            return "harmless"
        for entry, state in self.unsure_ends:
            if lies_in(damage, entry) and same(found, state):
                return "cut"
        raise AssertionError(difference(found, self.reference.contents))

    def stays_damaged(self, damage):
        """Another start knows no better: what could not be read is not forgotten."""
        with Forebay(self.copy, *AT_REST, log=self.log) as server:
            found = read(server.broker, self.reference)
        assert any(log.errors for log in found.logs.values()), "the damage is gone after a restart"
        nothing_but_errors(found, self.reference.contents)


def nothing_but_errors(found, expected):
    """Damaged partitions answer with errors; whatever else is read is as it was written."""
    for place, log in found.logs.items():
        assert all(error == STORAGE_ERROR for _, error in log.errors), f"{place}: {log.errors}"
        whole = expected.logs[place]
        if log.errors:
            runs_are_right(place, log, whole)
        else:
            assert log.bytes() == whole.bytes(), f"{place}: wrong or missing bytes, no error"
    healed = {place: expected.logs[place] for place in found.logs}
    without_logs = replace(found, logs=healed)
    assert same(without_logs, expected), difference(without_logs, expected)


def runs_are_right(place, log, whole):
    """Each run begins with the batch that was asked for, and ends at the log's end or an error."""
    everything, last_error = whole.bytes(), max(offset for offset, _ in log.errors)
    for offset, data in log.runs:
        at = 0
        for batch in whole.batches():
            if next_offset(batch) > offset:
                break
            at += len(batch)
        assert everything[at : at + len(data)] == data, f"{place}: wrong bytes at {offset}"
        follows = at + len(data)
    if log.runs and log.runs[-1][0] > last_error:
        assert follows == len(everything), f"{place}: ends before its end, with no error"


def check(folder):
    """What `forebay check` says: places (file, offset) by name, and all it printed."""
    done = subprocess.run(
        [BINARY, "check", str(folder), "--json"], capture_output=True, text=True, timeout=60
    )
    assert done.returncode in (0, 1), f"check ended with {done.returncode}: {done.stderr}"
    for noise in NOISE:
        assert noise not in done.stderr, done.stderr
    found = json.loads(done.stdout)["damages"] if done.stdout else []
    places = [(damage["file"], damage["offset"]) for damage in found]
    assert bool(places or not done.stdout) == (done.returncode == 1), done.stderr
    return places, done.stderr


def is_found(damage, checked):
    """Offline verification names the file, and a place that does not lie behind the damage."""
    places, stderr = checked
    for file, offset in places:
        if file in damage.names() and (damage.offset is None or offset <= damage.offset):
            return
    # The stamp, without which nothing else is looked at.
    assert damage.file == "FORMAT" and "FORMAT" in stderr, f"check found {places} {stderr}"


def names(damage, text):
    found = re.findall(r"`([^`]+)` is corrupt at byte (\d+)", text)
    if any(
        file in damage.names() and (damage.offset is None or int(offset) <= damage.offset)
        for file, offset in found
    ):
        return
    assert any(file in damage.names() for file in re.findall(r"`([^`]+)`", text)) and (
        damage.offset is None
    ), f"not named: {text[-600:]}"


def is_one_line_that_names(damage, refused):
    assert refused.code == 1, f"exit code {refused.code}"
    errors = [line for line in refused.log.splitlines() if line.startswith("error:")]
    assert len(errors) == 1, refused.log
    for noise in NOISE:
        assert noise not in refused.log, refused.log
    if damage.file == "FORMAT":
        assert "FORMAT" in errors[0], errors[0]
    else:
        names(damage, errors[0])


def same(found, expected):
    return (
        (found.topics, found.configs, found.groups, found.offsets, found.resent)
        == (expected.topics, expected.configs, expected.groups, expected.offsets, expected.resent)
        and found.logs.keys() == expected.logs.keys()
        and all(
            (log.start, log.end, log.bytes())
            == (expected.logs[place].start, expected.logs[place].end, expected.logs[place].bytes())
            for place, log in found.logs.items()
        )
    )


def difference(found, expected):
    parts = [
        name
        for name in ("topics", "configs", "groups", "offsets", "resent")
        if getattr(found, name) != getattr(expected, name)
    ]
    for place, log in expected.logs.items():
        other = found.logs.get(place)
        if other is None:
            parts.append(f"{place} is gone")
        elif (other.start, other.end) != (log.start, log.end):
            parts.append(f"{place} is {other.start}..{other.end}, not {log.start}..{log.end}")
        elif other.bytes() != log.bytes():
            parts.append(f"{place} has {len(other.bytes())} bytes, not the {len(log.bytes())}")
    return f"silently different: {parts}"


def unsure_ends(reference):
    """Each entry that nothing vouches for, with what clients may read when the journal is cut before
    it. Such an entry holds batches only; see `folder.build_with_unsure_end`."""
    unsure = reference.layout().unsure()
    for first, entry in enumerate(unsure):
        gone = {batch for later in unsure[first:] for batch in later.batches()}
        if not gone:
            continue
        logs = {}
        for place, log in reference.contents.logs.items():
            kept = [batch for batch in log.batches() if batch not in gone]
            lost = [batch for batch in log.batches() if batch in gone]
            end = base_offset(lost[0]) if lost else log.end
            logs[place] = Log(log.start, end, [(log.start, b"".join(kept))])
        yield entry, replace(reference.contents, logs=logs)


def lies_in(damage, entry):
    end = entry.position + entry.length
    return damage.file == entry.file and entry.position <= (damage.offset or 0) < end
