"""Which findings are the same: regions that overlap, dots that lie near."""

import dataclasses
from collections.abc import Sequence

import numpy as np
from scipy.spatial import cKDTree

# Two regions are one finding if they share this much of the smaller one.
_SHARED = 0.1


@dataclasses.dataclass(frozen=True)
class Findings:
    """What a prediction shows of what leaks, and what else it shows.

    Attributes:
        true: [H, W], the number of the true broad region, 0 outside of all.
        labels: [H, W], likewise of the prediction's.
        contrast: float64 [N], of the prediction's regions 1, 2 ...
        wanted: numbers of the true regions off the disc.
        first_met: of each true region that was found, the number of the
            clearest region that shows it.
        hits: numbers of the prediction's regions that show a true one.
        unknown: of which less than a tenth is true or shown by the real FFA.
        invented: those of them that lie off the disc.
        glows: whether the disc glows in the prediction.
        dots: float64 [M, 3], of the prediction, the clearest first.
        dots_hit: bool [M], which are true; none twice.
        dots_invented: bool [M], which are neither true nor shown.
        missed_dots: float64 [K, 3], true ones that were not found.
    """

    true: np.ndarray
    labels: np.ndarray
    contrast: np.ndarray
    wanted: set[int]
    first_met: dict[int, int]
    hits: set[int]
    unknown: set[int]
    invented: set[int]
    glows: bool
    dots: np.ndarray
    dots_hit: np.ndarray
    dots_invented: np.ndarray
    missed_dots: np.ndarray

    @property
    def met(self) -> set[int]:
        """Numbers of the true regions that were found."""
        return set(self.first_met)


def numbers_of(labels: np.ndarray) -> list[int]:
    """Return the numbers of the regions of labels, [H, W]."""
    return [int(n) for n in np.unique(labels) if n]


def meetings(labels: np.ndarray, others: np.ndarray) -> list[tuple[int, int]]:
    """Return which regions share enough of the smaller one to be one finding.

    Args:
        labels: [H, W], the number of each region, 0 outside of all.
        others: likewise, of the regions to be met.

    Returns:
        Pairs of numbers, in order.
    """
    sizes, other_sizes = (
        np.bincount(x.ravel(), minlength=2) for x in (labels, others)
    )
    both = (labels > 0) & (others > 0)
    pairs, counts = np.unique(
        np.stack([labels[both], others[both]]), axis=1, return_counts=True
    )
    return [
        (int(one), int(other))
        for (one, other), shared in zip(pairs.T, counts, strict=True)
        if shared >= _SHARED * min(sizes[one], other_sizes[other])
    ]


def strangers(labels: np.ndarray, known: np.ndarray) -> set[int]:
    """Return the numbers of regions of which next to nothing is known.

    Unlike in `meetings`, it is of their own area that a tenth must be known:
    no region is known for a small one that it swallows.

    Args:
        labels: [H, W], the number of each region, 0 outside of all.
        known: bool [H, W], what may be shown.
    """
    sizes = np.bincount(labels.ravel(), minlength=2)
    seen = np.bincount(labels[known], minlength=len(sizes))
    return {n for n in numbers_of(labels) if seen[n] < _SHARED * sizes[n]}


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
    invented: Sequence[float],
) -> list[float]:
    """Return the share found at given numbers of invented findings an image.

    Args:
        images: of each image the scores of its findings, float [M]; which are
            true, bool [M], or how many each is the first to show, int [M];
            which are invented, bool [M]; and how many were to be found.
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
