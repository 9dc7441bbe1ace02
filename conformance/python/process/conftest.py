"""Cases about the process itself; there is nothing to prove on Kafka."""

import pytest


def pytest_collection_modifyitems(items):
    for item in items:
        item.add_marker(pytest.mark.forebay)
