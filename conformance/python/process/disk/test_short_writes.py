"""Writes that take only a part of what they are given: the rest is written, or the server ends."""

import shutil
import subprocess
from pathlib import Path

import pytest

from ..forebay import BUSY, Forebay
from .load import Load, ended_with_one_clear_line

SOURCE = Path(__file__).with_name("short_writes.c")


class ShortWrites:
    """What a server is started by so that its writes are short; see short_writes.c."""

    def __init__(self, folder, data):
        self.library, self.data, self.log = folder / "short_writes.so", data, folder / "short"
        compile_it = ["cc", "-shared", "-fPIC", "-O2", "-o", str(self.library), str(SOURCE), "-ldl"]
        done = subprocess.run(compile_it, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr

    def command(self, fail_one_in=None):
        settings = {
            "LD_PRELOAD": self.library,
            "SHORT_WRITES_UNDER": self.data,
            "SHORT_WRITES_LOG": self.log,
        }
        if fail_one_in:
            settings["SHORT_WRITES_FAIL_ONE_IN"] = fail_one_in
        return ["env", *(f"{name}={value}" for name, value in settings.items())]

    def count(self, what):
        return self.log.read_bytes().count(what) if self.log.exists() else 0


@pytest.fixture
def short(tmp_path):
    if not shutil.which("cc"):
        pytest.skip("SHORT-WRITE TESTS ARE LEFT OUT: no C compiler")
    return ShortWrites(tmp_path, tmp_path / "data")


@pytest.fixture
def server(short, tmp_path):
    server = Forebay(tmp_path / "data", *BUSY, log=tmp_path / "server.log")
    server.under = short.command()
    with server:
        yield server


def test_what_a_short_write_leaves_is_written(server, short, history, report):
    load = Load(history, server)
    load.wait_for_progress(2000)
    counts = load.finish()
    assert list(server.data.glob("segments/*")), "nothing was sorted"
    assert short.count(b"s") > 100
    report(f"{short.count(b's'):,} short writes under {counts['acknowledged']:,} records")


@pytest.mark.cycles(quick=5, ci=20, full=100)
def test_a_write_that_fails_half_way_is_the_end(server, short, history, cycles, report):
    load = Load(history, server)
    load.wait_for_progress()
    server.kill()
    history.fault("kill -9", ends_life=True)
    for _ in range(cycles):
        failed = short.count(b"e")
        seen = server.log.stat().st_size
        server.under = short.command(fail_one_in=30)
        # Also a start may meet the error.
        server.launch()
        server.process.wait(60)
        log = server.log.read_bytes()[seen:].decode(errors="replace")
        ended_with_one_clear_line(server, log, "")
        assert short.count(b"e") > failed, log
        history.fault("half a write", ends_life=True)
        server.under = []
        server.start()
        load.wait_for_progress()
        server.kill()
        history.fault("kill -9", ends_life=True)
    server.start()
    counts = load.finish()
    report(f"{cycles} writes that failed half way: {counts['acknowledged']:,} records, none lost")
