"""Which findings are the same: regions that overlap, dots that lie near."""

from collections.abc import Sequence

import numpy as np
from scipy.spatial import cKDTree

# Two regions are one finding if they share this much of the smaller one.
_SHARED = 0.1


def numbers_of(labels: np.ndarray) -> list[int]:
    """Return the numbers of the regions of labels, [H, W]."""
    return [int(n) for n in np.unique(labels) if n]


def meeting(labels: np.ndarray, others: np.ndarray) -> set[int]:
    """Return the numbers of regions that share enough with another one.

    Args:
        labels: [H, W], the number of each region, 0 outside of all.
        others: likewise, of the regions to be met.
    """
    sizes, other_sizes = (
        np.bincount(x.ravel(), minlength=2) for x in (labels, others)
    )
    both = (labels > 0) & (others > 0)
    pairs, counts = np.unique(
        np.stack([labels[both], others[both]]), axis=1, return_counts=True
    )
    return {
        int(one)
        for (one, other), shared in zip(pairs.T, counts, strict=True)
        if shared >= _SHARED * min(sizes[one], other_sizes[other])
    }


def match_dots(
    expected: np.ndarray,
    found: np.ndarray,
    tolerance: float,
    known: np.ndarray | None = None,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Match found dots with expected ones, the clearest first.

    Args:
        expected: float [N, 3], x, y and rise.
        found: float [M, 3], the clearest first.
        tolerance: pixels a dot may be off.
        known: float [K, 3], dots that are not invented though not expected.

    Returns:
        bool [M], whether each found dot is an expected one, none twice; bool
        [M], whether it is invented: near no expected and no known one; and
        the expected ones that were not found, float [K, 3].
    """
    matched = np.zeros(len(found), bool)
    false = np.ones(len(found), bool)
    for dots in (expected, known):
        if dots is not None and len(dots) and len(found):
            distance, _ = cKDTree(dots[:, :2]).query(found[:, :2])
            false &= distance > tolerance
    free = np.ones(len(expected), bool)
    if len(expected) and len(found):
        tree = cKDTree(expected[:, :2])
        for number, near in enumerate(
            tree.query_ball_point(found[:, :2], tolerance)
        ):
            candidates = [n for n in near if free[n]]
            if candidates:
                off = expected[candidates, :2] - found[number, :2]
                free[candidates[int((off**2).sum(1).argmin())]] = False
                matched[number] = True
    return matched, false, expected[free]


def froc(
    images: Sequence[tuple[np.ndarray, np.ndarray, np.ndarray, int]],
    invented: Sequence[float] = (0.5, 1, 2, 4, 8),
) -> list[float]:
    """Return the share found at given numbers of invented findings an image.

    Args:
        images: of each image the scores of its findings, float [M]; which are
            true, bool [M], none counted twice; which are invented, bool [M];
            and how many were to be found.
        invented: means over the images.

    Returns:
        For each of these the share of all that were to be found, by the lowest
        score that keeps to it; NaN if there was nothing to find.
    """
    total = sum(image[3] for image in images)
    if not total:
        return [float("nan")] * len(invented)
    scores, true, false = (
        np.concatenate([image[part] for image in images]) for part in range(3)
    )
    order = np.argsort(-scores, kind="stable")
    found = np.concatenate([[0], np.cumsum(true[order])])
    wrong = np.concatenate([[0], np.cumsum(false[order])]) / len(images)
    return [
        float(found[np.searchsorted(wrong, most, "right") - 1]) / total
        for most in invented
    ]
