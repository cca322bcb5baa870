r"""Judge a trained generator on held-out eyes.

    python -m ffa_keras.evaluation --run_dir=runs/isfahan
    python -m ffa_keras.evaluation --model=ffa.tflite --dataset_dir=data \
      --output=judged
    python -m ffa_keras.evaluation --predictions=THEIRS --references=REAL \
      --output=judged

The last line judges the pictures of any system: files of one name belong
together, and all are aligned. --masks says where pixels count, --photographs
adds the classical pictures to the tables, and --table=meta.csv, with a column
image, tells the patient of each and subgroups.

Writes `report.html`, a page to look at or to mail; the same as `report.md` and
`report.json`; `model_card.md` and `figures/*.png`.
"""

from types import ModuleType

from absl import flags

from ffa_keras import cli
from ffa_keras.errors import InputError
from ffa_keras.evaluation.protocol import Protocol
from ffa_keras.records.schema import SPLITS
from ffa_keras.settings import define_settings, given

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
_FOLDERS = {
    name: flags.DEFINE_string(name, "", help_)
    for name, help_ in {
        "predictions": "Or folder of pictures that any system made.",
        "references": "Folder of the real FFA beside --predictions.",
        "masks": "Folder of masks beside --predictions.",
        "photographs": "Folder of photographs beside --predictions.",
    }.items()
}
_PROTOCOL = define_settings(Protocol)


def _what() -> tuple[str, dict[str, str], Protocol]:
    folders = {name: flag.value for name, flag in _FOLDERS.items()}
    named = (_RUN_DIR.value, _MODEL.value, folders["predictions"])
    if sum(map(bool, named)) != 1:
        raise InputError("--run_dir, --model, --predictions: give one of them")
    if bool(folders["predictions"]) != bool(folders["references"]):
        raise InputError("--references: belongs to --predictions; give both")
    if folders["predictions"] and _DATASET_DIR.value:
        raise InputError("--dataset_dir: is not for --predictions")
    for name in ("masks", "photographs"):
        if folders[name] and not folders["predictions"]:
            raise InputError(f"--{name}: is for --predictions only")
    how = Protocol(**given(_PROTOCOL))
    if how.average_flips and folders["predictions"]:
        raise InputError("--average_flips: is not for --predictions")
    return _RUN_DIR.value or _MODEL.value, folders, how


def main(
    what: tuple[str, dict[str, str], Protocol],
    evaluate: ModuleType,
    rendering: ModuleType,
) -> None:
    """Judge and print the summary."""
    model, folders, how = what
    if model:
        report = evaluate.evaluate_model(
            model, _DATASET_DIR.value, _SPLIT.value, _OUTPUT.value, how
        )
    else:
        report = evaluate.evaluate_folders(
            evaluate.Folders(**folders), _OUTPUT.value, how
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
        settings=_what,
    )
