"""Means over images, with intervals that respect the patients."""

from collections.abc import Sequence

import numpy as np

_RESAMPLES = 2000


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
