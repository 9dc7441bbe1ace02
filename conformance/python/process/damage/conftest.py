"""The folders that are damaged, built once."""

import pytest

from . import folder


@pytest.fixture(scope="session")
def complete(in_memory):
    """Segments, a snapshot, a journal in several files behind it."""
    return folder.build(in_memory / "complete")


@pytest.fixture(scope="session")
def young(in_memory):
    """One journal file has everything."""
    return folder.build_young(in_memory / "young")


@pytest.fixture(scope="session")
def two_files(in_memory):
    """A full journal file and one that is written to, and no snapshot yet."""
    return folder.build_two_files(in_memory / "two-files")


@pytest.fixture(scope="session")
def twins(in_memory):
    """Segments of the same shape."""
    return folder.build_twins(in_memory / "twins")


@pytest.fixture(scope="session")
def unsure(in_memory):
    """Killed at once after an acknowledgement."""
    return folder.build_with_unsure_end(in_memory / "unsure")
