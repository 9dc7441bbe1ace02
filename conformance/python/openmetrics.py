"""Reading an OpenMetrics page."""

import re

SERIES = re.compile(r"^(?P<name>\w+)(?:\{(?P<labels>.*)\})? (?P<value>\S+)$")
LABEL = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"')


class Page:
    """`page.value("forebay_connections", protocol="kafka")`."""

    def __init__(self, text):
        self.series = {}
        for line in text.splitlines():
            found = None if line.startswith("#") else SERIES.match(line)
            if found:
                labels = frozenset(LABEL.findall(found["labels"] or ""))
                self.series[found["name"], labels] = float(found["value"])

    def value(self, name, **labels):
        return self.series[name, frozenset(labels.items())]
