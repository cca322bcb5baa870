"""Means over images, with intervals that respect the patients."""

import dataclasses
from collections.abc import Sequence

import numpy as np
from scipy.stats import permutation_test

_RESAMPLES = 2000
# All sign patterns are tried where there are no more of them.
_FLIPS = 10000
_MISSING = float("nan")


@dataclasses.dataclass(frozen=True)
class Estimate:
    """A mean over images.

    Attributes:
        mean: NaN if no image has a value.
        low: lower end of its 95 % interval, NaN for fewer than two patients.
        high: upper end.
        n: images that have a value.
        of: images in all.
    """

    mean: float
    low: float
    high: float
    n: int
    of: int


@dataclasses.dataclass(frozen=True)
class Difference(Estimate):
    """A mean difference between two systems on the same images.

    Attributes:
        p: two-sided; NaN for fewer than two patients.
    """

    p: float


def mean_with_interval(
    values: Sequence[float] | np.ndarray,
    patients: Sequence[str],
    seed: int = 0,
) -> Estimate:
    """Return the mean over images and its 95 % bootstrap interval.

    Patients are drawn, not images: two eyes of a patient are no independent
    evidence.

    Args:
        values: one an image; infinite and missing ones are left out.
        patients: the patient of each image.
        seed: of the resampling.
    """
    sums, counts = _by_patient(values, patients)
    mean, low, high = _MISSING, _MISSING, _MISSING
    if len(sums):
        mean = float(_finite(values).mean())
    if len(sums) > 1:
        draws = np.random.default_rng(seed).integers(
            0, len(sums), (_RESAMPLES, len(sums))
        )
        means = sums[draws].sum(1) / counts[draws].sum(1)
        low, high = np.percentile(means, (2.5, 97.5)).tolist()
    return Estimate(mean, low, high, int(counts.sum()), len(values))


def paired_difference(
    values: Sequence[float],
    others: Sequence[float],
    patients: Sequence[str],
    seed: int = 0,
) -> Difference:
    """Compare two systems on the same images.

    Args:
        values: of one system, one an image.
        others: of the other; images where either is infinite or missing are
            left out.
        patients: the patient of each image.
        seed: of the resampling.

    Returns:
        The mean of `values - others` as `mean_with_interval`, and `p` of the
        sign-flip permutation test over patients: how often a mean as far from
        0 appears if the two systems may be exchanged in each patient.
    """
    differences = np.asarray(values, np.float64) - np.asarray(others)
    estimate = mean_with_interval(differences, patients, seed)
    sums, _ = _by_patient(differences, patients)
    p = _MISSING
    if len(sums) > 1:
        p = permutation_test(
            (sums,),
            lambda flipped, axis: np.abs(flipped.sum(axis)),
            permutation_type="samples",
            alternative="greater",
            n_resamples=_FLIPS,
            rng=np.random.default_rng(seed),
        ).pvalue
    return Difference(**dataclasses.asdict(estimate), p=float(p))


def holm(p_values: Sequence[float]) -> list[float]:
    """Return p-values adjusted for their number (Holm 1979).

    Args:
        p_values: missing ones stay missing and do not count.
    """
    p = np.asarray(p_values, np.float64)
    order = [i for i in np.argsort(p) if np.isfinite(p[i])]
    adjusted, so_far = p.copy(), 0.0
    for rank, i in enumerate(order):
        so_far = max(so_far, min(1.0, p[i] * (len(order) - rank)))
        adjusted[i] = so_far
    return adjusted.tolist()


def _finite(values: Sequence[float] | np.ndarray) -> np.ndarray:
    array = np.asarray(values, np.float64)
    return array[np.isfinite(array)]


def _by_patient(
    values: Sequence[float] | np.ndarray, patients: Sequence[str]
) -> tuple[np.ndarray, np.ndarray]:
    """Return the sum of each patient's finite values, and their number."""
    finite = np.isfinite(np.asarray(values, np.float64))
    _, index = np.unique(np.asarray(patients)[finite], return_inverse=True)
    return np.bincount(index, _finite(values)), np.bincount(index)
