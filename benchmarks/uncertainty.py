r"""Which map of uncertainty tells where an answer is wrong, and how often.

    python -m benchmarks.uncertainty [--photographs=DATA]

The released generator on phantoms that it never saw, and on the real eyes of
DATA/pairs_landmarked. Table: the rank correlation of each map with the absolute
error, plain and after the exposure has been fitted, and the mean error of the
surest pixels as a share of that of all (risk at 90, 70, 50 and 30 % coverage).
Second table: conformal intervals that phantoms calibrate, on other phantoms.
The folder may also stand in FFA_KERAS_PHOTOGRAPHS.
"""

from ffa_keras import cli  # isort: skip

import collections
import os
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
from absl import flags

from benchmarks.harness import show_table
from benchmarks.landmarked_eyes import landmarked_eyes
from benchmarks.risk import COLUMNS, risks
from ffa_keras.evaluation.intervals import (
    Answer,
    Coverage,
    answer_of,
    error_by_level,
    intervals_of,
)
from ffa_keras.evaluation.measures import Eye
from ffa_keras.phantom import make_pair
from ffa_keras.records.schema import LEAKAGE
from ffa_keras.registration.retina import field_of_view
from ffa_keras.registration.transform import warp_to_ffa
from ffa_keras.translation.answers import Translator
from ffa_keras.translation.forms import load_translator

_PHOTOGRAPHS = flags.DEFINE_string(
    "photographs",
    os.environ.get("FFA_KERAS_PHOTOGRAPHS", ""),
    "Folder of real pairs; empty leaves those rows out.",
)
_MAPS = flags.DEFINE_integer("maps", 12, "Phantom eyes of the table.")
_EYES = flags.DEFINE_integer("eyes", 24, "Eyes that calibrate, and that test.")
_SIZE = 256
# Of the eight flips and quarter turns all but the photograph as it is.
_OTHER_TURNS = [
    (mirrored, turns)
    for mirrored in (False, True)
    for turns in range(4)
    if mirrored or turns
]


def _eyes(first: int, count: int) -> Iterator[Eye]:
    for seed in range(first, first + count):
        pair = make_pair(seed, LEAKAGE[seed % len(LEAKAGE)], _SIZE)
        fundus, known = warp_to_ffa(pair.fundus, pair.matrix, (_SIZE, _SIZE))
        inside = known.reshape(_SIZE, _SIZE) & field_of_view(pair.ffa[..., 0])
        leaks = pair.leakage_mask > 0
        yield Eye(fundus, pair.ffa, inside[..., None], leaks)


def _answers(translate: Translator, first: int, count: int) -> Iterator[Answer]:
    for number, eye in enumerate(_eyes(first, count)):
        yield answer_of(eye, translate(eye.fundus), str(number))


def _spread_over_turns(
    translate: Translator, fundus: np.ndarray, ffa: np.ndarray
) -> np.ndarray:
    """Return the standard deviation over the eight flips and turns."""
    total = ffa.astype(np.float32)
    squares = total**2
    for mirrored, turns in _OTHER_TURNS:
        view = np.rot90(fundus[:, ::-1] if mirrored else fundus, turns)
        answer = np.rot90(translate(np.ascontiguousarray(view)), -turns)
        answer = answer[:, ::-1] if mirrored else answer
        total += answer
        squares += answer.astype(np.float32) ** 2
    variance = squares / 8 - (total / 8) ** 2
    return np.sqrt(np.maximum(variance, 0))


def _rows(
    translate: Translator, scale: np.ndarray, eyes: Iterable[Eye], which: str
) -> Iterator[list[object]]:
    """Yield a row for each map: means over the eyes."""
    rows: dict[str, list[list[float]]] = collections.defaultdict(list)
    for eye in eyes:
        fake = translate(eye.fundus).reshape(eye.real.shape)
        maps = {
            "spread over flips and turns": _spread_over_turns(
                translate, eye.fundus, fake
            ),
            "width by grey level": scale[fake],
        }
        for name, figures in risks(eye, fake, maps):
            rows[name].append(figures)
    for name, found in rows.items():
        yield [which, name, *np.mean(found, 0)]


def main() -> None:
    """Print the table and what the intervals hold."""
    translate = load_translator("pretrained")
    scale = error_by_level(_answers(translate, 5000, 12))
    sets: dict[str, Iterable[Eye]] = {"phantoms": _eyes(0, _MAPS.value)}
    if _PHOTOGRAPHS.value:
        real = landmarked_eyes(Path(_PHOTOGRAPHS.value) / "pairs_landmarked")
        sets["real eyes"] = (pairs[0][1] for pairs in real.values())
    show_table(
        (
            "", "map", *COLUMNS,
        ),
        (
            row
            for which, eyes in sets.items()
            for row in _rows(translate, scale, eyes, which)
        ),
        "maps",
    )  # fmt: skip
    found = intervals_of(_answers(translate, 6000, _EYES.value), scale)
    coverage = Coverage(found)
    for eye in _eyes(7000, _EYES.value):
        coverage.add(eye, translate(eye.fundus))
    widths = found.half_widths
    show_table(
        ("", "half width", "inside"),
        [
            (
                "pixels, by the answer's grey level",
                f"{widths.min():.0f} to {widths.max():.0f} grey levels",
                f"{100 * np.mean(coverage.pixels):.1f} % of"
                f" {len(coverage.pixels)} images",
            ),
            (
                "area that leaks",
                f"{found.area:.2f} % of the field",
                f"{sum(coverage.areas)} of {len(coverage.areas)} images",
            ),
        ],
        "intervals",
    )


if __name__ == "__main__":
    cli.run(main)
