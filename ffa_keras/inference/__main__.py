r"""Translate photographs with a trained generator.

    python -m ffa_keras.inference --model=runs/isfahan --input=eyes --output=ffa

Each answer is a single-channel PNG of the photograph's own size and stem;
`report.csv` says for each how much it looks like a fundus photograph.
"""

import signal

from absl import flags

from ffa_keras import cli
from ffa_keras.errors import Interrupted
from ffa_keras.inference.files import NAMES, STEMS
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
_RESUME = flags.DEFINE_bool(
    "resume", False, "Keep the whole answers of an earlier start."
)
_OVERWRITE = flags.DEFINE_bool(
    "overwrite", False, "Replace answers that exist."
)
_NAMES = flags.DEFINE_enum(
    "names", STEMS, NAMES, "Name answers as their photographs, or by number."
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
    # As Ctrl-C does: stop, and leave a report of what was done.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    maps = [flag.name for flag in (_SALIENCY, _UNCERTAINTY) if flag.value]
    try:
        failures = predict(
            _MODEL.value,
            _INPUT.value,
            _OUTPUT.value,
            _OVERWRITE.value,
            maps,
            _RESUME.value,
            _NAMES.value,
        )
    except KeyboardInterrupt:
        raise Interrupted("add --resume to go on") from None
    return 1 if failures else 0


if __name__ == "__main__":
    cli.run(main)
