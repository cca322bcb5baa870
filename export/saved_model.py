r"""Export a run's generator as a SavedModel for TensorFlow Serving.

    python -m export.saved_model --run_dir=runs/isfahan --output=models/ffa

Writes `OUTPUT/VERSION/`; the version is one more than the largest there. Its
`SHA256SUMS` tell whether its files are still what was written.
"""

from types import ModuleType

from absl import flags

from ffa_keras import cli

from . import shared_flags
from .endpoints import PRECISIONS
from .shared_flags import OUTPUT, RUN_DIR

flags.adopt_module_key_flags(shared_flags)

_VERSION = flags.DEFINE_integer(
    "version", None, "Version; one more than the largest if not given.", 1
)
_PRECISION = flags.DEFINE_enum(
    "precision", "float32", PRECISIONS[:2], "Of the weights as stored."
)
_WARM_UP = flags.DEFINE_bool(
    "warm_up", False, "Add requests that warm up TensorFlow Serving."
)


def main(to_saved_model: ModuleType) -> None:
    """Export and say where to."""
    folder = to_saved_model.export_saved_model(
        RUN_DIR.value,
        OUTPUT.value,
        _VERSION.value,
        _WARM_UP.value,
        _PRECISION.value,
    )
    print(f"SavedModel: {folder}")


if __name__ == "__main__":
    cli.run(main, f"{__package__}.to_saved_model")
