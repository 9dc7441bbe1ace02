"""What every byte of a data folder is for, read from docs/storage-format.md and not from the code.

A test that flips bits at random mostly hits zeros and remains; this says where the living bytes are,
and which entries of the journal no later one knows to be durable.
"""

import struct
from dataclasses import dataclass, field

import crc32c

FILE_HEAD_BYTES = 4096
HEAD_COPY_BYTES = FILE_HEAD_BYTES // 2
ENTRY_HEAD_BYTES = 64
RECORD_HEAD_BYTES = 32
BATCH_HEAD_BYTES = 61
SEGMENT_HEAD_BYTES = 16
FOOT_BYTES = 64
INDEX_ENTRY_BYTES = 32
APPEND, EVENT = 1, 2
MEMORY = 0


@dataclass(frozen=True)
class Region:
    """Bytes of one file that serve one purpose."""

    file: str
    start: int
    end: int
    purpose: str


@dataclass(frozen=True)
class Record:
    """One record of an entry."""

    kind: int
    log: int
    start: int
    payload: bytes

    @property
    def end(self):
        return self.start + RECORD_HEAD_BYTES + len(self.payload)


@dataclass
class Entry:
    """One commit in the journal."""

    file: str
    position: int
    length: int
    lsn: int
    synced: int
    records: list = field(default_factory=list)

    def batches(self):
        return [record.payload for record in self.records if record.kind == APPEND]


@dataclass
class Journal:
    """The entries of one file, up to where they end."""

    file: str
    number: int
    size: int
    entries: list
    end: int
    trailer: bool


@dataclass(frozen=True)
class Chunk:
    """A run of a log's batches in a journal file."""

    log: int
    number: int
    start: int
    end: int


@dataclass
class Snapshot:
    """The journal goes on behind it at `position` of file `number`."""

    file: str
    size: int
    number: int
    position: int
    # Of logs that outlive a restart.
    chunks: list


class Folder:
    """A data folder that is not damaged, taken apart."""

    def __init__(self, root):
        self.root = root
        self.journals = [
            journal
            for path in sorted(root.glob("journal/*.journal"))
            if (journal := read_journal(path, root)) is not None
        ]
        self.snapshots = [read_snapshot(p, root) for p in sorted(root.glob("snapshots/*.snapshot"))]
        self.segments = sorted(root.glob("segments/*.segment"))

    def entries(self):
        return [entry for journal in self.journals for entry in journal.entries]

    def after_snapshot(self):
        """The entries that a start replays."""
        if not self.snapshots:
            return self.entries()
        newest = self.snapshots[-1]
        return [
            entry
            for journal in self.journals
            for entry in journal.entries
            if (journal.number, entry.position) >= (newest.number, newest.position)
        ]

    def unsure(self):
        """Entries that nothing on the disk knows to be durable: damage there can pass for a write
        that a power cut tore, because it looks exactly like one."""
        known = max((entry.synced for entry in self.entries()), default=0)
        return [entry for entry in self.entries() if entry.lsn > known]

    def regions(self):
        """Every byte of every file, by purpose."""
        found = []
        for journal in self.journals:
            found += self.journal_regions(journal)
        for path in self.segments:
            found += segment_regions(path, self.root)
        found += [Region(s.file, 0, s.size, "snapshot") for s in self.snapshots]
        found.append(Region("FORMAT", 0, (self.root / "FORMAT").stat().st_size, "format stamp"))
        return found

    def journal_regions(self, journal):
        regions, at = [], 0

        def put(until, purpose, log=None):
            nonlocal at
            if until > at:
                used = purpose if self.is_used(journal, at, log) else "free space"
                regions.append(Region(journal.file, at, until, used))
                at = until

        put(FILE_HEAD_BYTES, "file head")
        for entry in journal.entries:
            put(entry.position + ENTRY_HEAD_BYTES, "entry head")
            for record in entry.records:
                put(record.start + RECORD_HEAD_BYTES, "record head")
                if record.kind == APPEND:
                    put(record.start + RECORD_HEAD_BYTES + BATCH_HEAD_BYTES, "batch head", record.log)
                    put(record.end, "batch records", record.log)
                else:
                    put(record.end, "event" if record.kind == EVENT else "change of a log")
            put(aligned(entry.position + entry.length), "padding")
        if journal.trailer:
            put(journal.end + ENTRY_HEAD_BYTES, "trailer")
        if at < journal.size:
            regions.append(Region(journal.file, at, journal.size, "free space"))
        return regions

    def is_used(self, journal, position, log=None):
        """Whether a start or a read looks at it: it is replayed, or lies in a chunk that the snapshot
        names. Of another log's batch in a chunk only the record's head is looked at."""
        if not self.snapshots or journal.number > self.snapshots[-1].number:
            return True
        newest = self.snapshots[-1]
        chunks = [chunk for chunk in newest.chunks if chunk.number == journal.number]
        if position < FILE_HEAD_BYTES:
            return journal.number == newest.number or bool(chunks)
        replayed = journal.number == newest.number and position >= newest.position
        return replayed or any(
            chunk.start <= position < chunk.end and log in (None, chunk.log) for chunk in chunks
        )


