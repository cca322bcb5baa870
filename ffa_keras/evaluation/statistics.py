"""Means over images, with intervals that respect the patients."""

from collections.abc import Sequence

import numpy as np

_RESAMPLES = 2000
_FLIPS = 10000


def mean_with_interval(
    values: Sequence[float], patients: Sequence[str], seed: int = 0
) -> dict[str, float]:
    """Return the mean over images and its 95 % bootstrap interval.

    Patients are drawn, not images: two eyes of a patient are no independent
    evidence.

    Args:
        values: one a picture; infinite and missing ones are left out.
        patients: the patient of each picture.
        seed: of the resampling.

    Returns:
        `mean`, `low`, `high` and `n`, the number of pictures; the interval is
        missing (NaN) for fewer than two patients.
    """
    figures = np.asarray(values, np.float64)
    finite = np.isfinite(figures)
    figures = figures[finite]
    result = {
        "mean": float(figures.mean()) if len(figures) else float("nan"),
        "low": float("nan"),
        "high": float("nan"),
        "n": len(figures),
    }
    names, index = np.unique(np.asarray(patients)[finite], return_inverse=True)
    if len(names) < 2:
        return result
    sums = np.bincount(index, figures)
    counts = np.bincount(index)
    draws = np.random.default_rng(seed).integers(
        0, len(names), (_RESAMPLES, len(names))
    )
    means = sums[draws].sum(1) / counts[draws].sum(1)
    result["low"], result["high"] = np.percentile(means, (2.5, 97.5)).tolist()
    return result


def paired_difference(
    values: Sequence[float],
    others: Sequence[float],
    patients: Sequence[str],
    seed: int = 0,
) -> dict[str, float]:
    """Compare two systems on the same pictures.

    Args:
        values: of one system, one a picture.
        others: of the other; pictures where either is infinite or missing are
            left out.
        patients: the patient of each picture.
        seed: of the resampling.

    Returns:
        `mean` of `values - others`, `low`, `high` and `n` as
        `mean_with_interval`; and `p`, two-sided, of the sign-flip permutation
        test over patients: how often a mean as far from 0 appears if the two
        systems may be exchanged in each patient.
    """
    differences = np.asarray(values, np.float64) - np.asarray(others)
    result = mean_with_interval(differences, patients, seed)
    finite = np.isfinite(differences)
    _, index = np.unique(np.asarray(patients)[finite], return_inverse=True)
    sums = np.bincount(index, differences[finite])
    result["p"] = _sign_flip_p(sums, seed) if len(sums) > 1 else float("nan")
    return result


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


def _sign_flip_p(sums: np.ndarray, seed: int) -> float:
    """Return the p-value; all sign patterns if there are few patients."""
    count = len(sums)
    if 2**count <= _FLIPS:
        patterns = np.arange(2**count)[:, None] >> np.arange(count) & 1
        added = 0
    else:
        rng = np.random.default_rng(seed)
        patterns = rng.integers(0, 2, (_FLIPS, count))
        added = 1
    totals = np.abs((2 * patterns - 1) @ sums)
    observed = np.abs(sums.sum()) * (1 - 1e-12)
    return float((np.sum(totals >= observed) + added) / (len(totals) + added))
