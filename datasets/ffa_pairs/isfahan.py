"""The public Isfahan MISP archive: which file is what, its defects mended.

Hajeb Mohammad Alipour et al. 2012: 30 pairs of diabetic and 30 of healthy
eyes, 720x576. The names of the files promise more order than there is.
"""

import csv
import dataclasses
import re
from collections.abc import Collection, Iterable, Sequence
from pathlib import Path

import numpy as np

from ffa_keras.errors import InputError
from ffa_keras.images.files import has_suffix
from ffa_keras.preparation.check import FileFacts
from ffa_keras.preparation.entry import PairEntry
from ffa_keras.preparation.manifest import raise_problems
from ffa_keras.registration.transform import parse_affine

CORRECTIONS = {
    "normal_order": "normal eyes: the photograph is k-k.jpg, the FFA k.jpg",
    "swapped_normal_10_11": "normal/10-10.jpg and 11-11.jpg change places",
    "wrong_normal_30": "normal/30, which holds a wrong image, is left out",
    "burnt_in_text": "date and time at the top left of an FFA are blackened",
    "shared_files": "pairs that have a file in common count as one patient",
}
# Width and height of date and time with a margin, of 720x576 pixels.
TEXT_BOX = (70 / 720, 34 / 576)
_PAIRS = 30
_FRAME = (576, 720)
_NAME = re.compile(r"(\d+)(?:-(\d+))?")
_EXCHANGED = {10: 11, 11: 10}


def read_archive(
    archive: Path, corrections: Collection[str], affines: Path | None = None
) -> tuple[list[PairEntry], list[str]]:
    """Join the files of the archive into pairs.

    Args:
        archive: folder with the folders ABNORMAL and NORMAL, in any case and
            at any depth.
        corrections: names out of `CORRECTIONS`.
        affines: CSV without a header, `fundus,ffa,m11,...,m23`, with an FFA
            such as abnormal/1-1.jpg; used as they are. Else pairs are
            registered.

    Returns:
        The pairs; and a note on every pair that is joined otherwise than with
        all corrections, on extra files, and on files missing of a pair that is
        left out anyway.

    Raises:
        InputError: names all folders and files that are missing or double.
    """
    matrices = _read_affines(affines) if affines else {}
    entries: list[PairEntry] = []
    notes: list[str] = []
    problems: list[str] = []
    for category in ("abnormal", "normal"):
        files, extra, wrong = _find(archive, category)
        notes += extra
        problems += wrong
        for number in range(1, _PAIRS + 1):
            names = join(category, number, corrections)
            right = join(category, number, CORRECTIONS)
            if names != right:
                notes.append(_joined(category, names, right))
            if names is None:
                continue
            missing = [f"{category}/{n}.jpg" for n in names if n not in files]
            if missing:
                if files:
                    problems += [f"{name} is missing" for name in missing]
                continue
            pair = f"{category} {number}"
            matrix = matrices.get(f"{category}/{names[1]}")
            entries.append(
                PairEntry(
                    pair,
                    files[names[0]],
                    files[names[1]],
                    pair,
                    pair,
                    category,
                    matrix,
                    given="" if matrix is None else "affine",
                    row=len(entries) + 1,
                )
            )
    raise_problems(archive, problems)
    return entries, notes


def join(
    category: str, number: int, corrections: Collection[str]
) -> tuple[str, str] | None:
    """Return the names of a pair's photograph and FFA, without suffix.

    Args:
        category: "abnormal" or "normal".
        number: of the pair, from 1.
        corrections: names out of `CORRECTIONS`.

    Returns:
        The names, or `None` if the pair is left out.
    """
    single, double = f"{number}", f"{number}-{number}"
    if category == "abnormal":
        return single, double
    if number == 30 and "wrong_normal_30" in corrections:
        return None
    if "swapped_normal_10_11" in corrections:
        other = _EXCHANGED.get(number, number)
        double = f"{other}-{other}"
    if "normal_order" in corrections:
        return double, single
    return single, double


def one_patient_for_shared_files(
    entries: Sequence[PairEntry], facts: dict[Path, FileFacts]
) -> tuple[list[PairEntry], list[str]]:
    """Give pairs with a file in common one patient.

    Args:
        entries: the pairs.
        facts: of their files.

    Returns:
        The pairs, and a note on each that got another patient.
    """
    owners: dict[str, str] = {}
    joined, notes = [], []
    for entry in entries:
        digests = [facts[path].digest for path in entry.paths]
        patient = next((owners[d] for d in digests if d in owners), None)
        if patient:
            notes.append(
                f"{entry.patient} has a file in common with {patient}: kept in"
                " one split"
            )
            entry = dataclasses.replace(entry, patient=patient)
        for digest in digests:
            owners.setdefault(digest, entry.patient)
        joined.append(entry)
    return joined, notes


def frame_problems(
    entries: Iterable[PairEntry], facts: dict[Path, FileFacts]
) -> list[str]:
    """Return what is wrong with the size of any file."""
    return [
        f"{path}: {facts[path].shape[1]}x{facts[path].shape[0]} pixels, not"
        f" {_FRAME[1]}x{_FRAME[0]}"
        for entry in entries
        for path in entry.paths
        if facts[path].shape != _FRAME
    ]


def _find(
    archive: Path, category: str
) -> tuple[dict[str, Path], list[str], list[str]]:
    """Return the files of a folder by name, notes, and problems."""
    folders = [
        path
        for path in sorted(archive.rglob("*"))
        if path.is_dir() and path.name.lower() == category
    ]
    if len(folders) != 1:
        found = "none" if not folders else ", ".join(map(str, folders))
        return {}, [], [f"needs one folder {category.upper()}, has {found}"]
    files: dict[str, Path] = {}
    notes, problems = [], []
    for path in sorted(folders[0].iterdir()):
        match = _NAME.fullmatch(path.stem)
        number, again = match.groups() if match else ("0", None)
        known = again in (None, number) and 1 <= int(number) <= _PAIRS
        if not (known and has_suffix(path)):
            notes.append(f"{category}/{path.name} belongs to no pair")
        elif path.stem in files:
            other = files[path.stem].name
            problems.append(f"{category}/{path.name} and {other} are one name")
        else:
            files[path.stem] = path
    return files, notes, problems


def _joined(
    category: str,
    names: tuple[str, str] | None,
    right: tuple[str, str] | None,
) -> str:
    def text(pair: tuple[str, str] | None) -> str:
        if pair is None:
            return "left out"
        return f"{category}/{pair[0]}.jpg with FFA {category}/{pair[1]}.jpg"

    return f"joins {text(names)}; corrected: {text(right)}"


def _read_affines(path: Path) -> dict[str, np.ndarray]:
    """Return the transforms by the FFA, which no correction renames."""
    try:
        rows = list(csv.reader(path.read_text().splitlines()))
        return {
            row[1].lower().rpartition(".")[0]: parse_affine(" ".join(row[2:8]))
            for row in rows
            if row
        }
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error})") from error
    except (UnicodeDecodeError, IndexError) as error:
        raise InputError(
            f"{path}: not a table fundus,ffa,m11,m12,m13,m21,m22,m23"
        ) from error
