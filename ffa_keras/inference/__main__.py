r"""Translate photographs with a trained generator.

    python -m ffa_keras.inference --model=runs/isfahan --input=eyes --output=ffa

Each answer is a single-channel PNG of the photograph's own size and stem.
"""

from absl import flags

from ffa_keras import cli
from ffa_keras.inference.predict import predict

_MODEL = flags.DEFINE_string(
    "model",
    None,
    "Run folder, SavedModel, or .keras or .tflite file.",
    required=True,
)
_INPUT = flags.DEFINE_string(
    "input", None, "Photograph, folder or pattern.", required=True
)
_OUTPUT = flags.DEFINE_string(
    "output", None, "Folder of the answers.", required=True
)
_OVERWRITE = flags.DEFINE_bool(
    "overwrite", False, "Replace answers that exist."
)


def main() -> int:
    """Translate; the status is 1 if a photograph was skipped."""
    failures = predict(
        _MODEL.value, _INPUT.value, _OUTPUT.value, _OVERWRITE.value
    )
    return 1 if failures else 0


if __name__ == "__main__":
    cli.run(main)
