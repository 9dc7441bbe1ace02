"""What all Python suites share: the broker under test, and fresh names."""

import os
import uuid

import pytest

# Results as lines.
pytest_plugins = ["verdicts"]

BROKER_KIND = os.environ.get("BROKER_KIND", "forebay")


@pytest.fixture
def broker():
    return os.environ["BROKER"]


@pytest.fixture
def is_forebay():
    return BROKER_KIND == "forebay"


@pytest.fixture
def fresh(request):
    """Names that no other case uses: fresh("group") -> "group-keys_and_headers-3f2a..."."""

    def name(kind):
        case = request.node.originalname.removeprefix("test_")
        return f"{kind}-{case[:60]}-{uuid.uuid4().hex[:8]}"

    return name


def pytest_configure(config):
    config.addinivalue_line("markers", "forebay: only makes sense against Forebay itself")
    config.addinivalue_line("markers", "slow: left out of --quick")
    config.addinivalue_line("markers", "cycles: how often, in --quick, in CI and in a full run")


def pytest_collection_modifyitems(items):
    for item in items:
        if item.get_closest_marker("forebay") and BROKER_KIND != "forebay":
            item.add_marker(pytest.mark.skip(reason="only against Forebay"))
        if item.get_closest_marker("slow") and os.environ.get("QUICK"):
            item.add_marker(pytest.mark.skip(reason="slow: left out of --quick"))
