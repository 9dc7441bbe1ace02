"""Cases about the process itself; there is nothing to prove on Kafka."""

import os
import random
import shutil
import tempfile
from pathlib import Path

import pytest

from .cuttable_disk import CuttableDisk
from .history import History


def pytest_collection_modifyitems(items):
    for item in items:
        item.add_marker(pytest.mark.forebay)


@pytest.fixture
def report(record_property):
    """The runner shows these figures below the table."""
    return lambda figure: record_property("figure", figure)


@pytest.fixture
def dice():
    """Randomness that can be had again: the seed is printed, and SEED sets it."""
    seed = int(os.environ.get("SEED") or random.SystemRandom().randrange(2**32))
    print(f"SEED={seed}")
    return random.Random(seed)


@pytest.fixture
def cycles(request):
    """How often a case does its worst: `@pytest.mark.cycles(quick=5, ci=20, full=100)`."""
    how_often = request.node.get_closest_marker("cycles").kwargs
    if os.environ.get("CRASH_CYCLES"):
        return int(os.environ["CRASH_CYCLES"])
    if os.environ.get("QUICK"):
        return how_often["quick"]
    return how_often["ci" if os.environ.get("CI") == "true" else "full"]


@pytest.fixture(scope="session")
def in_memory(tmp_path_factory):
    """A folder without a disk behind it, for what starts a server some thousand times."""
    if not os.access("/dev/shm", os.W_OK):
        yield tmp_path_factory.mktemp("work")
        return
    folder = Path(tempfile.mkdtemp(prefix="forebay-test-", dir="/dev/shm"))
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def disk(tmp_path):
    """A file system that can lose its power."""
    with CuttableDisk(tmp_path) as disk:
        yield disk


@pytest.fixture
def history(tmp_path):
    """What clients do and see, to be judged."""
    with History(tmp_path / "history.jsonl") as history:
        yield history
