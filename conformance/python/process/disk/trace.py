"""A trace of the system calls that change a data folder, and the order that durability needs in it.

ext4 makes a new name durable with the file's own fsync, and renames in their order; others do not. So
what a power cut shows on ext4 is not enough, and the calls themselves are looked at.
"""

import re
from dataclasses import dataclass

# "PID call(arguments) = result", in two lines if another thread's call came in between.
LINE = re.compile(r"^(?P<pid>\d+) +(?P<rest>.*)$")
WHOLE = re.compile(r"^(?P<name>\w+)\((?P<arguments>.*)\) += (?P<result>\S+)(?P<after>.*)$")
BEGUN = re.compile(r"^(?P<name>\w+)\((?P<arguments>.*?) *<unfinished \.\.\.>$")
RESUMED = re.compile(r"^<\.\.\. (?P<name>\w+) resumed>(?P<arguments>.*)\) += (?P<result>\S+)(?P<after>.*)$")
CALLS = "openat,creat,mkdir,mkdirat,rename,renameat,renameat2,unlink,unlinkat,rmdir,ftruncate,truncate,"
CALLS += "fallocate,write,writev,pwrite64,pwritev,fsync,fdatasync,sync_file_range,close"


@dataclass(frozen=True)
class Call:
    """One call: lines `begun` to `ended` of the trace. Paths are relative to the data folder."""

    thread: int
    name: str
    path: str
    # The new name, of a rename.
    to: str
    begun: int
    ended: int

    @property
    def folder(self):
        return parent(self.to or self.path)


def parent(path):
    return path.rpartition("/")[0] or "."


def read_trace(lines, data):
    """The calls on what is below `data` that worked, in the order in which they ended."""
    under_way, calls = {}, []
    for number, line in enumerate(lines):
        if not (found := LINE.match(line)):
            continue
        thread, rest = int(found["pid"]), found["rest"]
        if begun := BEGUN.match(rest):
            under_way[thread] = (number, begun["arguments"])
            continue
        start, before = number, ""
        if call := RESUMED.match(rest):
            start, before = under_way.pop(thread)
        elif not (call := WHOLE.match(rest)):
            continue
        if call["result"].startswith("-"):
            continue
        arguments = before + call["arguments"]
        paths = paths_in(call["name"], arguments, call["after"], data)
        if paths:
            calls.append(Call(thread, call["name"], *paths, start, number))
    return calls


def paths_in(name, arguments, after, data):
    """(path, new path), both relative; None when the call is about something else."""
    if name.startswith("rename"):
        quoted = re.findall(r'"([^"]*)"', arguments)
        inside = [relative(path, data) for path in quoted]
        return tuple(inside) if all(inside) else None
    if name in ("mkdir", "mkdirat", "unlink", "unlinkat", "rmdir", "truncate", "openat", "creat"):
        path = relative(re.search(r'"([^"]*)"', arguments)[1], data)
        makes = name != "openat" or "O_CREAT" in arguments
        return (path, "") if path and makes else None
    described = re.match(r"\d+<([^>]*)>", arguments)
    path = relative(described[1], data) if described else None
    return (path, "") if path else None


def relative(path, data):
    if path == str(data):
        return "."
    return path.removeprefix(f"{data}/") if path.startswith(f"{data}/") else None


WRITES = ("write", "writev", "pwrite64", "pwritev")


def faults(calls, is_first_start):
    """Every place where something is relied on that a power cut may undo, as a sentence."""
    found = list(unsynced_names(calls))
    found += unsynced_content(calls)
    found += journal_before_its_name(calls)
    found += early_removals(calls)
    if is_first_start:
        found += folders_of_a_first_start(calls)
    return found


def unsynced_names(calls):
    """A thread that gives a file its name makes the name durable before it does anything else that
    others could build upon; its next call on the data shows."""
    for index, call in enumerate(calls):
        if not call.name.startswith("rename"):
            continue
        own = (c for c in calls[index + 1 :] if c.thread == call.thread and c.name != "close")
        after = next(own, None)
        if after is None or after.name != "fsync" or after.path != call.folder:
            did = f"then calls {after.name} {after.path}" if after else "then nothing"
            yield f"{call.path} is renamed to {call.to}, {did}, without an fsync of {call.folder}"


def unsynced_content(calls):
    """A file that is renamed into its place was synced after the last write to it. A dead journal
    file is renamed as it is: what is in it does not count."""
    for index, call in enumerate(calls):
        if not call.name.startswith("rename") or not call.path.endswith(".unfinished"):
            continue
        before = [c for c in calls[:index] if c.path == call.path and c.name in (*WRITES, "fsync")]
        # The number may have been given to an earlier file: only since it was made anew.
        if not before or before[-1].name != "fsync":
            yield f"{call.path} is renamed to {call.to} without an fsync of what is in it"


def journal_before_its_name(calls):
    """Nothing is written to a journal file before its name is durable: acknowledgements rely on it."""
    named = {}
    for call in calls:
        if call.name.startswith("rename") and call.to.startswith("journal/"):
            named[call.to] = call
        elif call.name == "fsync" and call.path == "journal":
            named = {to: by for to, by in named.items() if by.ended > call.begun}
        elif call.name == "pwrite64" and call.path in named:
            yield f"{call.path} is written to before an fsync of its folder"


def early_removals(calls):
    """Before something is removed or its file taken for another, all of the journal is durable, and
    so are the names of segments and snapshots: what says that it is dead must not be lost alone."""
    unsynced, unnamed = set(), {}
    for call in calls:
        if call.name == "pwrite64" and call.path.startswith("journal/"):
            unsynced.add(call.path)
        elif call.name == "fdatasync":
            unsynced.discard(call.path)
        elif call.name == "fsync":
            unsynced.discard(call.path)
            unnamed = {to: by for to, by in unnamed.items() if parent(to) != call.path}
        elif call.name == "unlink" and not call.path.endswith(".unfinished"):
            if unsynced:
                yield f"{call.path} is removed while {sorted(unsynced)} is not durable"
            if call.path.startswith("snapshots/") and any("snapshots/" in to for to in unnamed):
                yield f"{call.path} is removed while the name of {sorted(unnamed)} is not durable"
        elif call.name.startswith("rename"):
            if call.path.endswith(".journal"):
                if any("snapshots/" in to for to in unnamed):
                    yield f"{call.path} is taken for another while {sorted(unnamed)} is not durable"
            else:
                unnamed[call.to] = call


def folders_of_a_first_start(calls):
    """When the server is ready, every name that it has made is durable."""
    made = {}
    for call in calls:
        if call.name in ("mkdir", "mkdirat"):
            made[call.path] = call
        elif call.name == "fsync":
            made = {path: by for path, by in made.items() if parent(path) != call.path}
    for path in made:
        yield f"the folder {path} is made without an fsync of {parent(path)}"
