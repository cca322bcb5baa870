"""Counts of what was attacked, printed after `pytest tests/attack`.

Each case is named `[KIND: what is done]`; a case passes where nothing is lost
and the refusal, if there is one, is a line that names the cure.
"""

import collections
import re

FAULTS = (
    "kill",
    "workers",
    "run folder",
    "interrupted",
    "full disk",
    "read-only",
    "changed under the run",
    "two at once",
    "rename and overwrite",
)
BAD_INPUTS = (
    "manifests",
    "image bombs",
    "damaged photographs",
    "encoded endpoint",
    "models and weights",
    "damaged TFLite",
    "TF_CONFIG",
    "flags",
    "records",
)
_CASE = re.compile(rf"tests/attack/.*[\[-]({'|'.join(FAULTS + BAD_INPUTS)}): ")
_OUTCOMES = {"passed": "held", "failed": "not", "error": "not"}


def pytest_terminal_summary(terminalreporter):
    counts = collections.defaultdict(collections.Counter)
    for outcome in ("passed", "failed", "error", "skipped"):
        for report in terminalreporter.stats.get(outcome, ()):
            case = _CASE.match(getattr(report, "nodeid", ""))
            if case:
                counts[case[1]][_OUTCOMES.get(outcome, outcome)] += 1
    for title, kinds in (("faults", FAULTS), ("bad inputs", BAD_INPUTS)):
        rows = [(kind, counts[kind]) for kind in kinds if kind in counts]
        if rows:
            total = sum((count for _, count in rows), collections.Counter())
            _table(terminalreporter, title, [*rows, ("all", total)])


def _table(reporter, title, rows):
    columns = ("tried", "held", "not", "skipped")
    reporter.section(title)
    reporter.line(f"{'':24}" + "".join(f"{name:>9}" for name in columns))
    for kind, count in rows:
        tried = count["held"] + count["not"]
        cells = (tried, count["held"], count["not"], count["skipped"])
        reporter.line(f"{kind:24}" + "".join(f"{cell:9}" for cell in cells))
