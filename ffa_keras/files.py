"""Write files and folders whole or not at all, and nobody else's over."""

import contextlib
import errno
import functools
import hashlib
import json
import os
import shutil
import sys
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TextIO

from ffa_keras.errors import InputError

if sys.platform != "win32":
    import fcntl

# What `sha256sum --check` reads: the files of a folder that was written here.
SUMS_NAME = "SHA256SUMS"
# In the ZIP archive that may follow a model in its file, and in the folder of
# a SavedModel among what TensorFlow Serving leaves alone.
METADATA_NAME = "metadata.json"
EXTRAS_FOLDER = "assets.extra"
SUM_KEY = "sha256"
_SCRATCH = ".writing-"
_LOCK = ".lock"
_OLD = ".old"


@contextlib.contextmanager
def replacing(path: Path, exclusive: bool = False) -> Iterator[Path]:
    """Yield a temporary path that takes the place of `path` on success.

    What was written is flushed to the disk first. After an exception it is
    removed, and whatever stood at `path` is left as it was. A folder gets a
    `SHA256SUMS` of its files, and is replaced only while it holds exactly
    those: no file of the user's is ever removed with it.

    Args:
        path: file or folder to write; missing parent folders are made.
        exclusive: whether nothing may stand there, not even if it came while
            this was written.

    Yields:
        A path of the same name, so of the same suffix, in a hidden folder
        beside `path`.

    Raises:
        InputError: something stands there that may not be replaced.
        RuntimeError: nothing was written.
    """
    path = Path(path)
    if path.is_dir():
        path = path.resolve()  # A link stays, and leads to the new folder.
    _check_replaceable(path, exclusive)
    with scratch_folder(path.parent) as folder:
        temporary = folder / path.name
        try:
            yield temporary
            if not os.path.lexists(temporary):
                raise RuntimeError(f"{path}: nothing was written")
            if temporary.is_dir():
                _write_sums(temporary)
            _flush(temporary)
            _check_replaceable(path, exclusive)
            _move(temporary, path, exclusive)
        except OSError as error:
            # A full disk does not say which file it was.
            if error.errno and not error.filename:
                error.filename = str(path)
            raise


@contextlib.contextmanager
def scratch_folder(parent: Path) -> Iterator[Path]:
    """Yield a hidden folder for what is being written, and remove it.

    Folders that earlier programs left there when they were killed are removed
    first: their locks went with their processes.

    Args:
        parent: where to, made if absent.

    Yields:
        The folder, for which `is_scratch` is true.
    """
    parent = Path(parent)
    parent.mkdir(parents=True, exist_ok=True)
    _sweep(parent.resolve())
    folder, lock = _claim(parent)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        lock.close()


def is_scratch(path: Path) -> bool:
    """Whether a path is in a folder of `scratch_folder`: not to be read."""
    return any(part.startswith(_SCRATCH) for part in Path(path).parts)


def take_lock(file: TextIO | int, wait: bool = False) -> None:
    """Lock an open file or folder until it is closed or the process ends.

    Args:
        file: the file, or its descriptor.
        wait: whether to wait while another program holds the lock.

    Raises:
        BlockingIOError: another program holds it.
        OSError: there are no such locks, as on Windows and on some network
            file systems: leftovers are not removed there, and nothing keeps
            two programs out of one folder.
    """
    if sys.platform == "win32":
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))
    fcntl.flock(file, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))


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
    for name, wanted in _read_sums(path).items():
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


def write_text(path: Path, text: str) -> None:
    """Write a UTF-8 text file whole or not at all.

    Args:
        path: file to write or replace.
        text: its content.
    """
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def _check_replaceable(path: Path, exclusive: bool) -> None:
    if exclusive and os.path.lexists(path):
        raise _exists(path)
    if not path.is_dir():
        return
    ours = _read_sums(path)
    for file in sorted(path.rglob("*")):
        name = file.relative_to(path).as_posix()
        if name == SUMS_NAME or (file.is_dir() and not file.is_symlink()):
            continue
        if not file.is_file() or ours.get(name) != sha256(file):
            raise InputError(
                f"{path}: is a folder with a file that was not written by this"
                f" program, {name}; move it away or name another place"
            )


