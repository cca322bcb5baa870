r"""What the truth, trivial answers and chance score in leakage.

    python -m benchmarks.leakage_rows

Judges pictures of phantoms against their masks of leakage as a report does, at
several frame sizes and exposures: the real FFA itself (a perfect generator),
the real FFA of another eye of the same category (chance), the mean FFA and the
best constant of other eyes, and classical pictures of the photograph. Prints a
Markdown table of means over the eyes that have a number.
"""

from ffa_keras import cli  # isort: skip

import collections
from collections.abc import Iterator

import cv2
import numpy as np
from absl import flags

from benchmarks.harness import show_table
from ffa_keras.evaluation.baselines import CHANCE, REAL, MeanTrainingFfa
from ffa_keras.evaluation.classical import CLASSICAL, ConstantFfa
from ffa_keras.evaluation.measures import Eye
from ffa_keras.evaluation.measures.leakage import LEAKAGE as MEASURE
from ffa_keras.phantom import make_pair
from ffa_keras.records.schema import LEAKAGE
from ffa_keras.registration.retina import field_of_view
from ffa_keras.translation.answers import Translator

_SEEDS = flags.DEFINE_integer(
    "seeds", 3, "Phantom eyes of each category.", lower_bound=2
)
# Side in pixels and exposure; the paper's frames have 768 pixels a side.
_FRAMES = ((768, 1.0), (192, 1.0), (384, 0.35), (384, 1.3))
_FIRST_SEED = 5000
_SHOWN = (
    "leak_dice", "leak_found_large", "leak_invented", "leak_invented_area",
    "disc_found", "disc_invented", "dots_found", "dots_found_at_4",
    "dots_invented",
)  # fmt: skip
_Images = tuple[np.ndarray, np.ndarray, np.ndarray]


def _phantoms(first: int, count: int) -> dict[str, list[_Images]]:
    """Return photograph, FFA and mask, 768 pixels a side, by category."""
    found: dict[str, list[_Images]] = {}
    for category in LEAKAGE:
        for seed in range(first, first + count):
            pair = make_pair(seed, category, 768, misalignment=0.0)
            images = (pair.fundus, pair.ffa, pair.leakage_mask)
            found.setdefault(category, []).append(images)
    return found


def _framed(images: _Images, side: int, gain: float) -> _Images:
    """Return photograph, FFA at an exposure, and mask in another size."""
    fundus, ffa, mask = (
        cv2.resize(x, (side, side), interpolation=cv2.INTER_AREA)
        for x in (images[0], images[1], images[2] * np.float32(1))
    )
    exposed = np.clip(np.rint(ffa * gain), 0, 255).astype(np.uint8)
    return fundus, exposed[..., None], mask[..., None] > 0.5


def _judged(
    eyes: dict[str, list[_Images]],
    others: list[_Images],
    side: int,
    gain: float,
) -> Iterator[tuple[str, dict[str, float]]]:
    """Yield the name of a row and what it scores, for each eye."""
    mean, constant = MeanTrainingFfa(), ConstantFfa()
    for _, ffa, _ in (_framed(images, side, gain) for images in others):
        mean.add(ffa)
        constant.add(ffa)
    systems: dict[str, Translator] = {
        "mean FFA": mean,
        "best constant": constant,
        **CLASSICAL,
    }
    for images in eyes.values():
        framed = [_framed(one, side, gain) for one in images]
        for number, (fundus, ffa, mask) in enumerate(framed):
            inside = field_of_view(ffa[..., 0])[..., None]
            compare = MEASURE.of(Eye(fundus, ffa, inside, mask))
            yield REAL, compare(ffa)
            yield CHANCE, compare(framed[number - 1][1])
            for name, draw in systems.items():
                yield name, compare(draw(fundus))


def _cell(values: list[float]) -> str:
    known = [value for value in values if np.isfinite(value)]
    return f"{np.mean(known):.2f}" if known else "none"


def main() -> None:
    """Print the table."""
    eyes = _phantoms(_FIRST_SEED, _SEEDS.value)
    others = sum(_phantoms(_FIRST_SEED + 500, 3).values(), [])

    def rows() -> Iterator[list[str]]:
        for side, gain in _FRAMES:
            found: dict[str, list[dict[str, float]]] = collections.defaultdict(
                list
            )
            for name, scores in _judged(eyes, others, side, gain):
                found[name].append(scores)
            for name, scored in found.items():
                cells = [_cell([s[key] for s in scored]) for key in _SHOWN]
                yield [f"{side} px, x {gain:g}", name, *cells]

    show_table(("frame", "", *_SHOWN), rows())


if __name__ == "__main__":
    cli.run(main)
