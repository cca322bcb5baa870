"""Subgroups of the judged eyes: by any column of a table, and by phase."""

import csv
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from ffa_keras.errors import InputError
from ffa_keras.preparation.report import read_report

PHASE = "phase"
# From these seconds after the injection on; the paper's frames are of 5 to 6
# minutes.
_PHASES = (
    (300.0, "5 minutes and later, late"),
    (60.0, "1 to 5 minutes"),
    (0.0, "first minute"),
)
_MOST_VALUES = 12
_LETTERS = 40
Groups = dict[str, str]


def read_table(
    path: str | Path, columns: Sequence[str]
) -> list[dict[str, str]]:
    """Read a table of which some columns tell subgroups.

    Args:
        path: a CSV file with a header.
        columns: that will appear in outputs, named by whoever may decide that.

    Returns:
        The rows, by column.

    Raises:
        InputError: it cannot be read, lacks a column, or a column has so many
            values that it names images rather than groups.
    """
    try:
        text = Path(path).read_text(encoding="utf-8-sig")
        rows = list(csv.DictReader(text.splitlines(), restval=""))
    except OSError as error:
        raise InputError(f"--table={path}: no such file") from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"--table={path}: not a CSV file in UTF-8") from error
    for column in columns:
        if not rows or column not in rows[0]:
            raise InputError(
                f"--subgroups={','.join(columns)}: {path} has no column"
                f" {column}"
            )
        values = {row[column].strip() for row in rows}
        if len(values) > _MOST_VALUES or len(max(values, key=len)) > _LETTERS:
            raise InputError(
                f"--subgroups={','.join(columns)}: {column} has"
                f" {len(values)} values in {path}; make bands of them, at most"
                f" {_MOST_VALUES} and of {_LETTERS} letters each"
            )
    return rows


def groups_of_row(row: Mapping[str, str], columns: Iterable[str]) -> Groups:
    """Return the subgroups that a row tells, its phase among them if it may.

    Args:
        row: by column; `seconds_after_injection` tells the phase.
        columns: that tell subgroups; empty cells tell none.
    """
    groups = {column: row[column].strip() for column in columns}
    groups[PHASE] = phase_of(row.get("seconds_after_injection", ""))
    return {column: value for column, value in groups.items() if value}


def phase_of(seconds: str) -> str:
    """Return the name of the phase of an angiogram; empty if it is unknown.

    Args:
        seconds: after the injection, as text.
    """
    try:
        number = float(seconds)
    except ValueError:
        return ""
    return next((name for least, name in _PHASES if number >= least), "")


def groups_of_dataset(
    folder: Path, table: str, columns: Sequence[str]
) -> dict[str, Groups]:
    """Return the subgroups of the pairs of a prepared dataset by their hash.

    Args:
        folder: of the records, with the report of the preparation.
        table: the manifest, or a table with the same lines; empty for none.
        columns: of the table.

    Raises:
        InputError: the table cannot be used, or nothing says which of its
            lines belongs to which pair.
    """
    report = read_report(folder)
    rows = read_table(table, columns) if table else []
    if table and not report:
        raise InputError(
            f"--table={table}: {folder} has no preparation.csv, which would"
            " say which line belongs to which pair; prepare the data again"
        )
    found = {}
    for pair in report:
        groups = groups_of_row(pair, ())
        line = int(pair["row"]) - 2
        if rows:
            if not 0 <= line < len(rows):
                raise InputError(
                    f"--table={table}: has {len(rows)} lines, but a pair was"
                    f" prepared from line {line + 2}; give the manifest itself"
                )
            groups |= groups_of_row(rows[line], columns)
        found[pair["pair"]] = groups
    return found
