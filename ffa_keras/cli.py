"""Start a command-line program: flags, logging and one-line errors.

Import this module before TensorFlow and OpenCV: it keeps them quiet.
"""

import io
import math
import os
import re
import sys
from collections.abc import Callable, Sequence
from typing import Any

from ffa_keras.files import MAX_PIXELS

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
# OpenCV reads these as it is imported.
os.environ.setdefault("OPENCV_LOG_LEVEL", "SILENT")
os.environ.setdefault("OPENCV_IO_MAX_IMAGE_PIXELS", str(MAX_PIXELS))

from absl import app, flags, logging  # noqa: E402

from ffa_keras.allocator import keep_freed_memory  # noqa: E402
from ffa_keras.errors import (  # noqa: E402
    InputError,
    Interrupted,
    describe,
    one_line,
)
from ffa_keras.presets import expand  # noqa: E402
from ffa_keras.quiet import import_quietly  # noqa: E402


def run(
    main: Callable[..., int | None],
    *libraries: str,
    settings: Callable[[], Any] | None = None,
    positional: str = "",
) -> None:
    """Parse the flags, import what the program needs, and run it.

    The one place where a program imports TensorFlow: after its flags, so that
    `--help` and a mistyped flag need not wait for it.

    Args:
        main: the program; returns its exit status, `None` for success.
        libraries: modules, by their full names, that `main` is called with.
        settings: makes of the flags what `main` is called with first, and
            refuses what it cannot use before anything is imported.
        positional: name of the list flag that arguments without a flag are
            values of; none are accepted if empty.

    Raises:
        SystemExit: always; status 2 after an `InputError`, a bad flag, and
            whatever `errors.describe` has words for, such as a full disk; 75
            after `Interrupted`, 130 after Control-C. One line on standard
            error says why. Mistakes of the program keep their traceback.
    """

    def checked(argv: list[str]) -> None:
        status, words = _outcome(
            lambda: _start(argv, main, libraries, settings, positional)
        )
        if words:
            print(words, file=sys.stderr)
        sys.exit(status)

    _open_streams()
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            # Names of files need not be text.
            stream.reconfigure(errors="backslashreplace")
    logging.use_absl_handler()
    logging.set_verbosity(logging.WARNING)
    app.run(checked, flags_parser=_parsed)


def _open_streams() -> None:
    """Have standard streams that are closed lead nowhere.

    Else the next file that is opened gets the number of one, and with it what
    is printed there, by libraries too.
    """
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        try:
            os.fstat(number)
        except OSError:
            # The lowest number that is free. Programs that are started get it.
            os.set_inheritable(os.open(os.devnull, os.O_RDWR), True)
            mode = "w" if number else "r"
            setattr(sys, name, open(number, mode, closefd=False))


def _parsed(argv: list[str]) -> list[str]:
    """Return what is no flag, or exit with a line."""
    try:
        rest = flags.FLAGS([argv[0], *expand(argv[1:])])
        _check_flags()
    except (flags.Error, InputError) as error:
        words = f"{one_line(error)}; see --help"
    except BrokenPipeError:
        os._exit(0)  # The reader of `--help` has seen enough.
    except (OSError, UnicodeError) as error:
        words = f"--flagfile: {describe(error)}"
    else:
        return rest
    print(f"error: {words}", file=sys.stderr)
    sys.exit(2)


def _check_flags() -> None:
    """Refuse what no file could be named, nor a flagfile hold, and NaN."""
    for name, value in flags.FLAGS.flag_values_dict().items():
        if isinstance(value, str) and re.search(r"[\0\r\n]", value):
            raise InputError(
                f"--{name}: is more than one line; write it in one"
            )
        if isinstance(value, float) and not math.isfinite(value):
            raise InputError(f"--{name}={value}: give a finite number")


def _start(
    argv: list[str],
    main: Callable[..., int | None],
    libraries: Sequence[str],
    settings: Callable[[], Any] | None,
    positional: str,
) -> int:
    if len(argv) > 1:
        if not positional:
            raise InputError(
                f"unexpected argument {argv[1]!r}: every option is a flag, see"
                " --help"
            )
        flags.FLAGS[positional].value = [
            *(flags.FLAGS[positional].value or ()),
            *argv[1:],
        ]
    if libraries:
        keep_freed_memory()
    made = [settings()] if settings else []
    status = main(*made, *import_quietly(*libraries))
    sys.stdout.flush()
    return status or 0


def _outcome(program: Callable[[], int]) -> tuple[int, str]:
    """Return the exit status, and a line of words unless all went well."""
    try:
        return program(), ""
    except InputError as error:
        return 2, f"error: {one_line(error)}"
    except Interrupted as stop:
        return 75, f"interrupted: {one_line(stop)}"
    except KeyboardInterrupt:
        return 130, "interrupted: stopped from the keyboard"
    except Exception as error:
        words = describe(error)
        if words is None:
            raise
        return 2, f"error: {words}"
