r"""Whether the measure of copied training images finds copies and only those.

    python -m benchmarks.copies

Phantom eyes against a training set of others: the row `copied` of classical
pictures, of the blurred truth, and of planted copies.
"""

from ffa_keras import cli  # isort: skip

import collections

import cv2
import numpy as np
from absl import flags

from benchmarks.harness import show_table
from ffa_keras.evaluation.classical import CLASSICAL
from ffa_keras.evaluation.measures import Eye
from ffa_keras.evaluation.measures.copies import TrainingImages
from ffa_keras.phantom import make_pair
from ffa_keras.records.schema import LEAKAGE
from ffa_keras.registration.transform import warp_to_ffa

_EYES = flags.DEFINE_integer("eyes", 12, "Held-out eyes.", lower_bound=1)
_TRAINING = flags.DEFINE_integer("training", 40, "Others.", lower_bound=12)
_SIZE = 256
_OTHERS = 1000


def _phantom(seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Return an aligned photograph and its FFA."""
    pair = make_pair(seed, LEAKAGE[seed % len(LEAKAGE)], _SIZE)
    return warp_to_ffa(pair.fundus, pair.matrix, (_SIZE, _SIZE))[0], pair.ffa


def _blurred(ffa: np.ndarray, sigma: float) -> np.ndarray:
    return cv2.GaussianBlur(ffa, (0, 0), sigma)[..., None]


def main() -> None:
    """Print the table."""
    training = TrainingImages()
    others = [_phantom(_OTHERS + n)[1] for n in range(_TRAINING.value)]
    for ffa in others:
        training.add(ffa)
    measure = training.measure()
    mean = np.mean(others, 0).astype(np.uint8)
    rows: dict[str, list[dict[str, float]]] = collections.defaultdict(list)
    for number in range(_EYES.value):
        fundus, real = _phantom(number)
        copy = others[number % len(others)]
        predictions = {
            "real FFA": real,
            "real FFA, blurred by 3 pixels": _blurred(real, 3),
            "mean training FFA": mean,
            **{name: draw(fundus) for name, draw in CLASSICAL.items()},
            "a training FFA": copy,
            "the same, blurred by 2 pixels": _blurred(copy, 2),
            "the same, moved by 3 pixels": np.roll(copy, 3, 1),
            "the same, mirrored": np.ascontiguousarray(copy[:, ::-1]),
            "the same, turned": np.ascontiguousarray(np.rot90(copy)),
            "the same and the real FFA, half each": copy // 2 + real // 2,
        }
        compare = measure.of(Eye(fundus, real, np.ones_like(real) > 0))
        for name, prediction in predictions.items():
            rows[name].append(compare(prediction))
    table = []
    for name, scores in rows.items():
        copied = [score["copied"] for score in scores]
        nearest = np.mean([s["training_similarity"] for s in scores])
        table.append((name, nearest, np.mean(copied), min(copied), max(copied)))
    show_table(("", "nearest", "copied", "least", "most"), table)


if __name__ == "__main__":
    cli.run(main)
