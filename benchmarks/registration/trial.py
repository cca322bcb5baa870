"""Pairs with landmarks, what registers them, and how well it does."""

import csv
import dataclasses
import json
import time
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np

from benchmarks.harness import figure, installed
from benchmarks.registration.baselines import BASELINES, PACKAGES, Baseline
from ffa_keras.errors import InputError
from ffa_keras.images.files import read_ffa, read_fundus
from ffa_keras.registration import METHODS, judge_matrix, register_pair
from ffa_keras.registration.transform import apply_matrix

# The matrix, fundus xy -> FFA xy, and the verdict, where it has one.
Answer = tuple[np.ndarray | None, bool | None]
Contender = Callable[[np.ndarray, np.ndarray], Answer]


@dataclasses.dataclass(frozen=True)
class Pair:
    """A real pair, the same places marked in both images.

    Attributes:
        magnified: how much larger `ffa` is than it was taken.
    """

    name: str
    eye: str
    fundus: np.ndarray
    ffa: np.ndarray
    fundus_xy: np.ndarray
    ffa_xy: np.ndarray
    magnified: float = 1.0


def read_pairs(path: Path) -> Iterable[Pair]:
    """Read the pairs of a manifest that names landmarks for each."""
    try:
        rows = list(csv.DictReader(path.read_text().splitlines()))
    except OSError as error:
        raise InputError(f"--pairs={path}: no such manifest") from error
    for row in rows:
        if not row.get("landmarks"):
            raise InputError(f"--pairs={path}: a row without landmarks")
        marks = json.loads((path.parent / row["landmarks"]).read_text())
        yield Pair(
            row["pair_id"],
            row.get("eye") or row["pair_id"],
            read_fundus(path.parent / row["fundus"]),
            read_ffa(path.parent / row["ffa"]),
            np.array(marks["fundus_xy"], float),
            np.array(marks["ffa_xy"], float),
        )


def contenders(only: str) -> dict[str, Contender]:
    """Return by name what maps a pair to (matrix or None, verdict).

    Args:
        only: the name of one, or empty for all that are installed.

    Raises:
        InputError: there is none of that name, or its package is missing.
    """

    def front_end(method: str) -> Contender:
        def run(fundus: np.ndarray, ffa: np.ndarray) -> Answer:
            result = register_pair(fundus, ffa, method)
            return result.matrix, result.accepted

        return run

    def baseline(estimate: Baseline) -> Contender:
        def run(fundus: np.ndarray, ffa: np.ndarray) -> Answer:
            matrix = estimate(fundus, ffa)
            if matrix is None or abs(np.linalg.det(matrix)) < 1e-6:
                return None, False
            return matrix, None

        return run

    every = {name: front_end(name) for name in METHODS}
    every |= {name: baseline(run) for name, run in BASELINES.items()}
    if only and only not in every:
        raise InputError(f"--method: use one of {', '.join(every)}")
    found = {
        name: run
        for name, run in every.items()
        if only in ("", name)
        and (name not in PACKAGES or installed(PACKAGES[name]))
    }
    if not found:
        raise InputError(
            f"--method={only}: needs {PACKAGES[only]}; install it or name"
            " another"
        )
    return found


@dataclasses.dataclass(frozen=True)
class Outcome:
    """Landmark errors, pixels of the FFA as it was taken; verdict; seconds."""

    errors: np.ndarray
    accepted: bool
    seconds: float


def outcome(run: Contender, pair: Pair) -> Outcome:
    """Register a pair; judge by the vessels whoever has no verdict."""
    start = time.process_time()
    matrix, accepted = run(pair.fundus, pair.ffa)
    seconds = time.process_time() - start
    if accepted is None:
        assert matrix is not None
        accepted = judge_matrix(pair.fundus, pair.ffa, matrix).accepted
    matrix = np.eye(3) if matrix is None else matrix
    off = apply_matrix(matrix, pair.fundus_xy) - pair.ffa_xy
    errors = np.linalg.norm(off, axis=1) / pair.magnified
    return Outcome(errors, accepted, seconds)


def summary(name: str, outcomes: list[Outcome]) -> tuple:
    """Return the row of a table over pairs."""
    means = [outcome.errors.mean() for outcome in outcomes]
    seconds = [outcome.seconds for outcome in outcomes]
    figures = (
        np.median(means), max(means), np.median(seconds), max(seconds)
    )  # fmt: skip
    return (
        name, sum(outcome.accepted for outcome in outcomes),
        sum(mean < 10 for mean in means), *(figure(f, 2) for f in figures),
    )  # fmt: skip
