"""What became of every pair: a table without names, and a summary."""

import collections
import csv
from collections.abc import Iterator, Sequence
from pathlib import Path

from ffa_keras.errors import InputError, first_of
from ffa_keras.files import write_table
from ffa_keras.preparation.prepare import Outcome
from ffa_keras.records import schema

REPORT_NAME = "preparation.csv"
_COLUMNS = (
    "row pair split category status alignment reason"
    " fundus_bits ffa_bits seconds_after_injection alone"
).split()  # fmt: skip
_NOTES = {
    "refused": "left out",
    "doubtful": "kept as given, though the vessels do not bear it out",
}
_SHOWN = 12


def write_report(folder: Path, outcomes: Sequence[Outcome]) -> None:
    """Write the table `preparation.csv`, one row for each pair.

    A pair appears by its line in the manifest and its hash in the records.

    Args:
        folder: of the records.
        outcomes: of all pairs, kept or refused.
    """
    names = sorted({name for o in outcomes for name in o.verdict.figures})
    rows = [[*_COLUMNS, *names]]
    for outcome in outcomes:
        found = {n: f"{v:.4g}" for n, v in outcome.verdict.figures.items()}
        rows.append(
            [*_row(outcome).values(), *(found.get(n, "") for n in names)]
        )
    write_table(folder / REPORT_NAME, rows)


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
    alone = any(row["alone"] for row in rows)
    what = "pairs and images that stand alone" if alone else "pairs"
    yield f"kept {how.total()} of {len(rows)} {what} ({kept or 'none'})"
    for status, note in _NOTES.items():
        named = [
            f"row {row['row']} ({row['reason']})"
            for row in rows
            if row["status"] == status
        ]
        if named:
            see = f", see {REPORT_NAME}" if len(named) > _SHOWN else ""
            yield f"{len(named)} {note}: {first_of(named, _SHOWN)}{see}"


def summary_of(outcomes: Sequence[Outcome]) -> Iterator[str]:
    """Yield the summary of pairs whose report is not written.

    Args:
        outcomes: of all pairs, kept or refused.
    """
    return summary([_row(outcome) for outcome in outcomes])


def refuse_lost_splits(outcomes: Sequence[Outcome]) -> None:
    """Raise an `InputError` if all that a split should hold was refused.

    Args:
        outcomes: of all pairs, kept or refused.
    """
    kept = {o.pair.stored_in for o in outcomes if o.verdict.accepted}
    present = {o.pair.stored_in for o in outcomes}
    lost = [name for name in schema.SPLITS if name in present - kept]
    if lost:
        raise InputError(
            f"every pair of the {' and the '.join(lost)} split was refused:"
            f" {'; '.join(summary_of(outcomes))}; give their affine or"
            " landmarks in the manifest"
        )


def _row(outcome: Outcome) -> dict[str, str]:
    pair, verdict = outcome.pair, outcome.verdict
    cells = (
        pair.row, pair.pair, pair.split, pair.category,
        verdict.status, verdict.how, verdict.reason, *pair.bits,
        "" if pair.seconds is None else f"{pair.seconds:g}",
        pair.lone,
    )  # fmt: skip
    return dict(zip(_COLUMNS, map(str, cells), strict=True))
