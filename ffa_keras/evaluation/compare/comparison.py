"""Train or load the systems, judge them, and write the comparison."""

import dataclasses
import json
from collections.abc import Iterable, Mapping
from pathlib import Path

import keras

from ffa_keras.errors import InputError
from ffa_keras.evaluation.card import model_card
from ffa_keras.evaluation.compare.grid import LeakingCases, comparison_grid
from ffa_keras.evaluation.compare.page import CasePictures, comparison_page
from ffa_keras.evaluation.compare.paired import against_reference
from ffa_keras.evaluation.compare.tables import (
    to_csv,
    to_latex,
    to_markdown,
)
from ffa_keras.evaluation.panel import judge_on
from ffa_keras.evaluation.protocol import Protocol
from ffa_keras.evaluation.results import (
    ImageScores,
    Report,
    count_images,
    merge_trainings,
    summarise,
)
from ffa_keras.evaluation.verdict import vessels_beside_classical
from ffa_keras.files import replacing
from ffa_keras.images.files import write_png
from ffa_keras.records.audit.leaks import refuse_leaks
from ffa_keras.records.dataset import PreparedDataset
from ffa_keras.settings import learning
from ffa_keras.training.config import TrainConfig
from ffa_keras.training.runs import as_begun
from ffa_keras.training.train import train
from ffa_keras.translation.keras_model import translator_of
from ffa_keras.translation.run_folder import load_generator


def compare(
    configs: Mapping[str, TrainConfig],
    output: str | Path,
    runs_dir: str | Path,
    split: str,
    seeds: int,
    how: Protocol,
) -> str:
    """Train the systems alike where that is not done, and judge them.

    Args:
        configs: settings of each system by its name, but for `run_dir`; on
            one dataset and seed.
        output: folder of the comparison, replaced whole if it is one.
        runs_dir: one run folder a system; a run that has begun with the same
            settings is gone on with, a finished one is only loaded.
        split: which part of the dataset to judge on.
        seeds: how often each system is trained, by seeds from its own on.
        how: the protocol.

    Returns:
        The table, Markdown.

    Raises:
        InputError: the output folder holds other files; the dataset's splits
            share a patient, an eye or an image; a run was made with other
            settings, or runs keep their generators by different rules; or as
            `train`.
    """
    methods = list(configs)
    first = configs[methods[0]]
    with replacing(Path(output)) as temporary:
        temporary.mkdir()
        dataset = PreparedDataset.find(first.dataset_dir)
        refuse_leaks(dataset)
        runs = _runs(configs, Path(runs_dir), seeds)
        for run in runs.values():
            print(f"{run.method}, seed {run.seed}:", flush=True)
            keras.backend.clear_session()
            train(run, resume=True)
        systems = {
            name: how.answers_of(translator_of(load_generator(run.run_dir)))
            for name, run in runs.items()
        }
        judge = judge_on(dataset, split, systems, how, first)
        pictures = CasePictures(temporary / "pictures", methods)
        leaking = LeakingCases()
        for case in judge.cases():
            pictures.add(case)
            leaking.add(case)
        images = _merged(judge.images, methods, seeds)
        facts: dict[str, str | int] = {
            "split": split,
            **count_images(images[methods[0]]),
            "protocol": how.describe(),
            "settings": _changed(runs[method] for method in methods)
            or "the defaults",
            "seed": first.seed,
            "seeds": seeds,
            "keras": keras.__version__,
            **judge.distances(),
        }
        report = summarise(images, judge.metrics, facts, audited=True)
        vessels = vessels_beside_classical(images, methods)
        told = {f"vessels of {name}": text for name, text in vessels.items()}
        comparison = against_reference(report.of(report.systems, told), methods)
        files = {
            "comparison.json": json.dumps(
                comparison.to_json(), indent=2, allow_nan=False
            ),
            "comparison.md": to_markdown(comparison),
            "comparison.tex": to_latex(report),
            "comparison.csv": to_csv(comparison),
            "index.html": comparison_page(comparison, pictures.cases),
            **_cards(report, vessels, dataset, configs),
        }
        for name, content in files.items():
            (temporary / name).write_text(content, encoding="utf-8")
        figure = comparison_grid(leaking.cases, methods)
        write_png(temporary / "figure.png", figure)
    print(judge.times())
    return files["comparison.md"]


def _runs(
    configs: Mapping[str, TrainConfig], folder: Path, seeds: int
) -> dict[str, TrainConfig]:
    """Return the settings of every training by its name, as it has begun."""
    runs = {
        _name(method, number): as_begun(
            dataclasses.replace(
                own,
                seed=own.seed + number,
                run_dir=str(folder / _name(method, number)),
            )
        )
        for method, own in configs.items()
        for number in range(seeds)
    }
    _refuse_unlike_selection(runs.values())
    return runs


def _merged(
    images: Mapping[str, list[ImageScores]], methods: list[str], seeds: int
) -> dict[str, list[ImageScores]]:
    """Return the scores with all trainings of a method under its name."""
    merged = dict(images)
    for method in methods:
        others = [_name(method, number) for number in range(1, seeds)]
        if others:
            merged[method] = merge_trainings(
                [merged[method], *map(merged.pop, others)]
            )
    return merged


def _cards(
    report: Report,
    vessels: Mapping[str, str],
    dataset: PreparedDataset,
    configs: Mapping[str, TrainConfig],
) -> dict[str, str]:
    """Return the model card of each method, by the name of its file."""
    baselines = [name for name in report.systems if name not in configs]
    cards = {}
    for method, own in configs.items():
        facts = {"method": method}
        if method in vessels:
            facts["vessels"] = vessels[method]
        one = report.of((method, *baselines), facts)
        cards[f"model_card_{method}.md"] = model_card(one, dataset, own)
    return cards


def _refuse_unlike_selection(runs: Iterable[TrainConfig]) -> None:
    """Refuse runs whose generators were chosen by different rules.

    The default was another one once, and a run goes on as it began: beside
    new runs it would not be trained alike.
    """
    rules: dict[str, str] = {}
    for run in runs:
        rules.setdefault(run.select_by, Path(run.run_dir).name)
    if len(rules) > 1:
        told = ", ".join(f"{name} by {rule}" for rule, name in rules.items())
        raise InputError(
            "--select_by: the runs keep their generators by different rules"
            f" ({told}); give --select_by with the rule of those that have"
            " begun, or another --runs_dir"
        )


def _name(method: str, number: int) -> str:
    """Return the name of a training: the first has that of the method."""
    return f"{method}_{number}" if number else method


def _changed(configs: Iterable[TrainConfig]) -> str:
    """Return the settings that are not the defaults, as flags."""
    changed = {
        f"--{name}={value}": None
        for own in configs
        for name, value in learning(own).items()
        if name != "method" and value != getattr(type(own), name)
    }
    return " ".join(changed)
