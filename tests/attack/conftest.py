"""Counts what was tried, by kind: a row of a table has the id `KIND: ROW`.

python -m pytest tests/attack
"""

import collections

FAULTS = (
    "kill", "workers", "run folder", "interrupted", "full disk", "read-only",
    "changed under the run", "two at once", "rename and overwrite",
)  # fmt: skip
BAD_INPUTS = (
    "manifests", "image bombs", "damaged photographs", "encoded endpoint",
    "models and weights", "damaged TFLite", "TF_CONFIG", "flags", "records",
)  # fmt: skip


def pytest_terminal_summary(terminalreporter):
    """Print the two tables: tried, survived or refused in words, not."""
    rows = collections.defaultdict(collections.Counter)
    for outcome in ("passed", "failed", "error", "skipped"):
        for report in terminalreporter.getreports(outcome):
            kind, colon, _ = report.nodeid.partition("[")[2].partition(": ")
            if colon and (outcome != "passed" or report.when == "call"):
                rows[kind][outcome] += 1
    for title, kinds in (("faults", FAULTS), ("bad inputs", BAD_INPUTS)):
        table = [(kind, rows[kind]) for kind in kinds if kind in rows]
        if not table:
            continue
        table.append((f"all {title}", sum((r for _, r in table), rows["none"])))
        terminalreporter.section(title)
        terminalreporter.write_line(
            f"{'':<24}{'tried':>8}{'survived or refused in words':>32}"
            f"{'not':>6}{'skipped':>10}"
        )
        for kind, count in table:
            bad = count["failed"] + count["error"]
            terminalreporter.write_line(
                f"{kind:<24}{count['passed'] + bad:>8}{count['passed']:>32}"
                f"{bad:>6}{count['skipped']:>10}"
            )
