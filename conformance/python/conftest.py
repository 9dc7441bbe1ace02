"""What all Python suites share: the broker under test, fresh names, results as lines."""

import os
import uuid

import pytest

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


def case_name(nodeid):
    return nodeid.split("::")[-1].removeprefix("test_").replace("[", "_").replace("]", "")


@pytest.hookimpl(trylast=True)
def pytest_runtest_logreport(report):
    """One line a case; the runner reads it."""
    name = case_name(report.nodeid)
    if report.failed:
        where = "" if report.when == "call" else f"({report.when}) "
        crash = getattr(report.longrepr, "reprcrash", None)
        message = crash.message if crash else str(report.longrepr)
        print(f"\nFAIL {name}: {where}{' '.join(message.split())[:500]}", flush=True)
    elif report.skipped:
        print(f"\nSKIP {name}: {report.longrepr[2].removeprefix('Skipped: ')}", flush=True)
    elif report.when == "call":
        print(f"\nPASS {name}", flush=True)
    if report.when == "call":
        for kind, figure in report.user_properties:
            if kind == "figure":
                print(f"FIGURE {figure}", flush=True)
