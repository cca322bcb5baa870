"""Judge a run's generator, and the trivial answers beside it."""

from pathlib import Path
from typing import Any

import cv2
import keras
import numpy as np
import tensorflow as tf
import tensorflow_datasets as tfds

from ffa_keras.data.images import write_png
from ffa_keras.data.pictures import case_panel
from ffa_keras.data.pipeline import find_dataset, load_pairs
from ffa_keras.errors import InputError
from ffa_keras.evaluation.baselines import inverted_green, mean_training_ffa
from ffa_keras.evaluation.metrics import judge
from ffa_keras.evaluation.report import summarise, write_report
from ffa_keras.files import replacing
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
) -> dict[str, Any]:
    """Judge a run on held-out eyes and write the report.

    Args:
        run_dir: folder of the run.
        dataset_dir: prepared dataset; the run's own if empty.
        split: which of its splits.
        output: folder of the report, replaced whole; `evaluation` in the run
            folder if empty.

    Returns:
        The report, as in `report.json`.

    Raises:
        InputError: run, generator, dataset or split cannot be had.
    """
    config = load_config(run_dir)
    generator = load_generator(run_dir)
    dataset_dir = dataset_dir or config.dataset_dir
    pairs = load_pairs(dataset_dir, split)
    category = _category_names(dataset_dir)
    translators = {
        "generator": lambda fundus: translate(generator, fundus),
        "mean training FFA": mean_training_ffa(
            load_pairs(dataset_dir, "train")
        ),
        "inverted green channel": inverted_green,
    }
    judged: dict[str, list[dict[str, Any]]] = {name: [] for name in translators}
    folder = Path(output) if output else Path(run_dir) / "evaluation"
    if folder.exists() and not (folder / "report.json").is_file():
        raise InputError(
            f"--output={folder}: exists and is no evaluation; name a folder"
            " of its own"
        )
    progress = keras.utils.Progbar(int(pairs.cardinality()), unit_name="image")
    with replacing(folder) as temporary:
        (temporary / "figures").mkdir(parents=True)
        panels = []
        for pair in tfds.as_numpy(pairs):
            about = {
                "pair": pair["pair"].decode()[:8],
                "patient": pair["patient"].decode(),
                "category": category[int(pair["category"])],
            }
            for name, answer in translators.items():
                fake = answer(pair["fundus"])
                figures = judge(pair["ffa"], fake, pair["valid_mask"])
                judged[name].append({**about, **figures})
                if name == "generator":
                    panel = _figure(pair, fake)
            write_png(temporary / "figures" / f"{about['pair']}.png", panel)
            panels.append((about["category"], panel))
            progress.add(1)
        write_png(temporary / "figures" / "overview.png", _overview(panels))
        facts = _facts(config, generator, split, len(panels))
        report = summarise(judged, facts)
        write_report(report, temporary)
    return report


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


def _category_names(dataset_dir: str) -> list[str]:
    builder = tfds.builder_from_directory(find_dataset(dataset_dir))
    return builder.info.features["category"].names


def _figure(pair: dict[str, np.ndarray], fake: np.ndarray) -> np.ndarray:
    images = [pair["fundus"], pair["ffa"], fake, pair["valid_mask"]]
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
