r"""Export a run's generator as a TFLite (LiteRT) file.

    python -m export.tflite --run_dir=runs/isfahan --output=models/ffa.tflite

Any batch, height and width; the signature is `serving_default`. Every kind is
compared with Keras before the file is written, and refused if it strays.
"""

from types import ModuleType

from absl import flags

from ffa_keras import cli

from .endpoints import PRECISIONS
from .shared_flags import OUTPUT, RUN_DIR

_PRECISION = flags.DEFINE_enum(
    "precision", "float32", PRECISIONS, "Of weights; int8: all arithmetic."
)
_DATASET_DIR = flags.DEFINE_string(
    "dataset_dir", "", "Dataset to calibrate and compare on; the run's own."
)


def main(to_tflite: ModuleType) -> None:
    """Export and say where to."""
    file, agreement = to_tflite.export_tflite(
        RUN_DIR.value, OUTPUT.value, _PRECISION.value, _DATASET_DIR.value
    )
    size = file.stat().st_size / 1e6
    print(f"TFLite: {file}, {size:.1f} MB, {agreement}")


if __name__ == "__main__":
    cli.run(main, f"{__package__}.to_tflite")
