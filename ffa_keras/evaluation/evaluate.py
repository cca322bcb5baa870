"""Judge a run's generator, and the trivial answers beside it."""

from pathlib import Path
from typing import Any

import cv2
import keras
import numpy as np
import tensorflow as tf

from ffa_keras.data.images import write_png
from ffa_keras.data.pictures import case_panel
from ffa_keras.errors import InputError
from ffa_keras.evaluation.baselines import (
    Translator,
    inverted_green,
    mean_training_ffa,
)
from ffa_keras.evaluation.card import model_card
from ffa_keras.evaluation.inception import InceptionFeatures
from ffa_keras.evaluation.judging import Case, Judging
from ffa_keras.evaluation.report import summarise, write_report
from ffa_keras.files import replacing
from ffa_keras.records.audit import refuse_leaks
from ffa_keras.records.dataset import PreparedDataset
from ffa_keras.training.runs import load_config, load_generator
from ffa_keras.translate import translate

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
    dataset = PreparedDataset.find(dataset_dir or config.dataset_dir)
    refuse_leaks(dataset)
    judging = Judging(
        dataset,
        split,
        {
            "generator": lambda fundus: translate(generator, fundus),
            **trivial_answers(dataset),
        },
        InceptionFeatures(inception_weights) if inception_weights else None,
    )
    folder = Path(output) if output else Path(run_dir) / "evaluation"
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
            **_facts(config, generator, split, len(panels)),
            **judging.distances(),
        }
        report = summarise(judging.images, facts)
        write_report(report, temporary)
        card = model_card(report, config, dataset)
        (temporary / "model_card.md").write_text(card)
    return report


def trivial_answers(dataset: PreparedDataset) -> dict[str, Translator]:
    """Return the trivial answers that a trained generator must beat."""
    return {
        "mean training FFA": mean_training_ffa(dataset.pairs("train", ["ffa"])),
        "inverted green channel": inverted_green,
    }


def check_output(folder: Path, own: str) -> None:
    """Refuse to replace a folder that does not hold the file `own`."""
    if folder.exists() and not (folder / own).is_file():
        raise InputError(
            f"--output={folder}: exists and is no evaluation; name a folder"
            " of its own"
        )


def _facts(
    config, generator: keras.Model, split: str, count: int
) -> dict[str, Any]:
    return {
        "method": config.method,
        "generator": f"{type(generator).__name__}, "
        f"{generator.count_params():,} parameters",
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
