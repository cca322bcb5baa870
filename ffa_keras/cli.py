"""Start a command-line program: flags, logging and one-line errors.

Import this module before TensorFlow and OpenCV: it keeps them quiet.
"""

import dataclasses
import os
import sys
from collections.abc import Callable, Collection
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
# OpenCV reads these as it is imported; as ffa_keras.data.images.MAX_PIXELS.
os.environ.setdefault("OPENCV_LOG_LEVEL", "SILENT")
os.environ.setdefault("OPENCV_IO_MAX_IMAGE_PIXELS", str(2**27))

from absl import app, flags, logging  # noqa: E402

from ffa_keras.errors import InputError, Interrupted  # noqa: E402

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
        SystemExit: always; status 2 after an `InputError` and 75 after
            `Interrupted`, whose message is printed as one line on standard
            error.
    """

    def parsed(argv: list[str]) -> None:
        try:
            if len(argv) > 1:
                raise InputError(
                    f"unexpected argument {argv[1]!r}: every option is a flag,"
                    " see --help"
                )
            status = main()
        except InputError as error:
            print(f"error: {error}", file=sys.stderr)
            status = 2
        except Interrupted as stop:
            print(f"interrupted: {stop}", file=sys.stderr)
            status = 75
        sys.exit(status or 0)

    logging.use_absl_handler()
    logging.set_verbosity(logging.WARNING)
    app.run(parsed)
