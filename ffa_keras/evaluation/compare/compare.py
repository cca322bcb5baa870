"""Train or load the systems, judge them, and write the comparison."""

import dataclasses
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import keras

from ffa_keras.data.audit import refuse_leaks
from ffa_keras.data.images import write_png
from ffa_keras.evaluation.card import model_card
from ffa_keras.evaluation.compare.grid import comparison_grid
from ffa_keras.evaluation.compare.page import comparison_page
from ffa_keras.evaluation.compare.tables import (
    to_csv,
    to_latex,
    to_markdown,
)
from ffa_keras.evaluation.evaluate import check_output, trivial_answers
from ffa_keras.evaluation.inception import InceptionFeatures
from ffa_keras.evaluation.judging import Judging
from ffa_keras.evaluation.report import METRICS, strict, summarise
from ffa_keras.evaluation.statistics import holm, paired_difference
from ffa_keras.files import replacing
from ffa_keras.training.config import TrainConfig
from ffa_keras.training.train import train
from ffa_keras.translation.forms import translator_of
from ffa_keras.translation.run_folder import load_generator

REFERENCE = "proposed"
# Settings that do not change what is learnt.
_UNTOLD = ("dataset_dir", "run_dir", "method", "vgg_weights")


def compare(
    config: TrainConfig,
    methods: Sequence[str],
    output: str | Path,
    runs_dir: str | Path,
    split: str = "test",
    inception_weights: str = "",
) -> str:
    """Train the systems alike where that is not done, and judge them.

    Args:
        config: settings for all, but for `method` and `run_dir`.
        methods: names of the systems.
        output: folder of the comparison, replaced whole.
        runs_dir: one run folder a system; a run that has begun with the same
            settings is gone on with, a finished one is only loaded.
        split: which part of the dataset to judge on.
        inception_weights: as `InceptionFeatures` takes them; neither KID nor
            FID if empty.

    Returns:
        The table, Markdown.

    Raises:
        InputError: the dataset's splits share a patient, an eye or an image;
            a run was made with other settings; or as `train`.
    """
    folder = Path(output)
    check_output(folder, "comparison.json")
    refuse_leaks(config.dataset_dir)
    inception = None
    if inception_weights:
        inception = InceptionFeatures(inception_weights)
    configs = {
        method: dataclasses.replace(
            config, method=method, run_dir=str(Path(runs_dir) / method)
        )
        for method in methods
    }
    for method, own in configs.items():
        print(f"{method}:", flush=True)
        keras.backend.clear_session()
        train(own, resume=True)
    translators = {
        method: translator_of(load_generator(own.run_dir))
        for method, own in configs.items()
    }
    judging = Judging(
        config.dataset_dir,
        split,
        {**translators, **trivial_answers(config.dataset_dir)},
        inception,
    )
    cases = list(judging.cases())
    report = summarise(
        judging.images, {**_facts(config, split, judging), "methods": methods}
    )
    report["paired"] = strict(_paired(judging.images, methods))
    with replacing(folder) as temporary:
        temporary.mkdir()
        text = to_markdown(report)
        files = {
            "comparison.json": json.dumps(report, indent=2, allow_nan=False),
            "comparison.md": text,
            "comparison.tex": to_latex(report),
            "comparison.csv": to_csv(report),
            "index.html": comparison_page(report, cases, list(methods)),
        }
        for method, own in configs.items():
            card = model_card(_of_one(report, method), own, config.dataset_dir)
            files[f"model_card_{method}.md"] = card
        for name, content in files.items():
            (temporary / name).write_text(content, encoding="utf-8")
        write_png(
            temporary / "figure.png", comparison_grid(cases, list(methods))
        )
    return text


def _facts(config: TrainConfig, split: str, judging: Judging) -> dict[str, Any]:
    defaults = TrainConfig()
    changed = [
        f"--{name}={value}"
        for name, value in dataclasses.asdict(config).items()
        if name not in _UNTOLD and value != getattr(defaults, name)
    ]
    return {
        "split": f"{split}, {len(judging)} images",
        "settings": " ".join(changed) or "the paper's",
        "seed": config.seed,
        "keras": keras.__version__,
        **judging.distances(),
    }


def _paired(
    images: dict[str, list[dict[str, Any]]], methods: Sequence[str]
) -> dict[str, dict[str, Any]]:
    """Return each rival's difference from the proposed system, by metric."""
    if REFERENCE not in methods:
        return {}
    rivals = [method for method in methods if method != REFERENCE]
    patients = [image["patient"] for image in images[REFERENCE]]
    result: dict[str, dict[str, Any]] = {method: {} for method in rivals}
    for metric in METRICS:
        columns = {
            method: [image[metric] for image in images[method]]
            for method in methods
        }
        found = [
            paired_difference(columns[method], columns[REFERENCE], patients)
            for method in rivals
        ]
        adjusted = holm([figures["p"] for figures in found])
        for method, figures, p in zip(rivals, found, adjusted, strict=True):
            result[method][metric] = {**figures, "p": p}
    return result


def _of_one(report: dict[str, Any], method: str) -> dict[str, Any]:
    facts = {"method": method, **report["facts"]}
    facts.pop("methods")
    order = ("ffa_keras", "notice")
    facts = {**{k: facts[k] for k in order}, **facts}
    others = [
        n for n in report["answers"] if n not in report["facts"]["methods"]
    ]
    answers = {n: report["answers"][n] for n in (method, *others)}
    return {"facts": facts, "answers": answers}
