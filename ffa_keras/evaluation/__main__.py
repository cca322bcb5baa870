r"""Judge a trained generator on held-out eyes.

    python -m ffa_keras.evaluation --run_dir=runs/isfahan

Writes `report.html`, a page to look at or to mail; the same as `report.md` and
`report.json`; `model_card.md` and `figures/*.png`.
"""

from absl import flags

from ffa_keras import cli
from ffa_keras.evaluation.evaluate import evaluate_run
from ffa_keras.evaluation.rendering import tables
from ffa_keras.records.schema import SPLITS

_RUN_DIR = flags.DEFINE_string("run_dir", None, "Run folder.", required=True)
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


def main() -> None:
    """Judge and print the summary."""
    report = evaluate_run(
        _RUN_DIR.value,
        _DATASET_DIR.value,
        _SPLIT.value,
        _OUTPUT.value,
        _INCEPTION_WEIGHTS.value,
    )
    rows = next(iter(tables(report).values()))
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = zip(row, widths, strict=True)
        print("  ".join(cell.ljust(width) for cell, width in cells).rstrip())


if __name__ == "__main__":
    cli.run(main)
