r"""Whether vessels stay where they are when the appearance is exchanged.

    python -m benchmarks.appearance --run_dir=RUN --dataset_dir=DIR

Translates the photographs of the test split by a trained `disentangled`, once
with the mean appearance and then with that of other eyes' angiograms, from the
darkest to the brightest of some of the train split. Vessels are compared with
those of the real FFA, and with those of the first answer. Second table: whether
the spread over random appearances tells where the first answer is wrong.
"""

from ffa_keras import cli  # isort: skip

import collections
import itertools

import numpy as np
from absl import flags

from benchmarks.harness import show_table
from benchmarks.risk import COLUMNS, risks
from ffa_keras.evaluation.eyes import eyes_of
from ffa_keras.evaluation.measures import Eye
from ffa_keras.evaluation.measures.vessels import VESSELS
from ffa_keras.records.dataset import PreparedDataset
from ffa_keras.translation.appearance import (
    appearance_spread,
    take_appearance,
)
from ffa_keras.translation.run_folder import load_generator
from ffa_keras.translation.whole import translate_native

_RUN_DIR = flags.DEFINE_string(
    "run_dir", None, "Run of `disentangled`.", required=True
)
_DATASET_DIR = flags.DEFINE_string(
    "dataset_dir", None, "Prepared dataset.", required=True
)
_EYES = flags.DEFINE_integer("eyes", 12, "Photographs to translate.")
_EXEMPLARS = flags.DEFINE_integer("exemplars", 24, "Angiograms to choose from.")
_SHOWN = flags.DEFINE_integer("shown", 3, "Appearances to show of them.")


def _exemplars(dataset: PreparedDataset) -> dict[str, np.ndarray]:
    """Return angiograms of the train split, dark to bright."""
    records = dataset.records("train", ["ffa"], lone="ffa")
    ffas = [r["ffa"] for r in itertools.islice(records, _EXEMPLARS.value)]
    ffas.sort(key=lambda ffa: ffa[ffa > 0].mean())
    places = np.linspace(0, len(ffas) - 1, _SHOWN.value).round().astype(int)
    return {
        f"of FFA {place + 1} of {len(ffas)}": ffas[place] for place in places
    }


def main() -> None:
    """Translate with each appearance, and compare vessels."""
    dataset = PreparedDataset.find(_DATASET_DIR.value)
    generator = load_generator(_RUN_DIR.value)
    held = itertools.islice(eyes_of(dataset, "test"), _EYES.value)
    eyes = [one.eye for one in held]
    first: list[np.ndarray] = []

    def row(name: str) -> tuple[object, ...]:
        answers = [translate_native(generator, eye.fundus) for eye in eyes]
        first.extend(answers[len(first) :])
        levels = [
            answer[eye.mask].mean()
            for answer, eye in zip(answers, eyes, strict=True)
        ]
        return (
            name,
            np.mean(levels),
            _auc(eyes, answers),
            _auc(
                [
                    Eye(eye.fundus, answer, eye.mask)
                    for eye, answer in zip(eyes, first, strict=True)
                ],
                answers,
            ),
        )

    rows = [row("mean of training")]
    spreads = [*map(appearance_spread(generator), (e.fundus for e in eyes))]
    for name, exemplar in _exemplars(dataset).items():
        take_appearance(generator, exemplar)
        rows.append(row(name))
    show_table(
        (
            "appearance",
            "mean grey level",
            "vessel AUC, real FFA",
            "vessel AUC, first row",
        ),
        rows,
        "vessels",
    )
    figures: dict[str, list[list[float]]] = collections.defaultdict(list)
    for eye, answer, spread in zip(eyes, first, spreads, strict=True):
        for name, found in risks(eye, answer, {"random appearances": spread}):
            figures[name].append(found)
    show_table(
        ("map", *COLUMNS),
        ([name, *np.mean(found, 0)] for name, found in figures.items()),
        "spread",
    )


def _auc(eyes: list[Eye], answers: list[np.ndarray]) -> float:
    return float(
        np.mean(
            [
                VESSELS.of(eye)(answer)["vessel_auc"]
                for eye, answer in zip(eyes, answers, strict=True)
            ]
        )
    )


if __name__ == "__main__":
    cli.run(main)
