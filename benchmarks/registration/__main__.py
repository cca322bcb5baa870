r"""Accuracy, verdicts and time of registration against known answers.

    python -m benchmarks.registration --pairs=FOLDER/pairs.csv

prints, for both front ends and the baselines, the landmark errors, verdicts
and times of real pairs whose manifest names a landmarks file for each.
`--faded` fades every FFA first; `--wrong_pairs` registers photographs with the
FFAs of other eyes instead, which must all be refused; `--phantoms=N` needs no
files and uses N phantom pairs under known warps. One thread; seconds are those
of the processor.
"""

from ffa_keras import cli  # isort: skip
from benchmarks import one_thread  # noqa: F401  # isort: skip

import dataclasses
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import numpy as np
from absl import flags

from benchmarks.harness import figure, peak_mb, show_table
from benchmarks.registration.baselines import BASELINES
from benchmarks.registration.phantoms import SIZE, make_warped_pair
from benchmarks.registration.trial import (
    Outcome,
    Pair,
    contenders,
    outcome,
    read_pairs,
    summary,
)
from ffa_keras.errors import InputError
from ffa_keras.registration import METHODS, RegistrationResult, register_pair
from ffa_keras.registration.transform import apply_matrix, pixel_grid

_PAIRS = flags.DEFINE_string(
    "pairs", None, "Manifest with the columns eye and landmarks."
)
_FADED = flags.DEFINE_bool(
    "faded", False, "Contrast 0.3, blur sigma 1.8 and noise sigma 5 on FFAs."
)
_WRONG_PAIRS = flags.DEFINE_bool(
    "wrong_pairs", False, "Register every photograph with other eyes' FFAs."
)
_PHANTOMS = flags.DEFINE_integer(
    "phantoms", 0, "Number of phantom pairs to use instead of files."
)
_METHOD = flags.DEFINE_string(
    "method", "", f"Only this: {', '.join((*METHODS, *BASELINES))}."
)

_LEVELS = (0.25, 0.5, 1, 2, 3, 5, 10)


def main() -> None:
    """Print the table that the flags ask for."""
    if _PHANTOMS.value:
        _phantoms(_PHANTOMS.value)
        return
    if not _PAIRS.value:
        raise InputError("--pairs: missing; name a pairs.csv, or --phantoms=N")
    pairs = list(read_pairs(Path(_PAIRS.value)))
    if _FADED.value:
        pairs = [dataclasses.replace(p, ffa=_faded(p.ffa)) for p in pairs]
    if _WRONG_PAIRS.value:
        _wrong_pairs(pairs)
    else:
        _landmark_errors(pairs)
    print(f"Peak memory of the process: {peak_mb():.0f} MB")


def _faded(ffa: np.ndarray) -> np.ndarray:
    """Imitate a late frame: less contrast, blurred, noisy."""
    grey = ffa[..., 0].astype(float)
    pale = cv2.GaussianBlur(
        (grey - grey.mean()) * 0.3 + grey.mean(), (0, 0), 1.8
    )
    noisy = pale + np.random.default_rng(0).normal(0, 5, pale.shape)
    return np.rint(noisy.clip(0, 255)).astype(np.uint8)[..., None]


def _landmark_errors(pairs: list[Pair]) -> None:
    outcomes: dict[str, list[Outcome]] = {}

    def rows() -> Iterator[tuple]:
        for name, run in contenders(_METHOD.value).items():
            outcomes[name] = []
            for pair in pairs:
                found = outcome(run, pair)
                outcomes[name].append(found)
                error = found.errors
                yield (
                    name, pair.name, figure(error.mean(), 2),
                    figure(np.median(error), 2), figure(error.max(), 1),
                    "accepted" if found.accepted else "refused",
                    figure(found.seconds, 2),
                )  # fmt: skip

    show_table(
        ("method", "pair", "mean", "median", "max", "verdict", "seconds"),
        rows(),
        "pairs",
    )
    show_table(
        (f"method, {len(pairs)} pairs", "accepted", "mean error < 10 px",
         "median of means", "worst mean", "median seconds", "most seconds"),
        (summary(name, found) for name, found in outcomes.items()),
    )  # fmt: skip


def _chosen_methods() -> list[str]:
    return [m for m in METHODS if _METHOD.value in ("", m)]


def _wrong_pairs(pairs: list[Pair]) -> None:
    show_table(
        ("method", "wrong pairs", "accepted", "most keypoints",
         "highest ratio", "highest correlation", "most vessels in place",
         "most blocks"),
        (_wrong_row(method, pairs) for method in _chosen_methods()),
    )  # fmt: skip


def _wrong_row(method: str, pairs: list[Pair]) -> tuple:
    results = [
        register_pair(one.fundus, other.ffa, method)
        for one in pairs
        for other in pairs
        if one.eye != other.eye
    ]
    quality = [result.quality for result in results]
    return (
        method, len(results), sum(result.accepted for result in results),
        max(q.num_inliers for q in quality),
        figure(max(q.inlier_ratio for q in quality), 2),
        figure(max(q.vessel_ncc for q in quality), 2),
        figure(max(q.centreline_fraction for q in quality), 2),
        max(q.num_blocks for q in quality),
    )  # fmt: skip


def _phantoms(count: int) -> None:
    show_table(
        (f"method, {count} phantom pairs", "accepted", "median",
         "95th percentile", "max", *(f"< {level} px" for level in _LEVELS),
         "median seconds"),
        (row for m in _chosen_methods() for row in _phantom_rows(m, count)),
    )  # fmt: skip


def _phantom_rows(method: str, count: int) -> Iterator[tuple]:
    errors, accepted, seconds = [], 0, []
    for seed in range(count):
        pair = make_warped_pair(seed)
        start = time.process_time()
        result = register_pair(pair.fundus, pair.ffa, method)
        seconds.append(time.process_time() - start)
        accepted += result.accepted
        errors.append(_phantom_errors(result, pair.truth))
    names = ("transform", "nearest matrix")
    for name, column in zip(names, np.array(errors).T, strict=True):
        high = np.percentile(column, 95)
        yield (
            f"{method}, {name}", accepted,
            *(figure(f, 2) for f in (np.median(column), high, column.max())),
            *(f"{np.mean(column < level):.1%}" for level in _LEVELS),
            figure(np.median(seconds), 2),
        )  # fmt: skip


def _phantom_errors(
    result: RegistrationResult, truth: Callable[[np.ndarray], np.ndarray]
) -> tuple[float, float]:
    """Return the mean error over the overlap: transform, nearest matrix."""
    xy = pixel_grid((SIZE, SIZE))[::16, ::16].reshape(-1, 2)
    goal = truth(xy)
    shown = ((goal >= 0) & (goal < SIZE)).all(1)
    xy, goal = xy[shown], goal[shown]
    off = apply_matrix(result.matrix, xy) - goal
    nearest = float(np.linalg.norm(off, axis=1).mean())
    if result.transform is None:
        return nearest, nearest
    back = result.transform(goal) - xy
    return float(np.linalg.norm(back, axis=1).mean()), nearest


if __name__ == "__main__":
    cli.run(main)
