r"""Translate photographs with a trained generator.

    python -m ffa_keras.inference --model=runs/isfahan --input=eyes --output=ffa

Each answer is a single-channel PNG of the photograph's own size and stem;
`report.csv` says for each how much it looks like a fundus photograph.
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
_SALIENCY = flags.DEFINE_bool(
    "saliency", False, "Also draw STEM_saliency.png: what stands out."
)
_UNCERTAINTY = flags.DEFINE_bool(
    "uncertainty",
    False,
    "Also draw STEM_uncertainty.png: deviation over flips and turns (8 times"
    " the work).",
)


def main() -> int:
    """Translate; the status is 1 if a photograph was skipped."""
    maps = [flag.name for flag in (_SALIENCY, _UNCERTAINTY) if flag.value]
    failures = predict(
        _MODEL.value, _INPUT.value, _OUTPUT.value, _OVERWRITE.value, maps
    )
    return 1 if failures else 0


if __name__ == "__main__":
    cli.run(main)
