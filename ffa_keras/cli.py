"""Start a command-line program: flags, logging and one-line errors.

Import this module before TensorFlow and OpenCV: it keeps them quiet.
"""

import dataclasses
import io
import math
import os
import re
import sys
from collections.abc import Callable, Collection
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
# OpenCV reads these as it is imported; as MAX_PIXELS of data.image_files.
os.environ.setdefault("OPENCV_LOG_LEVEL", "SILENT")
os.environ.setdefault("OPENCV_IO_MAX_IMAGE_PIXELS", str(2**27))

from absl import app, flags, logging  # noqa: E402

from ffa_keras.errors import (  # noqa: E402
    InputError,
    Interrupted,
    describe,
    one_line,
)

# What is defined here is a flag of the program that asks for it.
flags.disclaim_key_flags()


def define_settings(
    settings: type, but: Collection[str] = ()
) -> list[flags.FlagHolder]:
    """Make a flag of every field of a dataclass, with its default and help.

    Args:
        settings: dataclass whose fields are bool, float, int or str and have
            `help` in their metadata.
        but: names of fields that are no flags.

    Returns:
        The flags, which know their `name` and, once parsed, their `value`.
    """
    define: dict[Any, Callable[..., flags.FlagHolder]] = {
        bool: flags.DEFINE_bool,
        float: flags.DEFINE_float,
        int: flags.DEFINE_integer,
        str: flags.DEFINE_string,
    }
    return [
        define[field.type](field.name, field.default, field.metadata["help"])
        for field in dataclasses.fields(settings)
        if field.name not in but
    ]


def run(main: Callable[[], int | None]) -> None:
    """Parse the flags, call `main` and exit with its status.

    Args:
        main: the program; returns its exit status, `None` for success.

    Raises:
        SystemExit: always; status 2 after an `InputError`, a bad flag, and
            whatever `errors.describe` has words for, such as a full disk; 75
            after `Interrupted`, 130 after Control-C. One line on standard
            error says why. Mistakes of the program keep their traceback.
    """

    def checked(argv: list[str]) -> None:
        status, words = _outcome(lambda: _start(argv, main))
        if words:
            print(words, file=sys.stderr)
        sys.exit(status)

    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            # Names of files need not be text.
            stream.reconfigure(errors="backslashreplace")
    logging.use_absl_handler()
    logging.set_verbosity(logging.WARNING)
    app.run(checked, flags_parser=_parsed)


def _parsed(argv: list[str]) -> list[str]:
    """Return what is no flag, or exit with a line."""
    try:
        rest = flags.FLAGS(argv)
        _check_flags()
    except (flags.Error, InputError) as error:
        words = f"{one_line(error)}; see --help"
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


def _start(argv: list[str], main: Callable[[], int | None]) -> int:
    if len(argv) > 1:
        raise InputError(
            f"unexpected argument {argv[1]!r}: every option is a flag, see"
            " --help"
        )
    status = main()
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
