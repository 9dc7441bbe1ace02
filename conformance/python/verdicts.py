"""Results as lines, which the runner reads: a plugin, for suites of others too."""

import pytest


def case_name(nodeid):
    parts = [part.removeprefix("test_") for part in nodeid.split("::")[1:]]
    return ".".join(parts).replace("[", "_").replace("]", "")


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
