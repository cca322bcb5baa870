"""The list of pairs that a clinic hands over: a `pairs.csv` and its checks."""

import csv
import dataclasses
import itertools
import json
import os
import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from ffa_keras.errors import InputError, first_of
from ffa_keras.images.files import IMAGE_SUFFIXES, is_image
from ffa_keras.preparation.entry import PairEntry
from ffa_keras.records.schema import CATEGORIES, LONE, SPLITS
from ffa_keras.registration.transform import (
    fit_landmarks,
    parse_affine,
    parse_matrix,
)

_REQUIRED = ("pair_id", "fundus", "ffa")
_SHOWN_LETTERS = 300
# Seconds: nobody takes an angiogram after two hours.
_LONGEST = 7200
_SHOWN_PROBLEMS = 20
_NUMBER = re.compile(r"[1-9][0-9]{0,5}", re.ASCII)
_YES, _NO = ("yes", "true", "1"), ("no", "false", "0", "")


def read_manifest(
    path: str | Path, split_by: str = "patient"
) -> list[PairEntry]:
    """Read a manifest and check all of it.

    Columns `pair_id`, `fundus` and `ffa` are required; one of the two files
    may be left empty, then the other stands alone. `patient`, `eye`,
    `category`, `affine` (six numbers, fundus xy → FFA xy, row by row),
    `homography` (nine), `landmarks` (a JSON file), `aligned` (yes or no),
    `split`, `bits`, `seconds_after_injection`, `keep` (yes or no), and of
    DICOM files of several frames `fundus_frame` and `ffa_frame`, may be there;
    so may `early_ffa`, an early frame of the angiogram by way of which a pair
    is registered that would be refused. Any other column is ignored. The
    first of `affine` to `aligned` that is given says how a pair lies. Paths
    are relative to the manifest; they may lead anywhere.

    Args:
        path: the CSV file, or the folder that holds it as `pairs.csv`.
        split_by: one of `schema.SPLIT_UNITS`; no such unit may ask for two
            splits.

    Returns:
        The pairs in the order of the file.

    Raises:
        InputError: the file has problems; the message names all of them.
    """
    path = Path(path)
    if path.is_dir():
        path = path / "pairs.csv"
    rows = _read_rows(path)
    problems: list[str] = []
    entries = []
    for number, row in enumerate(rows, start=2):
        entry, wrong = _parse_row(row, path.parent)
        problems += [f"line {number}: {what}" for what in wrong]
        entries.append(dataclasses.replace(entry, row=number))
    problems += _across_rows(entries, split_by)
    raise_problems(path, problems)
    return entries


def raise_problems(path: Path, problems: list[str]) -> None:
    """Raise an `InputError` that names all problems, if there are any."""
    if problems:
        raise InputError(f"{path}: {first_of(problems, _SHOWN_PROBLEMS)}")


def _read_rows(path: Path) -> list[dict[str, str]]:
    try:
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise InputError(
            f"{path}: no such manifest; write a pairs.csv with the columns"
            f" {', '.join(_REQUIRED)}"
        ) from error
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: not UTF-8 text; save it as UTF-8") from error
    try:
        reader = csv.DictReader(text.splitlines(), restkey="", strict=True)
        columns = [name.strip() for name in reader.fieldnames or ()]
        reader.fieldnames = columns
        rows = [{k: v or "" for k, v in row.items() if k} for row in reader]
    except csv.Error as error:
        raise InputError(f"{path}: not a CSV file ({error})") from error
    twice = sorted({n for n in columns if n and columns.count(n) > 1})
    if twice:
        raise InputError(
            f"{path}: more than one column {', '.join(map(shown, twice))};"
            " leave one of each"
        )
    missing = [name for name in _REQUIRED if name not in columns]
    if missing:
        raise InputError(
            f"{path}: no column {', '.join(missing)}; the first line must name"
            f" the columns, at least {', '.join(_REQUIRED)}"
        )
    if not rows:
        raise InputError(f"{path}: lists no pair; add a row for each pair")
    return rows


