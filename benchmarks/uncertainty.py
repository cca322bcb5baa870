r"""Which map of uncertainty tells where an answer is wrong, and how often.

    python -m benchmarks.uncertainty

The released generator on phantoms that it never saw. First table: the rank
correlation of each map with the absolute error, and the mean error of the
surest pixels as a share of that of all (risk at 90, 70, 50 and 30 % coverage).
Second: conformal intervals that one set of phantoms calibrates, on another.
"""

from ffa_keras import cli  # isort: skip

import collections
from collections.abc import Iterator

import numpy as np
from absl import flags
from scipy.stats import spearmanr

from benchmarks.harness import show_table
from ffa_keras.evaluation.intervals import (
    Answer,
    Coverage,
    answer_of,
    error_by_level,
    intervals_of,
)
from ffa_keras.evaluation.measures import Eye
from ffa_keras.inference.maps import draw_uncertainty
from ffa_keras.phantom import make_pair
from ffa_keras.records.schema import LEAKAGE
from ffa_keras.registration.retina import field_of_view
from ffa_keras.registration.transform import warp_to_ffa
from ffa_keras.translation.forms import load_translator
from ffa_keras.translation.whole import Translator

_MAPS = flags.DEFINE_integer("maps", 12, "Eyes of the first table.")
_EYES = flags.DEFINE_integer("eyes", 24, "Eyes that calibrate, and that test.")
_SIZE = 256
_SHARES = (0.9, 0.7, 0.5, 0.3)


def _eyes(first: int, count: int) -> Iterator[Eye]:
    for seed in range(first, first + count):
        pair = make_pair(seed, LEAKAGE[seed % len(LEAKAGE)], _SIZE)
        fundus, known = warp_to_ffa(pair.fundus, pair.matrix, (_SIZE, _SIZE))
        inside = known.reshape(_SIZE, _SIZE) & field_of_view(pair.ffa[..., 0])
        leaks = pair.leakage_mask > 0
        yield Eye(fundus, pair.ffa, inside[..., None], leaks)


def _answers(translate: Translator, first: int, count: int) -> Iterator[Answer]:
    for number, eye in enumerate(_eyes(first, count)):
        answer = answer_of(eye, translate(eye.fundus))
        yield Answer(answer.fake, answer.error, answer.area_error, str(number))


def main() -> None:
    """Print both tables."""
    translate = load_translator("pretrained")
    scale = error_by_level(_answers(translate, 5000, 12))
    rows: dict[str, list[list[float]]] = collections.defaultdict(list)
    for eye in _eyes(0, _MAPS.value):
        fake = translate(eye.fundus)
        spread = draw_uncertainty(translate, eye.fundus, fake)[eye.mask]
        answer = answer_of(eye, fake)
        for name, map_ in (
            ("spread over flips and turns", spread.astype(float)),
            ("width by grey level", scale[answer.fake]),
            ("the error itself", answer.error),
        ):
            surest = answer.error[np.argsort(map_, kind="stable")]
            risks = [
                surest[: round(share * len(surest))].mean() / surest.mean()
                for share in _SHARES
            ]
            rank = spearmanr(map_, answer.error).statistic
            rows[name].append([rank, *risks])
    show_table(
        ("map", "rank correlation", *(f"{s:.0%}" for s in _SHARES)),
        [(name, *np.mean(found, 0)) for name, found in rows.items()],
        "maps",
    )
    found = intervals_of(_answers(translate, 6000, _EYES.value), scale)
    coverage = Coverage(found)
    for eye in _eyes(7000, _EYES.value):
        coverage.add(eye, translate(eye.fundus))
    print(coverage.describe())


if __name__ == "__main__":
    cli.run(main)