def aligned(length):
    return (length + 7) // 8 * 8


def read_journal(path, root):
    """None for a file that was prepared and never written to."""
    data = path.read_bytes()
    number = int(path.stem)
    head = next((h for h in map(file_head, (data, data[HEAD_COPY_BYTES:])) if h), None)
    if head is None or head["file"] != number:
        return None
    name = str(path.relative_to(root))
    entries, trailer, position = [], False, FILE_HEAD_BYTES
    lsn, epoch, previous = head["lsn"], head["epoch"], head["previous"]
    while position + ENTRY_HEAD_BYTES <= len(data):
        magic, crc, length = struct.unpack_from("<4sII", data, position)
        if magic not in (b"FBen", b"FBtr") or length < ENTRY_HEAD_BYTES:
            break
        fields = struct.unpack_from("<QQQQqI", data, position + 16)
        file, its_lsn, its_epoch, synced, _, its_previous = fields
        whole = crc32c.crc32c(data[position + 8 : position + length]) == crc
        follows = (file, its_lsn, its_previous) == (number, lsn, previous) and its_epoch >= epoch
        if not whole or not follows:
            break
        if magic == b"FBtr":
            trailer = True
            break
        entry = Entry(name, position, length, lsn, synced)
        entry.records = records_of(data, position + ENTRY_HEAD_BYTES, position + length)
        entries.append(entry)
        lsn, epoch, previous = lsn + 1, its_epoch, crc
        position = aligned(position + length)
    return Journal(name, number, len(data), entries, position, trailer)


def file_head(copy):
    copy = copy[:HEAD_COPY_BYTES]
    if len(copy) < HEAD_COPY_BYTES or copy[:8] != b"FBJRNL\r\n":
        return None
    [crc] = struct.unpack_from("<I", copy, 12)
    if crc32c.crc32c(copy[8:12] + copy[16:]) != crc:
        return None
    file, epoch, lsn, _, previous = struct.unpack_from("<QQQQI", copy, 16)
    return {"file": file, "epoch": epoch, "lsn": lsn, "previous": previous}


def records_of(data, at, end):
    records = []
    while at < end:
        kind, length, log = struct.unpack_from("<B3xIQ", data, at)
        body = at + RECORD_HEAD_BYTES
        records.append(Record(kind, log, at, data[body : body + length]))
        at = body + length
    return records


def read_snapshot(path, root):
    data = path.read_bytes()
    magic, _, crc = struct.unpack_from("<8sII", data)
    assert magic == b"FBSNAP\r\n" and crc32c.crc32c(data[16:]) == crc, path
    # Behind the head stand the last entry it covers (lsn, epoch, crc) and where the next one is.
    number, position, _ = struct.unpack_from("<QQQ", data, 16 + 20)
    at, chunks = 16 + 20 + 24, []

    def take(layout):
        nonlocal at
        values = struct.unpack_from("<" + layout, data, at)
        at += struct.calcsize("<" + layout)
        return values

    for _ in range(take("I")[0]):
        log, durability, *_ = take("QBQQQq")
        for _ in range(take("I")[0]):
            take("QQQQQIq")
        for _ in range(take("I")[0]):
            _, _, file, start, end, _, _ = take("QQQIIIq")
            if durability != MEMORY:
                chunks.append(Chunk(log, file, start, end))
    return Snapshot(str(path.relative_to(root)), len(data), number, position, chunks)


def segment_regions(path, root):
    """Walked from its end, foot by foot."""
    data, name, regions = path.read_bytes(), str(path.relative_to(root)), []
    end = len(data)
    while end > SEGMENT_HEAD_BYTES:
        foot = end - FOOT_BYTES
        magic, _, _, _, _, length, chunks = struct.unpack_from("<4sIQQQQI", data, foot)
        assert magic == b"FBse", f"{name}: no foot at {foot}"
        index = foot - chunks * INDEX_ENTRY_BYTES
        regions.append(Region(name, foot, end, "section foot"))
        regions.append(Region(name, index, foot, "section index"))
        regions.append(Region(name, index - length, index, "section batches"))
        end = index - length
    regions.append(Region(name, 0, SEGMENT_HEAD_BYTES, "segment head"))
    return regions[::-1]
