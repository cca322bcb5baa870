"""Judge a run's generator, and the trivial predictions beside it."""

import json
from collections.abc import Callable
from pathlib import Path

import keras
import tensorflow as tf

from ffa_keras.errors import InputError
from ffa_keras.evaluation.card import model_card
from ffa_keras.evaluation.eyes import with_chance
from ffa_keras.evaluation.figures import Figures
from ffa_keras.evaluation.folders import PREDICTIONS, Folders
from ffa_keras.evaluation.intervals import (
    INSIDE,
    Coverage,
    Intervals,
    calibrate,
)
from ffa_keras.evaluation.judging import Judge
from ffa_keras.evaluation.page import write_report
from ffa_keras.evaluation.panel import inception_of, judge_on, measures_of
from ffa_keras.evaluation.protocol import Protocol
from ffa_keras.evaluation.results import Report, count_images, summarise
from ffa_keras.evaluation.verdict import vessels_beside_classical
from ffa_keras.files import replacing
from ffa_keras.records.audit.leaks import refuse_leaks
from ffa_keras.records.dataset import PreparedDataset
from ffa_keras.training.config import TrainConfig
from ffa_keras.training.runs import load_config
from ffa_keras.translation.answers import Translator
from ffa_keras.translation.forms import fingerprint, load_translator
from ffa_keras.translation.keras_model import translator_of
from ffa_keras.translation.places import is_run_folder
from ffa_keras.translation.run_folder import load_generator

SYSTEM = "generator"
FRAMES = Protocol()
_FINGERPRINT = "fingerprint"
_LEAKS = "truth of leaks"
_VESSELS = "vessels"
_TRUTH = {
    True: "known, by masks; what the real FFA shows besides is no prediction's"
    " invention, so that its own row invents nothing by construction",
    False: "not known: what leaks in the real FFA stands for it, and the row of"
    " the real FFA is right by construction",
}
INTERVALS = f"conformal {100 * INSIDE:.0f} % intervals"
_VERSIONS = {
    "SSIM": "11x11 Gaussian window, sigma 1.5, K 0.01 and 0.03, range 255",
    "tensorflow": tf.__version__,
    "keras": keras.__version__,
}


def evaluate_run(
    run_dir: str | Path,
    dataset_dir: str = "",
    split: str = "test",
    output: str = "",
    how: Protocol = FRAMES,
) -> Report:
    """Judge a run on held-out eyes and write the report and the model card.

    Args:
        run_dir: folder of the run.
        dataset_dir: prepared dataset; the run's own if empty.
        split: which of its splits.
        output: folder of the report, replaced whole if it is one; `evaluation`
            in the run folder if empty.
        how: the protocol.

    Returns:
        The report, whose `to_json` is in `report.json`.

    Raises:
        InputError: the output folder holds other files; run, generator,
            dataset or split cannot be had or judged; or the dataset's splits
            share a patient, an eye or an image.
    """
    config = load_config(run_dir)

    def load() -> tuple[Translator, dict[str, str]]:
        generator = load_generator(run_dir)
        return translator_of(generator), {
            "method": config.method,
            "generator": f"{type(generator).__name__}, "
            f"{generator.count_params():,} parameters",
            _FINGERPRINT: fingerprint(run_dir, how.average_flips),
        }

    return _evaluate(
        load,
        config,
        dataset_dir or config.dataset_dir,
        split,
        Path(output) if output else Path(run_dir) / "evaluation",
        how,
    )


def evaluate_model(
    model: str | Path,
    dataset_dir: str = "",
    split: str = "test",
    output: str = "",
    how: Protocol = FRAMES,
) -> Report:
    """Judge a generator in any of its forms, as `evaluate_run` does a run.

    Args:
        model: as `load_translator` takes it.
        dataset_dir: prepared dataset; only a run has one of its own.
        split: which of its splits.
        output: folder of the report; only a run has one of its own.
        how: the protocol; its patches are the paper's.

    Returns:
        The report.

    Raises:
        InputError: as for `evaluate_run`; or a flag is missing.
    """
    if is_run_folder(model):
        return evaluate_run(model, dataset_dir, split, output, how)
    for flag, value in (("dataset_dir", dataset_dir), ("output", output)):
        if not value:
            raise InputError(
                f"--{flag}: missing; --model={model} is no run folder, which"
                " would tell it"
            )

    def load() -> tuple[Translator, dict[str, str]]:
        return load_translator(model), {
            "method": "not known",
            _FINGERPRINT: fingerprint(model, how.average_flips),
        }

    return _evaluate(load, None, dataset_dir, split, Path(output), how)


