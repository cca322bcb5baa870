"""Keep what TensorFlow and LiteRT say as they start off the terminal."""

import contextlib
import faulthandler
import importlib
import os
import re
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

# Lines of information, and that there is no GPU where there is none.
_NOISE = re.compile(
    r"I\d{4} |\d{4}-\d\d-\d\d .*: I |WARNING: All log messages before absl"
    r"|To enable the following instructions|INFO: Created TensorFlow Lite"
)
_NO_GPU = re.compile(r".*(failed call to cuInit|cuda drivers)")


@contextlib.contextmanager
def quiet_start() -> Iterator[None]:
    """Hold back standard error, and pass on what is not start-up noise.

    TensorFlow writes to the file descriptor, past Python, and before any
    setting of its own is read. Whatever is not known as noise is printed at
    the end, also after an exception; a crash is reported at once.
    """
    try:
        kept = os.dup(2)
    except OSError:  # No standard error at all.
        yield
        return
    sys.stderr.flush()
    was_enabled = faulthandler.is_enabled()
    with tempfile.TemporaryFile() as held:
        os.dup2(held.fileno(), 2)
        faulthandler.enable(kept)
        try:
            yield
        finally:
            sys.stderr.flush()
            os.dup2(kept, 2)
            faulthandler.disable()
            if was_enabled:
                faulthandler.enable(2)
            held.seek(0)
            for line in held:
                if not _is_noise(line.decode(errors="replace")):
                    os.write(2, line)
            os.close(kept)


def import_quietly(*names: str) -> list[ModuleType]:
    """Import modules, and have TensorFlow find its devices if one needs it.

    The one way in which TensorFlow is imported late: by `cli.run`, after the
    flags, for all that a program needs, and where the flags alone do not tell
    what that is, such as the form of a model, once it is known.

    Args:
        names: in full.
    """
    started = "tensorflow" in sys.modules
    with contextlib.nullcontext() if started else quiet_start():
        modules = [importlib.import_module(name) for name in names]
        tensorflow = sys.modules.get("tensorflow")
        if tensorflow:
            tensorflow.config.list_physical_devices()
    return modules


def _is_noise(line: str) -> bool:
    # Of an NVIDIA GPU, seen by TensorFlow or not.
    card = Path("/dev/nvidia0").exists() or Path("/dev/dxg").exists()
    return bool(_NOISE.match(line) or (_NO_GPU.match(line) and not card))
