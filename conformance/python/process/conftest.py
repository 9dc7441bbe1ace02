"""Cases about the process itself; there is nothing to prove on Kafka."""

import pytest


def pytest_collection_modifyitems(items):
    for item in items:
        item.add_marker(pytest.mark.forebay)


@pytest.fixture
def report(record_property):
    """The runner shows these figures below the table."""
    return lambda figure: record_property("figure", figure)
