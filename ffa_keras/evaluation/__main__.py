r"""Judge a trained generator on held-out eyes.

    python -m ffa_keras.evaluation --run_dir=runs/isfahan
    python -m ffa_keras.evaluation --model=ffa.tflite --dataset_dir=data \
      --output=judged

Writes `report.html`, a page to look at or to mail; the same as `report.md` and
`report.json`; `model_card.md` and `figures/*.png`.
"""

from types import ModuleType

from absl import flags

from ffa_keras import cli
from ffa_keras.errors import InputError
from ffa_keras.records.schema import SPLITS

_RUN_DIR = flags.DEFINE_string("run_dir", "", "Run folder.")
_MODEL = flags.DEFINE_string(
    "model", "", "Or SavedModel, .keras or .tflite file, as for inference."
)
_DATASET_DIR = flags.DEFINE_string(
    "dataset_dir", "", "Prepared dataset; the run's own if not given."
)
_SPLIT = flags.DEFINE_enum("split", "test", SPLITS, "Which part to judge on.")
_OUTPUT = flags.DEFINE_string(
    "output", "", "Folder of the report; RUN_DIR/evaluation if not given."
)
_INCEPTION_WEIGHTS = flags.DEFINE_string(
    "inception_weights",
    "",
    "Keras weights file of InceptionV3 without top, for KID and FID.",
)


def _model() -> str:
    if bool(_RUN_DIR.value) == bool(_MODEL.value):
        raise InputError("--run_dir, --model: give one of them")
    return _RUN_DIR.value or _MODEL.value


def main(model: str, evaluate: ModuleType, rendering: ModuleType) -> None:
    """Judge and print the summary."""
    report = evaluate.evaluate_model(
        model,
        _DATASET_DIR.value,
        _SPLIT.value,
        _OUTPUT.value,
        _INCEPTION_WEIGHTS.value,
    )
    rows = next(iter(rendering.tables(report).values()))
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = zip(row, widths, strict=True)
        print("  ".join(cell.ljust(width) for cell, width in cells).rstrip())


if __name__ == "__main__":
    cli.run(
        main,
        "ffa_keras.evaluation.evaluate",
        "ffa_keras.evaluation.rendering",
        settings=_model,
    )
