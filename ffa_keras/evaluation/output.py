"""The folder of a report: replaced whole, and only if it is one."""

import contextlib
import hashlib
from collections.abc import Iterator
from pathlib import Path

from ffa_keras.errors import InputError
from ffa_keras.files import replacing

_SUMS_NAME = "SHA256SUMS"


@contextlib.contextmanager
def report_folder(folder: Path) -> Iterator[Path]:
    """Yield a temporary folder that takes the place of `folder` on success.

    Args:
        folder: absent, or written here before and left as it was.

    Yields:
        An empty folder.

    Raises:
        InputError: before anything is done, if there is a file in the folder
            that was not written here.
    """
    _check(folder)
    with replacing(folder) as temporary:
        temporary.mkdir()
        yield temporary
        _check(folder)
        sums = _sums(temporary)
        (temporary / _SUMS_NAME).write_text(
            "".join(f"{digest}  {name}\n" for name, digest in sums.items()),
            encoding="utf-8",
        )


def _check(folder: Path) -> None:
    if not folder.exists():
        return
    if not folder.is_dir():
        raise InputError(f"{folder}: is a file; name a folder")
    file = folder / _SUMS_NAME
    text = file.read_text(encoding="utf-8") if file.is_file() else ""
    ours = {line[66:]: line[:64] for line in text.splitlines()}
    for name, digest in _sums(folder).items():
        if name != _SUMS_NAME and ours.get(name) != digest:
            raise InputError(
                f"{folder}: holds a file that was not written by this program,"
                f" {name}; move it away or name another place"
            )


def _sums(folder: Path) -> dict[str, str]:
    """Return the SHA-256 of each file, by its path in the folder."""
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(
            path.read_bytes()
        ).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }
