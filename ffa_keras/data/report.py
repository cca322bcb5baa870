"""What became of every pair: a table without names, and a summary."""

import collections
import csv
import io
from collections.abc import Iterator, Sequence
from pathlib import Path

from ffa_keras.data.align import Verdict
from ffa_keras.data.prepare import Task
from ffa_keras.files import write_text

REPORT_NAME = "preparation.csv"
_COLUMNS = (
    "row pair split category status alignment reason".split()
)  # fmt: skip
_NOTES = {
    "refused": "left out",
    "doubtful": "kept as given, though the vessels do not bear it out",
}
_SHOWN = 12


def write_report(
    folder: Path, tasks: Sequence[Task], verdicts: Sequence[Verdict]
) -> None:
    """Write the table `preparation.csv`, one row for each pair.

    A pair appears by its line in the manifest and its hash in the records.

    Args:
        folder: of the records.
        tasks: of all pairs, kept or refused.
        verdicts: of each task.
    """
    figures = sorted({name for v in verdicts for name in v.figures})
    text = io.StringIO()
    table = csv.DictWriter(text, [*_COLUMNS, *figures], lineterminator="\n")
    table.writeheader()
    for task, verdict in zip(tasks, verdicts, strict=True):
        table.writerow(
            _row(task, verdict)
            | {name: f"{value:.4g}" for name, value in verdict.figures.items()}
        )
    write_text(folder / REPORT_NAME, text.getvalue())


def read_report(folder: Path) -> list[dict[str, str]]:
    """Return the rows of `preparation.csv`, none if there is no such file."""
    path = folder / REPORT_NAME
    if not path.exists():
        return []
    return list(csv.DictReader(path.read_text(encoding="utf-8").splitlines()))


def summary(rows: Sequence[dict[str, str]]) -> Iterator[str]:
    """Yield lines that say how many pairs were kept, and which were not.

    Args:
        rows: of a report.
    """
    how = collections.Counter(
        row["alignment"] for row in rows if row["status"] != "refused"
    )
    kept = ", ".join(f"{count} {name}" for name, count in sorted(how.items()))
    yield f"kept {how.total()} of {len(rows)} pairs ({kept or 'none'})"
    for status, note in _NOTES.items():
        named = [
            f"row {row['row']} ({row['reason']})"
            for row in rows
            if row["status"] == status
        ]
        if named:
            more = len(named) - _SHOWN
            yield f"{len(named)} {note}: {'; '.join(named[:_SHOWN])}" + (
                f"; and {more} more, see {REPORT_NAME}" if more > 0 else ""
            )


def summary_of(
    tasks: Sequence[Task], verdicts: Sequence[Verdict]
) -> Iterator[str]:
    """Yield the summary of pairs whose report is not written."""
    pairs = zip(tasks, verdicts, strict=True)
    return summary([_row(task, verdict) for task, verdict in pairs])


def _row(task: Task, verdict: Verdict) -> dict[str, str]:
    entry = task.entry
    cells = (
        entry.row, entry.pair_id, entry.split, entry.category,
        verdict.status, verdict.how, verdict.reason,
    )  # fmt: skip
    return dict(zip(_COLUMNS, map(str, cells), strict=True))
