"""Which photographs to translate, and where the answers may go."""

import glob
import os
import stat
import unicodedata
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

from ffa_keras.errors import InputError
from ffa_keras.images.dicom import is_synthetic
from ffa_keras.images.files import IMAGE_SUFFIXES, has_suffix, is_image

# `X as X`: the label had its home here; old names last for one more release.
from ffa_keras.inference.label import (
    LABEL,
    PNG_START as PNG_START,
    is_labelled,
    label_png as label_png,
    text_chunks,
)

# Pictures that may go with an answer.
SALIENCY = "saliency"
INTERVAL = "interval"
SPREAD = "spread"
MAPS = (SALIENCY, INTERVAL, SPREAD)

# The answer once more, as a DICOM file.
DICOM = "dicom"

# What an answer is named by: its photograph's stem, or the row of the report.
STEMS = "stems"
NUMBERS = "numbers"
NAMES = (STEMS, NUMBERS)

REPORT_NAME = "report.csv"
REPORT_COLUMNS = (
    "number",
    "width",
    "height",
    "score",
    "suspicious",
    "outcome",
)

# Holds the text fields of any answer.
_HEAD = 2**12


def find_photographs(
    sources: Sequence[str],
    maps: Collection[str] = (),
    output: Path | None = None,
    names: str = STEMS,
) -> dict[Path, Path]:
    """Find the photographs that a user names.

    Args:
        sources: each a file, a folder (searched with its subfolders for image
            files), or a pattern such as `clinic/*.tif`.
        maps: of `MAPS` or `DICOM`, what will be beside each answer.
        output: where the answers go; a search leaves out what lies there.
        names: of `NAMES`.

    Returns:
        For each photograph the relative path of its answer: the same stem
        (a name that has no suffix of an image is kept whole) with `.png`, a
        folder's subfolders kept; or its number in their order.

    Raises:
        InputError: nothing is found, or two photographs would share a file.
    """
    answers: dict[Path, Path] = {}
    for source in sources:
        answers |= _answers_of(source, output)
    if names == NUMBERS:
        return {p: Path(f"{number}.png") for number, p in enumerate(answers, 1)}
    first: dict[str, Path] = {}
    for photograph, answer in answers.items():
        for file in files_of(answer, maps):
            # Many a file system takes names for one that differ in case.
            name = unicodedata.normalize("NFC", str(file)).casefold()
            if name in first:
                raise InputError(
                    f"--input: {first[name]} and {photograph} would"
                    f" both become {file}; translate them into two folders or"
                    f" add --names={NUMBERS}"
                )
            first[name] = photograph
    return answers


def _answers_of(source: str, output: Path | None) -> dict[Path, Path]:
    """Return the answer of each photograph that one source names."""
    path = Path(source)
    if path.is_file():
        return {path: Path(_stem(path) + ".png")}
    found = _search(source)
    if not found:
        kinds = " ".join(IMAGE_SUFFIXES)
        raise InputError(f"--input={source}: no photograph found ({kinds})")
    inside = _folders_within(output, {p.parent for p in found})
    outside = [p for p in found if p.parent not in inside]
    if not outside:
        raise InputError(
            f"--output={output}: holds every photograph of"
            f" --input={source}; name another folder"
        )
    root = path if path.is_dir() else None
    return {
        p: (p.parent.relative_to(root) if root else Path())
        / (_stem(p) + ".png")
        for p in outside
    }


def _stem(photograph: Path) -> str:
    """Return a name without its suffix, which ends no UID: `1.2.840.7`."""
    return photograph.stem if has_suffix(photograph) else photograph.name


def map_path(answer: Path, name: str) -> Path:
    """Return where a map goes: beside its answer, which it follows by name.

    Args:
        answer: file of the answer.
        name: of `MAPS`, or `DICOM`.
    """
    if name == DICOM:
        return answer.with_suffix(".dcm")
    return answer.with_name(f"{answer.stem}_{name}.png")


def files_of(answer: Path, maps: Collection[str]) -> list[Path]:
    """Return the files of one photograph: its maps, then the answer.

    Args:
        answer: file of the answer.
        maps: of `MAPS` or `DICOM`, what is beside it.
    """
    return [*(map_path(answer, name) for name in maps), answer]