def evaluate_folders(
    folders: Folders, output: str, how: Protocol = FRAMES
) -> Report:
    """Judge the pictures of any system, as `evaluate_run` does a run.

    Args:
        folders: of predictions and references.
        output: folder of the report.
        how: the protocol; of whole frames, whose table tells patients and
            subgroups of the images.

    Returns:
        The report.

    Raises:
        InputError: as for `evaluate_run`; or a file is missing or has another
            size.
    """
    if how.patches:
        raise InputError(
            "--protocol=patches: of a run or a model only; pictures are judged"
            " as the frames that they are"
        )
    if not output:
        raise InputError("--output: missing; name a folder for the report")
    with replacing(Path(output)) as temporary:
        temporary.mkdir()
        judge = Judge(
            with_chance(folders.eyes(how.table, how.columns)),
            folders.classical(),
            measures_of(how),
            inception_of(how),
        )
        about = {
            "predictions": "pictures, numbered in the order of their names"
        }
        return _judged(judge, PREDICTIONS, about, temporary, False)


def _evaluate(
    load: Callable[[], tuple[Translator, dict[str, str]]],
    config: TrainConfig | None,
    dataset_dir: str,
    split: str,
    folder: Path,
    how: Protocol,
) -> Report:
    """Judge what `load` returns: a generator, and what is told of it."""
    with replacing(folder) as temporary:
        temporary.mkdir()
        # After the folder was found free: loading takes long.
        translator, about = load()
        translator = how.answers_of(translator)
        dataset = PreparedDataset.find(dataset_dir)
        refuse_leaks(dataset)
        judge = judge_on(dataset, split, {SYSTEM: translator}, how, config)
        about |= {"protocol": how.describe(), "split": split}
        intervals: Intervals | str = "none: patches are judged"
        if not how.patches:
            intervals = "none: they would be calibrated on what is judged"
            if split == "test":
                intervals = calibrate(dataset, translator)
        report = _judged(judge, SYSTEM, about, temporary, True, intervals)
        card = model_card(report, dataset, config)
        (temporary / "model_card.md").write_text(card, encoding="utf-8")
    return report


def _judged(
    judge: Judge,
    system: str,
    about: dict[str, str],
    folder: Path,
    audited: bool,
    intervals: Intervals | str = "",
) -> Report:
    """Run through all eyes and write the report and its pictures."""
    figures = Figures(folder / "figures", leaks=judge.finds_leaks)
    coverage = Coverage(intervals) if isinstance(intervals, Intervals) else None
    known = []
    for case in judge.cases():
        known.append(case.eye.leakage is not None)
        figures.add(case, system)
        if coverage:
            coverage.add(case.eye, case.predictions[system])
    figures.write_overview()
    vessels = vessels_beside_classical(judge.images, [system])
    facts = {
        **about,
        **count_images(judge.images[system]),
        **({_LEAKS: _TRUTH[all(known)]} if judge.finds_leaks else {}),
        **(
            {INTERVALS: coverage.describe() if coverage else intervals}
            if intervals
            else {}
        ),
        **({_VESSELS: vessels[system]} if vessels else {}),
        **_VERSIONS,
        **judge.distances(),
    }
    report = summarise(judge.images, judge.metrics, facts, audited)
    shown = figures.illustrations(judge.images[system], judge.metrics)
    write_report(report, folder, shown)
    if isinstance(intervals, Intervals):
        held = intervals.to_json(about[_FINGERPRINT])
        text = json.dumps(held, indent=2) + "\n"
        (folder / "intervals.json").write_text(text, encoding="utf-8")
    print(judge.times())
    if vessels:
        print(f"{_VESSELS}: {vessels[system]}")
    return report
