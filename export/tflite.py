r"""Export a run's generator as a TFLite (LiteRT) file.

    python -m export.tflite --run_dir=runs/isfahan --output=models/ffa.tflite

Any batch, height and width; the signature is `serving_default`. Photographs of
`--sizes` have signatures of their own on the same weights, which are several
times as fast. Every kind is compared with Keras before the file is written, and
refused if it strays.
"""

import re
from types import ModuleType

from absl import flags

from ffa_keras import cli
from ffa_keras.errors import InputError

from . import shared_flags
from .endpoints import PRECISIONS
from .shared_flags import OUTPUT, RUN_DIR

flags.adopt_module_key_flags(shared_flags)

_PRECISION = flags.DEFINE_enum(
    "precision",
    "float32",
    PRECISIONS,
    "Of weights; int8: convolutions as well.",
)
_DATASET_DIR = flags.DEFINE_string(
    "dataset_dir", "", "Dataset to calibrate and compare on; the run's own."
)
_SIZES = flags.DEFINE_list(
    "sizes",
    None,
    "WIDTHxHEIGHT of photographs that are to be fast; if not given, the"
    " dataset's own; none if empty.",
)


def main(to_tflite: ModuleType) -> None:
    """Export and say where to."""
    file, agreement = to_tflite.export_tflite(
        RUN_DIR.value,
        OUTPUT.value,
        _PRECISION.value,
        _DATASET_DIR.value,
        None if _SIZES.value is None else [*map(_size, _SIZES.value)],
    )
    size = file.stat().st_size / 1e6
    print(f"TFLite: {file}, {size:.1f} MB, {agreement}")


def _size(text: str) -> tuple[int, int]:
    """Return height and width of `WIDTHxHEIGHT`."""
    found = re.fullmatch(r"(\d{2,5})x(\d{2,5})", text.strip())
    width, height = map(int, found.groups()) if found else (0, 0)
    if not (min(width, height) >= 16 and width * height <= 2**22):
        raise InputError(
            f"--sizes={text}: write WIDTHxHEIGHT, such as 576x720, at least 16"
            " pixels a side and 4 megapixels in all"
        )
    return height, width


if __name__ == "__main__":
    cli.run(main, f"{__package__}.to_tflite")
