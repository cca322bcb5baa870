"""Judge a run's generator, and the trivial answers beside it."""

from pathlib import Path
from typing import Any

import cv2
import keras
import numpy as np
import tensorflow as tf

from ffa_keras.data.audit import refuse_leaks
from ffa_keras.data.images import write_png
from ffa_keras.data.pictures import case_panel
from ffa_keras.data.pipeline import load_pairs
from ffa_keras.errors import InputError
from ffa_keras.evaluation.baselines import inverted_green, mean_training_ffa
from ffa_keras.evaluation.card import model_card
from ffa_keras.evaluation.inception import InceptionFeatures
from ffa_keras.evaluation.judging import Case, Judging
from ffa_keras.evaluation.report import summarise, write_report
from ffa_keras.files import replacing
from ffa_keras.training.config import TrainConfig
from ffa_keras.training.runs import load_config
from ffa_keras.translation.forms import (
    fingerprint,
    load_translator,
    translator_of,
)
from ffa_keras.translation.run_folder import is_run_folder, load_generator
from ffa_keras.translation.whole import Translator

# Wider frames are shrunk in the figures only.
_FIGURE_WIDTH = 400
_OVERVIEW_CASES = 8


def evaluate_run(
    run_dir: str | Path,
    dataset_dir: str = "",
    split: str = "test",
    output: str = "",
    inception_weights: str = "",
) -> dict[str, Any]:
    """Judge a run on held-out eyes and write the report and the model card.

    Args:
        run_dir: folder of the run.
        dataset_dir: prepared dataset; the run's own if empty.
        split: which of its splits.
        output: folder of the report, replaced whole; `evaluation` in the run
            folder if empty.
        inception_weights: as `InceptionFeatures` takes them; neither KID nor
            FID if empty.

    Returns:
        The report, as in `report.json`.

    Raises:
        InputError: run, generator, dataset or split cannot be had, or the
            dataset's splits share a patient, an eye or an image.
    """
    config = load_config(run_dir)
    generator = load_generator(run_dir)
    about = {
        "method": config.method,
        "generator": f"{type(generator).__name__}, "
        f"{generator.count_params():,} parameters",
    }
    return _evaluate(
        translator_of(generator),
        about,
        config,
        dataset_dir or config.dataset_dir,
        split,
        Path(output) if output else Path(run_dir) / "evaluation",
        inception_weights,
    )


def evaluate_model(
    model: str | Path,
    dataset_dir: str = "",
    split: str = "test",
    output: str = "",
    inception_weights: str = "",
) -> dict[str, Any]:
    """Judge a generator in any of its forms, as `evaluate_run` does a run.

    Args:
        model: as `load_translator` takes it.
        dataset_dir: prepared dataset; only a run has one of its own.
        split: which of its splits.
        output: folder of the report; only a run has one of its own.
        inception_weights: as for `evaluate_run`.

    Returns:
        The report, as in `report.json`.

    Raises:
        InputError: as for `evaluate_run`; or a flag is missing.
    """
    if is_run_folder(model):
        return evaluate_run(
            model, dataset_dir, split, output, inception_weights
        )
    for flag, value in (("dataset_dir", dataset_dir), ("output", output)):
        if not value:
            raise InputError(
                f"--{flag}: missing; --model={model} is no run folder, which"
                " would tell it"
            )
    about = {"method": "not known", "generator": fingerprint(model)}
    return _evaluate(
        load_translator(model),
        about,
        None,
        dataset_dir,
        split,
        Path(output),
        inception_weights,
    )


def _evaluate(
    translator: Translator,
    about: dict[str, Any],
    config: TrainConfig | None,
    dataset_dir: str,
    split: str,
    folder: Path,
    inception_weights: str,
) -> dict[str, Any]:
    refuse_leaks(dataset_dir)
    judging = Judging(
        dataset_dir,
        split,
        {
            "generator": translator,
            **trivial_answers(dataset_dir),
        },
        InceptionFeatures(inception_weights) if inception_weights else None,
    )
    check_output(folder, "report.json")
    progress = keras.utils.Progbar(len(judging), unit_name="image")
    with replacing(folder) as temporary:
        (temporary / "figures").mkdir(parents=True)
        panels = []
        for case in judging.cases():
            panel = _figure(case, case.fakes["generator"])
            write_png(temporary / "figures" / f"{case.pair}.png", panel)
            panels.append((case.category, panel))
            progress.add(1)
        write_png(temporary / "figures" / "overview.png", _overview(panels))
        facts = {
            **about,
            **_facts(split, len(panels)),
            **judging.distances(),
        }
        report = summarise(judging.images, facts)
        write_report(report, temporary)
        card = model_card(report, config, dataset_dir)
        (temporary / "model_card.md").write_text(card)
    return report


def trivial_answers(dataset_dir: str) -> dict[str, Translator]:
    """Return the trivial answers that a trained generator must beat."""
    return {
        "mean training FFA": mean_training_ffa(
            load_pairs(dataset_dir, "train")
        ),
        "inverted green channel": inverted_green,
    }


def check_output(folder: Path, own: str) -> None:
    """Refuse to replace a folder that does not hold the file `own`."""
    if folder.exists() and not (folder / own).is_file():
        raise InputError(
            f"--output={folder}: exists and is no evaluation; name a folder"
            " of its own"
        )


def _facts(split: str, count: int) -> dict[str, Any]:
    return {
        "split": f"{split}, {count} images",
        "SSIM": "11x11 Gaussian window, sigma 1.5, K 0.01 and 0.03, range 255",
        "tensorflow": tf.__version__,
        "keras": keras.__version__,
    }


def _figure(case: Case, fake: np.ndarray) -> np.ndarray:
    mask = case.mask.astype(np.uint8) * 255
    images = [case.fundus, case.real, fake, mask]
    height, width = fake.shape[:2]
    if width > _FIGURE_WIDTH:
        size = (_FIGURE_WIDTH, round(height * _FIGURE_WIDTH / width))
        images = [
            cv2.resize(i, size, interpolation=cv2.INTER_AREA).reshape(
                size[1], size[0], -1
            )
            for i in images
        ]
    fundus, real, fake, mask = images
    return case_panel(fundus, real, fake, mask > 127)


def _overview(panels: list[tuple[str, np.ndarray]]) -> np.ndarray:
    """Stack the first cases of every category in turn."""
    by_category: dict[str, list[np.ndarray]] = {}
    for category, panel in panels:
        by_category.setdefault(category, []).append(panel)
    turns = max(map(len, by_category.values()))
    chosen = [
        cases[turn]
        for turn in range(turns)
        for cases in by_category.values()
        if turn < len(cases)
    ][:_OVERVIEW_CASES]
    width = max(panel.shape[1] for panel in chosen)
    padded = [
        np.pad(
            panel,
            ((0, 6), (0, width - panel.shape[1]), (0, 0)),
            constant_values=255,
        )
        for panel in chosen
    ]
    return np.vstack(padded)
