"""Whether files are what was written, and what models say of themselves."""

import hashlib
import json
import zipfile
from pathlib import Path
from typing import Any

from ffa_keras.errors import InputError

# What `sha256sum --check` reads: the files of a folder that was written here.
SUMS_NAME = "SHA256SUMS"


# In the ZIP archive that may follow a model in its file, and in the folder of
# a SavedModel among what TensorFlow Serving leaves alone.
METADATA_NAME = "metadata.json"


EXTRAS_FOLDER = "assets.extra"


SUM_KEY = "sha256"


def check_sums(path: Path) -> None:
    """Compare what was written here with the SHA-256 it was given.

    Args:
        path: a folder of `replacing`, with its `SHA256SUMS`, or a file that
            is followed by a ZIP archive whose `metadata.json` has the sum of
            what is before it. What has neither is not checked.

    Raises:
        InputError: a file was changed, is missing or unreadable.
    """
    path = Path(path)
    if path.is_file():
        _check_file(path)
        return
    for name, wanted in read_sums(path).items():
        file = path / name
        if not file.is_file() or sha256(file) != wanted:
            raise _damaged(file)


def _check_file(path: Path) -> None:
    try:
        with zipfile.ZipFile(path) as archive:
            about = json.loads(archive.read(METADATA_NAME))
            start = min(entry.header_offset for entry in archive.infolist())
    except Exception as error:  # Whatever a damaged archive leads to.
        if METADATA_NAME.encode() in path.read_bytes():
            raise _damaged(path) from error
        return
    wanted = about.get(SUM_KEY)
    with path.open("rb") as file:
        found = hashlib.sha256(file.read(start)).hexdigest()
    if wanted not in (None, found):
        raise _damaged(path)


def read_metadata(path: Path) -> dict[str, Any]:
    """Return what a model says of itself; nothing if it says nothing.

    Args:
        path: a file that may be followed by a ZIP archive with a
            `metadata.json`, or a folder that may hold one in `assets.extra`.

    Raises:
        InputError: it cannot be read.
    """
    path = Path(path)
    try:
        if path.is_dir():
            file = path / EXTRAS_FOLDER / METADATA_NAME
            about = json.loads(file.read_bytes()) if file.exists() else {}
        elif zipfile.is_zipfile(path):
            with zipfile.ZipFile(path) as archive:
                about = json.loads(archive.read(METADATA_NAME))
        else:
            about = {}
        return dict(about)
    except Exception as error:  # Whatever a damaged file leads to.
        raise _damaged(path) from error


def _damaged(file: Path) -> InputError:
    return InputError(
        f"{file}: damaged, it is not what was written; copy or write it again"
    )


def sha256(file: Path) -> str:
    """Return the SHA-256 of a file, 64 hexadecimal digits."""
    with Path(file).open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()


def write_sums(folder: Path) -> None:
    """Write the `SHA256SUMS` of a folder.

    Args:
        folder: with all of its files.
    """
    files = sorted(f for f in folder.rglob("*") if f.is_file())
    (folder / SUMS_NAME).write_text(
        "".join(
            f"{sha256(f)}  {f.relative_to(folder).as_posix()}\n" for f in files
        ),
        encoding="utf-8",
    )


def read_sums(folder: Path) -> dict[str, str]:
    """Return the SHA-256 of each file, by its path in the folder.

    Args:
        folder: which may have a `SHA256SUMS`; else none are returned.

    Raises:
        InputError: that is damaged.
    """
    try:
        lines = Path(folder, SUMS_NAME).read_text("utf-8").splitlines()
    except FileNotFoundError:
        return {}
    except UnicodeDecodeError as error:
        raise _damaged(Path(folder, SUMS_NAME)) from error
    return {line[66:]: line[:64] for line in lines}
