"""How large the faults are: moderate in CI, the full size with FAULTS=full."""

import os

FULL = os.environ.get("FAULTS") == "full"


def scale(usual, full):
    return full if FULL else usual
