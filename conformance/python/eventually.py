"""Waiting with a deadline; never a bare sleep."""

import time

PATIENCE = 30.0


def eventually(check, within=PATIENCE, every=0.05, what=""):
    """Calls `check` until it returns something true, and returns that."""
    deadline = time.monotonic() + within
    while True:
        last = check()
        if last:
            return last
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {within} s: {what or check}; last: {last!r}")
        time.sleep(every)
