"""Cases about the process itself; there is nothing to prove on Kafka."""

import os
import random
import shutil
import tempfile

import pytest


def pytest_collection_modifyitems(items):
    for item in items:
        item.add_marker(pytest.mark.forebay)


@pytest.fixture
def report(record_property):
    """The runner shows these figures below the table."""
    return lambda figure: record_property("figure", figure)


@pytest.fixture
def dice(report):
    """Random numbers that can be had again: SEED=... repeats what a failed run was dealt."""
    seed = int(os.environ.get("SEED") or random.SystemRandom().randrange(2**32))
    print(f"SEED={seed}")
    yield random.Random(seed)


@pytest.fixture(scope="session")
def in_memory(tmp_path_factory):
    """A folder without a disk behind it, for what starts a server some thousand times."""
    if not os.access("/dev/shm", os.W_OK):
        yield tmp_path_factory.mktemp("work")
        return
    folder = tempfile.mkdtemp(prefix="forebay-test-", dir="/dev/shm")
    yield type(tmp_path_factory.getbasetemp())(folder)
    shutil.rmtree(folder, ignore_errors=True)