def _move(temporary: Path, path: Path, exclusive: bool) -> None:
    """Rename what is flushed; never a file over a folder or the reverse."""
    if os.path.lexists(path) and temporary.is_dir() != path.is_dir():
        kinds = ("folder", "file") if path.is_dir() else ("file", "folder")
        raise InputError(f"{path}: is a {kinds[0]}; name a {kinds[1]}")
    if exclusive:
        _move_to_vacant(temporary, path)
    elif path.is_dir():
        old = temporary.parent / _OLD / path.name
        old.parent.mkdir()
        path.rename(old)
        try:
            temporary.rename(path)
        except OSError:
            old.rename(path)
            raise
    else:
        temporary.replace(path)
    flush(path.parent)


def _move_to_vacant(temporary: Path, path: Path) -> None:
    """Rename without replacing, whoever else is writing to the same place."""
    try:
        if temporary.is_dir():
            temporary.rename(path)
        else:
            os.link(temporary, path)
    except OSError as error:
        if error.errno in (errno.EEXIST, errno.ENOTEMPTY, errno.ENOTDIR):
            raise _exists(path) from error
        if temporary.is_dir():
            raise
        temporary.rename(path)  # A file system without hard links.


def _exists(path: Path) -> InputError:
    return InputError(
        f"{path}: exists and is never replaced; name another place"
    )


@functools.cache  # Once a process: a folder may take thousands of files.
def _sweep(parent: Path) -> None:
    """Remove what killed programs left, and put back what they had moved."""
    for folder in parent.glob(f"{_SCRATCH}*"):
        with contextlib.suppress(OSError), (folder / _LOCK).open("w") as lock:
            take_lock(lock)
            for old in folder.glob(f"{_OLD}/*"):
                if not (parent / old.name).exists():
                    old.rename(parent / old.name)
            shutil.rmtree(folder, ignore_errors=True)


def _claim(parent: Path) -> tuple[Path, TextIO]:
    """Make a scratch folder and take its lock, which ends with the process."""
    while True:
        folder = Path(tempfile.mkdtemp(prefix=_SCRATCH, dir=parent))
        # Until it is locked, another program may take it for a leftover.
        with contextlib.suppress(FileNotFoundError):
            lock = (folder / _LOCK).open("w")
            with contextlib.suppress(OSError):  # Or it is never swept.
                take_lock(lock, wait=True)
            if (folder / _LOCK).exists():
                return folder, lock
            lock.close()


def _write_sums(folder: Path) -> None:
    files = sorted(f for f in folder.rglob("*") if f.is_file())
    (folder / SUMS_NAME).write_text(
        "".join(
            f"{sha256(f)}  {f.relative_to(folder).as_posix()}\n" for f in files
        ),
        encoding="utf-8",
    )


def _read_sums(folder: Path) -> dict[str, str]:
    """Return the SHA-256 of each file, by its path in the folder."""
    try:
        lines = Path(folder, SUMS_NAME).read_text("utf-8").splitlines()
    except FileNotFoundError:
        return {}
    except UnicodeDecodeError as error:
        raise _damaged(Path(folder, SUMS_NAME)) from error
    return {line[66:]: line[:64] for line in lines}


def _flush(path: Path) -> None:
    """Have the disk hold a file, or a folder and all in it."""
    if path.is_dir():
        for item in path.iterdir():
            _flush(item)
    flush(path)


def flush(path: Path) -> None:
    """Wait until the disk holds a file, or the names in a folder.

    Args:
        path: of either; on Windows, which opens no folder, nothing is done.
    """
    if sys.platform == "win32":
        return
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno != errno.EINVAL:  # No such thing on this file system.
            raise
    finally:
        os.close(descriptor)
