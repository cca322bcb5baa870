"""What ends a program with a line of words in the place of a traceback."""

import errno
import re
import sys
from collections.abc import Sequence

_ROOM = "make room or name another place"
_CURES = {
    errno.ENOSPC: _ROOM,
    errno.EDQUOT: _ROOM,
    errno.EFBIG: "raise the limit on the size of files (ulimit -f)",
    errno.EMFILE: "raise the limit on open files (ulimit -n)",
    errno.EACCES: "check the permissions or name another place",
    errno.EPERM: "check the permissions or name another place",
    errno.EROFS: "name a place that can be written",
    errno.ENAMETOOLONG: "give it a shorter name",
    errno.EIO: "check the disk or the network it is on",
}
_MEMORY = "use smaller images, patches or batches, or a machine with more"
_CURES_OF_TENSORFLOW = {
    "ResourceExhaustedError": _MEMORY,
    "DataLossError": "the file is damaged; make or copy it again",
    "OutOfRangeError": "a file is cut short or too large; check it and the"
    " limit on the size of files (ulimit -f)",
}
# Codes with which TensorFlow reports a mistake of the program.
_MISTAKES = ("InternalError", "InvalidArgumentError", "UnimplementedError")
_ELSE = "check the path and the disk"
_MOST_LETTERS = 300


class InputError(ValueError):
    """Bad input: the message names the file or flag and says how to mend it.

    Command-line programs print the message as a single line and exit with
    status 2; no traceback is shown.
    """


class Interrupted(RuntimeError):
    """A run stopped before its end, and can be resumed.

    Command-line programs print the message as a single line and exit with
    status 75, "temporary failure" in `sysexits.h`.
    """


def describe(error: BaseException) -> str | None:
    """Say in a line what the system refused, and what to do about it.

    Args:
        error: whatever was raised.

    Returns:
        File, reason and cure for what the operating system and TensorFlow
        report of disks, memory and files; `None` for anything else, which is
        a mistake of the program.
    """
    if isinstance(error, OSError):
        return _of_system(error)
    if isinstance(error, MemoryError):
        return f"out of memory ({_short(error)}); {_MEMORY}"
    if isinstance(error, UnicodeError):
        return f"text that is not UTF-8 ({_short(error)}); save it as UTF-8"
    tensorflow = sys.modules.get("tensorflow")
    if tensorflow and isinstance(error, tensorflow.errors.OpError):
        return _of_tensorflow(error)
    return None


def one_line(text: object) -> str:
    """Return a text, or the message of an exception, as one line."""
    return re.sub(r"\s*[\r\n]+\s*", " ", str(text)).strip()


def first_of(words: Sequence[str], most: int) -> str:
    """Return the first of many words in a line, and how many more there are.

    Args:
        words: of all.
        most: how many are named.
    """
    more = len(words) - most
    return "; ".join(words[:most]) + (f"; and {more} more" if more > 0 else "")


def _short(text: object) -> str:
    """Return one line without the names that a file has while written."""
    words = re.sub(r"/?\.writing-\w+", "", one_line(text))
    if len(words) > _MOST_LETTERS:
        words = words[:_MOST_LETTERS] + "..."
    return words or type(text).__name__


def _of_system(error: OSError) -> str:
    cure = _CURES.get(error.errno or 0, _ELSE)
    if not error.strerror:
        return f"{_short(error)}; {cure}"
    name = f"{_short(error.filename)}: " if error.filename else ""
    return f"{name}{error.strerror.lower()}; {cure}"


def _of_tensorflow(error: Exception) -> str | None:
    kind = type(error).__name__
    if kind in _MISTAKES:
        return None
    # Where in a graph it was is of use to programmers only.
    reason = re.sub(r"\{\{[^}]*\}\} ?|\[Op:[^]]*\].*", "", str(error))
    full = "No space left" in reason or "quota" in reason
    cure = _ROOM if full else _CURES_OF_TENSORFLOW.get(kind, _ELSE)
    return f"{_short(reason)} ({kind}); {cure}"