def check_folder(folder: Path) -> None:
    """Refuse a folder that cannot be written, before any work is done.

    Args:
        folder: where the answers go; it need not exist.

    Raises:
        InputError: it is a file, or nothing can be written there.
    """
    if folder.exists() and not folder.is_dir():
        raise InputError(f"--output={folder}: is a file; name a folder")
    standing = folder
    while not standing.exists() and standing != standing.parent:
        standing = standing.parent
    if not standing.is_dir() or not os.access(standing, os.W_OK):
        raise InputError(
            f"--output={folder}: cannot be written; name another folder"
        )


def check_nothing_lost(
    folder: Path,
    answers: Mapping[Path, Path],
    maps: Collection[str],
    may_exist: bool,
) -> None:
    """Refuse a folder in which anything but older answers would be replaced.

    Args:
        folder: where the answers go.
        answers: for each photograph the relative path of its answer.
        maps: of `MAPS` or `DICOM`, what will be beside each.
        may_exist: whether answers of this program may be there already.

    Raises:
        InputError: a file to be written is a photograph (under whatever name:
            links, hard links, other case), no file, or not an answer; or it
            exists and `may_exist` is false.
    """
    photographs = {_identity(p.stat()): p for p in answers}
    taken = []
    for file in _written(answers.values(), maps):
        path = folder / file
        try:
            found = path.stat()
        except OSError:
            # Not there, or a name that the file system does not take.
            continue
        if _identity(found) in photographs:
            raise InputError(
                f"--output={folder}: {file} is the photograph"
                f" {photographs[_identity(found)]}; name another folder"
            )
        if not stat.S_ISREG(found.st_mode):
            raise InputError(
                f"--output={folder}: {file} is no file but stands where an"
                " answer goes; move it away or name another folder"
            )
        taken.append(file)
    if taken and not may_exist:
        raise InputError(
            f"--output={folder}: {len(taken)} files exist, {taken[0]} first;"
            " add --resume to keep what is whole, add --overwrite to make all"
            " again, or name another folder"
        )
    for file in taken:
        if not _is_ours(folder / file):
            raise InputError(
                f"--output={folder}: {file} was not made by this program; move"
                " it away or name another folder"
            )


def check_same_model(
    folder: Path, files: Collection[Path], label: dict[str, str]
) -> None:
    """Refuse to go on among the answers of another model.

    Args:
        folder: where the answers go.
        files: relative paths of answers and maps.
        label: text fields of an answer; `Model` is compared.

    Raises:
        InputError: one of the files is of another model.
    """
    model = text_chunks({"Model": label["Model"]})
    for file in files:
        try:
            head = _head(folder / file)
        except OSError:
            continue
        if head and model not in head:
            raise InputError(
                f"--resume: {file} in {folder} is of another model; add"
                " --overwrite to make all again, or name another folder"
            )


def _search(source: str) -> list[Path]:
    path = Path(source)
    if path.is_dir():
        return [
            p for p in sorted(path.rglob("*")) if p.is_file() and is_image(p)
        ]
    found = sorted(glob.glob(source, recursive=True))
    return [Path(p) for p in found if Path(p).is_file()]


def _folders_within(
    output: Path | None, folders: Collection[Path]
) -> set[Path]:
    """Return those of the folders that are, or lie in, the folder `output`."""
    if output is None or not output.is_dir():
        return set()
    return {
        folder
        for folder in folders
        if any(
            output.samefile(place)
            for place in (folder.resolve(), *folder.resolve().parents)
        )
    }


def _written(answers: Collection[Path], maps: Collection[str]) -> list[Path]:
    files = [file for answer in answers for file in files_of(answer, maps)]
    return [*files, Path(REPORT_NAME)]


def _identity(status: os.stat_result) -> tuple[int, int]:
    return status.st_dev, status.st_ino


def _is_ours(path: Path) -> bool:
    """Whether a file is an answer, a report, or empty: nothing is lost."""
    try:
        head = _head(path)
    except OSError:
        return False
    if path.name == REPORT_NAME:
        return not head or head.startswith(",".join(REPORT_COLUMNS).encode())
    labelled = is_labelled(head, {"Title": LABEL["Title"]})
    return not head or labelled or is_synthetic(head)


def _head(path: Path) -> bytes:
    with open(path, "rb") as file:
        return file.read(_HEAD)
