"""Subgroups of the judged eyes: by any column of a table, and by phase."""

import csv
import math
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from ffa_keras.errors import InputError
from ffa_keras.preparation.report import read_report
from ffa_keras.preparation.splits import hashed_id, read_key

PHASE = "phase"
# From these seconds after the injection on; the paper's frames are of 5 to 6
# minutes.
_PHASES = (
    (300.0, "5 minutes and later, late"),
    (60.0, "1 to 5 minutes"),
    (0.0, "first minute"),
)
_SECONDS = "seconds_after_injection"
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
        InputError: it cannot be read, lacks a column, a column has so many
            values that it names images rather than groups, or a number of
            seconds is none.
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
                f" {column}; it has {', '.join(rows[0] if rows else ())}"
            )
        values = {row[column].strip() for row in rows}
        if len(values) > _MOST_VALUES or len(max(values, key=len)) > _LETTERS:
            raise InputError(
                f"--subgroups={','.join(columns)}: {column} has"
                f" {len(values)} values in {path}; make bands of them, at most"
                f" {_MOST_VALUES} and of {_LETTERS} letters each"
            )
    for line, row in enumerate(rows, start=2):
        if not _is_time(row.get(_SECONDS, "").strip()):
            raise InputError(
                f"--table={path}: line {line}: {_SECONDS} is no number from 0"
                " on; write seconds, such as 330, or leave it empty"
            )
    return rows


def _is_time(text: str) -> bool:
    """Whether a cell is empty or a number of seconds."""
    try:
        return not text or 0 <= float(text) < math.inf
    except ValueError:
        return False


def groups_of_row(row: Mapping[str, str], columns: Iterable[str]) -> Groups:
    """Return the subgroups that a row tells, its phase among them if it may.

    Args:
        row: by column; `seconds_after_injection` tells the phase.
        columns: that tell subgroups; empty cells tell none.
    """
    groups = {column: row[column].strip() for column in columns}
    groups[PHASE] = phase_of(row.get(_SECONDS, ""))
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
    folder: Path, table: str, columns: Sequence[str], key_file: str = ""
) -> dict[str, Groups]:
    """Return the subgroups of the pairs of a prepared dataset by their hash.

    Args:
        folder: of the records, with the report of the preparation.
        table: the manifest, or a table with the same lines; empty for none.
        columns: of the table.
        key_file: secret key of the preparation, by which the lines of pairs
            are found. Where there is none, lines count by their number, which
            is said.

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
    found = {pair["pair"]: groups_of_row(pair, ()) for pair in report}
    if not rows:
        return found
    lines = _lines_by_pair(rows, report, table, key_file)
    return {
        pair: groups | groups_of_row(lines[pair], columns)
        for pair, groups in found.items()
    }


def _lines_by_pair(
    rows: list[dict[str, str]],
    report: list[dict[str, str]],
    table: str,
    key_file: str,
) -> dict[str, dict[str, str]]:
    """Return the line of each prepared pair, by its hash."""
    prepared = {pair["pair"]: int(pair["row"]) for pair in report}
    by_hash = "pair_id" in rows[0] and key_file
    if by_hash and Path(key_file).expanduser().exists():
        key = read_key(key_file)
        lines = {
            hashed_id(key, "pair", row["pair_id"].strip()): row for row in rows
        }
        cure = (
            "give the manifest that was prepared, and its --key_file, or an"
            " empty one to go by the number of the line"
        )
    else:
        lines = {
            pair: rows[line - 2]
            for pair, line in prepared.items()
            if 0 <= line - 2 < len(rows)
        }
        cure = "give the manifest itself"
        print(
            f"note: lines of {table} are taken by their number: no key of the"
            " preparation, or no column pair_id, tells whose they are"
        )
    if missing := sorted(prepared[p] for p in prepared.keys() - lines.keys()):
        raise InputError(
            f"--table={table}: has no line of the pair that was prepared from"
            f" line {missing[0]}, nor of {len(missing) - 1} more; {cure}"
        )
    return lines