def _parse_row(
    row: dict[str, str], folder: Path
) -> tuple[PairEntry, list[str]]:
    """Return the entry and what is wrong with the row."""
    cell = {name: text.strip() for name, text in row.items()}
    problems = []
    pair_id = cell["pair_id"]
    if not pair_id:
        problems.append("the pair_id is empty")
    for column in LONE:
        problems += _file_problems(column, cell[column], folder)
    early = cell.get("early_ffa") or ""
    problems += _file_problems("early_ffa", early, folder)
    if not any(cell[column] for column in LONE):
        problems.append("neither a fundus nor an ffa file is named")
    for column, known in (("category", CATEGORIES), ("split", SPLITS)):
        if (text := cell.get(column)) and text not in known:
            problems.append(
                f"unknown {column} '{shown(text)}', use one of"
                f" {', '.join(known)}"
            )
    given, matrix = "", None
    try:
        given, matrix = _given(cell, folder)
    except InputError as error:
        problems.append(str(error))
    bits = None
    if text := cell.get("bits"):
        if text.isascii() and text.isdigit() and 8 <= int(text[:3]) <= 16:
            bits = int(text)
        else:
            problems.append(
                f"bits is '{shown(text)}': write 8 to 16, the bits of the"
                " camera"
            )
    seconds = None
    if text := cell.get("seconds_after_injection"):
        try:
            seconds = float(text)
        except ValueError:
            seconds = -1.0
        if not 0 <= seconds <= _LONGEST:
            problems.append(
                f"seconds_after_injection is '{shown(text)}': write a number"
                f" of seconds, 0 to {_LONGEST}, or nothing"
            )
    keep = None
    if text := cell.get("keep", "").lower():
        keep = text in _YES
        if text not in _YES + _NO:
            problems.append(f"keep is '{shown(text)}': write yes or no")
    frames = []
    for column in ("fundus_frame", "ffa_frame"):
        text = cell.get(column) or ""
        frames.append(int(text) if _NUMBER.fullmatch(text) else None)
        if text and frames[-1] is None:
            problems.append(
                f"{column} is '{shown(text)}': write a number from 1"
            )
    eye = cell.get("eye") or f"pair {pair_id}"
    patient = cell.get("patient") or f"eye {eye}"
    if cell.get("patient") and cell.get("eye"):
        eye = f"{patient} {eye}"
    entry = PairEntry(
        pair_id,
        folder / cell["fundus"] if cell["fundus"] else None,
        folder / cell["ffa"] if cell["ffa"] else None,
        patient,
        eye,
        cell.get("category") or CATEGORIES[0],
        matrix,
        cell.get("split") or None,
        given,
        bits=(bits, bits),
        frames=(frames[0], frames[1]),
        keep=keep,
        seconds=seconds,
        early=folder / early if early else None,
    )
    if entry.lone and given:
        problems.append(
            f"{given}: says how a pair lies, but one of its files is not named"
        )
    return entry, problems


def _given(cell: dict[str, str], folder: Path) -> tuple[str, np.ndarray | None]:
    """Return what says how the pair lies, and the transform if any."""
    if cell.get("affine"):
        return "affine", parse_affine(cell["affine"])
    if cell.get("homography"):
        return "homography", parse_matrix(cell["homography"])
    if cell.get("landmarks"):
        return "landmarks", read_landmarks(folder / cell["landmarks"])
    aligned = cell.get("aligned", "").lower()
    if aligned not in _YES + _NO:
        raise InputError(f"aligned is '{shown(aligned)}': write yes or no")
    return ("aligned" if aligned in _YES else ""), None


def _file_problems(column: str, text: str, folder: Path) -> Iterator[str]:
    name = shown(folder / text)
    if not text:
        return
    # No file either, where pathlib would raise: a name too long for any.
    if not os.path.isfile(folder / text):
        yield f"the {column} file {name} does not exist"
    elif not is_image(folder / text):
        yield f"the {column} file {name} is none of {', '.join(IMAGE_SUFFIXES)}"


def shown(text: object) -> str:
    """Return a name as it can be printed: in one line, and not too long.

    Args:
        text: of a manifest or a folder, from anybody.
    """
    line = repr(str(text))[1:-1]
    if len(line) > _SHOWN_LETTERS:
        line = f"{line[:100]}...{line[100 - _SHOWN_LETTERS :]}"
    return line


def read_landmarks(path: Path) -> np.ndarray:
    """Fit the transform of a pair to its landmarks.

    Args:
        path: JSON file with `fundus_xy` and `ffa_xy`, each a list of [x, y].

    Returns:
        3x3 matrix, fundus xy → FFA xy in pixels.

    Raises:
        InputError: no such file, or nothing can be fitted to its content.
    """
    name = shown(path)
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        fundus, ffa = (
            np.array(content[name], np.float64)
            for name in ("fundus_xy", "ffa_xy")
        )
        return fit_landmarks(fundus, ffa)
    except InputError as error:
        raise InputError(f"the landmarks file {name}: {error}") from error
    except OSError as error:
        raise InputError(f"the landmarks file {name} is not there") from error
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise InputError(
            f"the landmarks file {name} is not JSON with fundus_xy and ffa_xy,"
            " each a list of [x, y]"
        ) from error


def _across_rows(entries: list[PairEntry], split_by: str) -> Iterator[str]:
    """Yield what is wrong between rows."""
    seen: set[str] = set()
    for entry in entries:
        if entry.pair_id and entry.pair_id in seen:
            yield f"the pair_id '{shown(entry.pair_id)}' is given twice"
        seen.add(entry.pair_id)
    splits: dict[str, set[str]] = {}
    for entry in entries:
        if entry.split:
            unit = entry.unit(split_by)
            splits.setdefault(unit, set()).add(entry.split)
    for unit, names in splits.items():
        for first, second in itertools.pairwise(sorted(names)):
            yield (
                f"the {split_by} '{shown(unit)}' is in the {first} and the"
                f" {second} split; keep each {split_by} in one"
            )
