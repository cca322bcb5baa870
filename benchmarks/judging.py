r"""What judging an eye costs, measure by measure.

    python -m benchmarks.judging --size=512 --eyes=4

Judges as many pictures of phantoms as a report has rows, and prints processor
seconds an eye of each measure: of its real side, which is measured once an eye,
of all rows together, and their sum. By one thread, so that what else runs on
the machine counts little; below, all of it by two threads on other eyes.
--lpips_weights adds LPIPS.
"""

from ffa_keras import cli  # isort: skip
from benchmarks import one_thread  # noqa: F401  # isort: skip

import collections
import concurrent.futures
import itertools
import time
from collections.abc import Sequence

import cv2
import numpy as np
from absl import flags

from benchmarks.harness import show_table
from ffa_keras.evaluation.classical import CLASSICAL
from ffa_keras.evaluation.measures import MEASURES, Eye, Measure
from ffa_keras.evaluation.measures.lpips import Lpips
from ffa_keras.phantom import make_pair
from ffa_keras.records.schema import LEAKAGE
from ffa_keras.registration.transform import warp_to_ffa

_SIZE = flags.DEFINE_integer(
    "size", 512, "Side of the frames, pixels.", lower_bound=32
)
_EYES = flags.DEFINE_integer("eyes", 4, "Number of phantoms.", lower_bound=1)
_CONTENDERS = flags.DEFINE_integer(
    "contenders", 3, "Systems to judge.", lower_bound=1
)
_THREADS = 2
_OTHER = 1000
_WEIGHTS = flags.DEFINE_string("lpips_weights", "", "Weights of LPIPS.")


def _eye(number: int) -> tuple[Eye, list[np.ndarray]]:
    """Return a phantom eye and the pictures that are judged on it."""
    category = LEAKAGE[number % len(LEAKAGE)]
    pair = make_pair(number, category, _SIZE.value)
    fundus, known = warp_to_ffa(pair.fundus, pair.matrix, pair.ffa.shape[:2])
    eye = Eye(fundus, pair.ffa, known[..., None], pair.leakage_mask > 0)
    predictions = [draw(fundus) for draw in CLASSICAL.values()]
    another = make_pair(_OTHER + number, category, _SIZE.value).ffa
    predictions += [np.full_like(pair.ffa, 90), another, pair.ffa]
    predictions += [
        cv2.GaussianBlur(pair.ffa, (0, 0), 1 + n)[..., None]
        for n in range(1 + _CONTENDERS.value)
    ]
    return eye, predictions


def _side_by_side(measures: Sequence[Measure], first: int) -> list[float]:
    """Judge eyes by as many measures at a time as there are threads.

    Returns:
        Processor seconds an eye, and seconds that passed.
    """
    eyes = [_eye(first + number) for number in range(_EYES.value)]

    def judge(measure: Measure, number: int) -> None:
        eye, predictions = eyes[number]
        compare = measure.of(eye)
        for prediction in predictions:
            compare(prediction)

    clocks = time.process_time, time.perf_counter
    start = [clock() for clock in clocks]
    with concurrent.futures.ThreadPoolExecutor(_THREADS) as pool:
        tasks = itertools.product(measures, range(_EYES.value))
        list(pool.map(lambda task: judge(*task), tasks))
    spent = zip(clocks, start, strict=True)
    return [(clock() - begin) / _EYES.value for clock, begin in spent]


def main() -> None:
    """Print the table."""
    measures = list(MEASURES)
    if _WEIGHTS.value:
        measures.append(Lpips(_WEIGHTS.value).measure())
    real: dict[str, float] = collections.defaultdict(float)
    rows: dict[str, float] = collections.defaultdict(float)
    for number in range(_EYES.value + 1):
        eye, predictions = _eye(number)
        for measure in measures:
            start = time.process_time()
            compare = measure.of(eye)
            middle = time.process_time()
            for prediction in predictions:
                compare(prediction)
            # The first eye also traces graphs and fills caches.
            if number:
                real[measure.name] += middle - start
                rows[measure.name] += time.process_time() - middle
    table = [
        (name, real[name] / _EYES.value, rows[name] / _EYES.value)
        for name in rows
    ]
    table.append(("all", *np.sum([cells[1:] for cells in table], 0)))
    print(f"{_SIZE.value} pixels, {len(predictions)} rows, {_EYES.value} eyes")
    show_table(
        ("measure", "real side", "all rows", "an eye"),
        [(*cells, cells[1] + cells[2]) for cells in table],
    )
    spent, passed = _side_by_side(measures, _EYES.value + 1)
    print(
        f"{_THREADS} threads: {spent:.2f} s of processor time an eye, and"
        f" {passed:.2f} s passed"
    )


if __name__ == "__main__":
    cli.run(main)
