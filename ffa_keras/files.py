"""Write files and folders whole or not at all, and nobody else's over."""

import contextlib
import csv
import errno
import functools
import io
import os
import shutil
import sys
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TextIO

from ffa_keras.errors import InputError
from ffa_keras.sums import SUMS_NAME, read_sums, sha256, write_sums

if sys.platform != "win32":
    import fcntl

# Of an image: twelve times an ultra-widefield photograph. More is a mistake or
# an attack.
MAX_PIXELS = 2**27
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
                write_sums(temporary)
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
        The folder.
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


def write_text(path: Path, text: str, exclusive: bool = False) -> None:
    """Write a UTF-8 text file whole or not at all.

    Args:
        path: file to write or replace.
        text: its content.
        exclusive: whether nothing may stand there.
    """
    with replacing(path, exclusive) as temporary:
        temporary.write_text(text, encoding="utf-8")


def write_table(
    path: Path, rows: Iterable[Iterable[object]], exclusive: bool = False
) -> None:
    """Write a CSV file whole or not at all.

    Args:
        path: file to write or replace.
        rows: of cells; the names of the columns first.
        exclusive: whether nothing may stand there.
    """
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    write_text(path, text.getvalue(), exclusive)


def _check_replaceable(path: Path, exclusive: bool) -> None:
    if exclusive and os.path.lexists(path):
        raise _exists(path)
    if not path.is_dir():
        return
    ours = read_sums(path)
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
