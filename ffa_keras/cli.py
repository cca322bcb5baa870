"""Start a command-line program: flags, logging and one-line errors.

Import this module before TensorFlow and OpenCV: it keeps them quiet.
"""

import os
import sys
from collections.abc import Callable

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
# OpenCV reads these as it is imported; as ffa_keras.data.images.MAX_PIXELS.
os.environ.setdefault("OPENCV_LOG_LEVEL", "SILENT")
os.environ.setdefault("OPENCV_IO_MAX_IMAGE_PIXELS", str(2**27))

from absl import app, logging  # noqa: E402

from ffa_keras.errors import InputError, Interrupted  # noqa: E402


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
