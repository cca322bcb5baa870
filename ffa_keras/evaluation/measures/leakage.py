"""Does a predicted FFA leak where the eye does, and nowhere else?"""

import dataclasses
from collections.abc import Sequence

import cv2
import numpy as np
from scipy.spatial import cKDTree

from ffa_keras.evaluation.measures.base import Compare, Eye, Measure, Metric
from ffa_keras.evaluation.measures.broad_leaks import broad_leaks
from ffa_keras.evaluation.measures.disc import locate_disc
from ffa_keras.evaluation.measures.dots import find_dots
from ffa_keras.evaluation.measures.overlap import dice

# As a share of the field's area: smaller true leaks are dots, larger ones are
# small up to a hundredth.
LEAST_REGION = 0.0015
LARGE_REGION = 0.01
# Two regions are one finding if they share this much of the smaller one.
_SHARED = 0.1
# As a share of the field's diameter: how far a dot may be off, and how near
# the disc's middle a region comes that is the disc's.
_DOT_TOLERANCE = 0.0125
_AT_DISC = 0.06
_FROC_DOTS = 4
_SECTION = "Leakage"
_METRICS = (
    Metric("leak_dice", "Dice of broad leaks", 3, 1, _SECTION, True),
    Metric("leak_found_large", "large leaks found (share)", 3, 1, _SECTION),
    Metric("leak_found_small", "small leaks found (share)", 3, 1, _SECTION),
    Metric("leak_invented", "broad leaks invented", 2, -1, _SECTION, True),
    Metric("leak_invented_area", "area invented (% of field)", 2, -1, _SECTION),
    Metric("disc_found", "glowing disc found (share)", 3, 1, _SECTION),
    Metric("disc_invented", "glowing disc invented (share)", 3, -1, _SECTION),
    Metric("dots_found", "dots found (share)", 3, 1, _SECTION),
    Metric(
        "dots_found_at_4", "dots found at 4 invented (share)", 3, 1, _SECTION
    ),
    Metric("dots_invented", "dots invented", 1, -1, _SECTION),
)


@dataclasses.dataclass(frozen=True)
class Leaks:
    """What leaks in an image.

    Attributes:
        labels: [H, W], the number of the broad region, 0 outside of all.
        contrast: float64 [N], of each region.
        dots: float64 [M, 3], x, y in pixels and rise of each dot.
    """

    labels: np.ndarray
    contrast: np.ndarray
    dots: np.ndarray


def find_leaks(ffa: np.ndarray, inside: np.ndarray) -> Leaks:
    """Find the broad regions and the dots of an angiogram that leak.

    Args:
        ffa: uint8 [H, W, 1] or [H, W].
        inside: bool [H, W], the field of view.
    """
    broad = broad_leaks(ffa, inside)
    return Leaks(broad.labels, broad.contrast, find_dots(ffa, inside))


def true_leaks(mask: np.ndarray, inside: np.ndarray) -> Leaks:
    """Return the leaks of a known mask, as `find_leaks` would.

    Args:
        mask: bool [H, W], where the eye leaks.
        inside: bool [H, W], the field of view.
    """
    _, labels, stats, centres = cv2.connectedComponentsWithStats(
        (mask & inside).astype(np.uint8)
    )
    large = stats[:, cv2.CC_STAT_AREA] >= LEAST_REGION * inside.sum()
    large[0] = False
    number = np.where(large, np.cumsum(large), 0)
    dots = centres[1:][~large[1:]]
    ones = np.ones((len(dots), 1))
    return Leaks(
        number[labels], np.ones(int(large.sum())), np.hstack([dots, ones])
    )


class LeakageReference:
    """What a predicted FFA has to show, measured once for an eye.

    Args:
        real: uint8 [H, W, 1], the real FFA.
        inside: bool [H, W], the field of view.
        truth: bool [H, W], where the eye leaks, known of phantoms; `None`
            takes what leaks in the real image instead.

    Attributes:
        disc: bool [H, W], the middle of the optic disc.
    """

    def __init__(
        self,
        real: np.ndarray,
        inside: np.ndarray,
        truth: np.ndarray | None = None,
    ):
        shown = find_leaks(real, inside)
        self._inside = inside
        self._diameter = 2 * np.sqrt(inside.sum() / np.pi)
        self._leaks = shown if truth is None else true_leaks(truth, inside)
        self._shown = shown
        self.disc = _disc_area(real, inside, self._diameter)
        self._glows = bool(
            ((shown.labels > 0) & self.disc).any()
            or ((self._leaks.labels > 0) & self.disc).any()
        )

    def compare(self, fake: np.ndarray) -> dict[str, float]:
        """Say what of it a prediction shows, and what it invents.

        A prediction does not invent what the real FFA shows, though it may be
        no leak (of phantoms the truth is known): the disc, a thick vessel.

        Args:
            fake: uint8 [H, W, 1].

        Returns:
            `leak_dice` of the broad regions, 0 where one side has none, NaN
            where both have none; `leak_found_small` and `leak_found_large`,
            the share of true regions off the disc that were found, below and
            from 1 % of the field, NaN where there are none; `leak_invented`,
            the number of regions off the disc that are not there, and
            `leak_invented_area`, their share of the field in per cent;
            `disc_found`, 1 if the disc glows in both, NaN where it does not in
            truth; `disc_invented`, the reverse; `dots_found`, the share of
            dots found, and `dots_found_at_4`, taken from the clearest on until
            the fifth invented one, NaN where there are none; `dots_invented`,
            their number.
        """
        found = find_leaks(fake, self._inside)
        area = max(int(self._inside.sum()), 1)
        true, shown = self._leaks.labels, self._shown.labels
        hits = _meeting(found.labels, true)
        known = hits | _meeting(found.labels, shown)
        at_disc = _touching(found.labels, self.disc)
        invented = set(_numbers(found.labels)) - known - at_disc
        counted = hits | (set(_numbers(found.labels)) - known)
        off_disc = set(_numbers(true)) - _touching(true, self.disc)
        met = _meeting(true, found.labels)
        sizes = np.bincount(true.ravel(), minlength=2)
        large = {n for n in off_disc if sizes[n] >= LARGE_REGION * area}
        expected_dots = self._leaks.dots
        matched, false = match_dots(
            expected_dots,
            found.dots,
            _DOT_TOLERANCE * self._diameter,
            self._shown.dots,
        )
        glows = bool(at_disc)
        nan = float("nan")
        return {
            "leak_dice": dice(true > 0, np.isin(found.labels, [*counted])),
            "leak_found_small": _share(off_disc - large, met),
            "leak_found_large": _share(large, met),
            "leak_invented": float(len(invented)),
            "leak_invented_area": 100
            * float(np.isin(found.labels, [*invented]).sum())
            / area,
            "disc_found": float(glows) if self._glows else nan,
            "disc_invented": nan if self._glows else float(glows),
            "dots_found": _at_most(matched, false, len(expected_dots)),
            "dots_found_at_4": _at_most(
                matched, false, len(expected_dots), _FROC_DOTS
            ),
            "dots_invented": float(false.sum()),
        }


def compare_leakage(eye: Eye) -> Compare:
    """Find where an eye leaks, to compare a prediction's leakage with it.

    Args:
        eye: its `real` and `mask` are used, and `leakage` if that is known.

    Returns:
        From a prediction, uint8 [H, W, 1], to what `LeakageReference.compare`
        returns.
    """
    truth = None if eye.leakage is None else eye.leakage[..., 0]
    return LeakageReference(eye.real, eye.mask[..., 0], truth).compare


LEAKAGE = Measure("leakage", _METRICS, compare_leakage)


def leaking_regions(eye: Eye) -> np.ndarray:
    """Return where an eye leaks, as known or by its real FFA, bool [H, W]."""
    inside = eye.mask[..., 0]
    if eye.leakage is not None:
        return eye.leakage[..., 0] & inside
    return broad_leaks(eye.real, inside).labels > 0


def match_dots(
    expected: np.ndarray,
    found: np.ndarray,
    tolerance: float,
    known: np.ndarray | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Match found dots with expected ones, the clearest first.

    Args:
        expected: float [N, 3], x, y and rise.
        found: float [M, 3], the clearest first.
        tolerance: pixels a dot may be off.
        known: float [K, 3], dots that are not invented though not expected.

    Returns:
        bool [M], whether each found dot is an expected one, none twice; and
        bool [M], whether it is invented: near no expected and no known one.
    """
    matched = np.zeros(len(found), bool)
    false = np.ones(len(found), bool)
    for dots in (expected, known):
        if dots is not None and len(dots) and len(found):
            distance, _ = cKDTree(dots[:, :2]).query(found[:, :2])
            false &= distance > tolerance
    if len(expected) and len(found):
        free = np.ones(len(expected), bool)
        tree = cKDTree(expected[:, :2])
        for number, near in enumerate(
            tree.query_ball_point(found[:, :2], tolerance)
        ):
            candidates = [n for n in near if free[n]]
            if candidates:
                off = expected[candidates, :2] - found[number, :2]
                free[candidates[int((off**2).sum(1).argmin())]] = False
                matched[number] = True
    return matched, false


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


def _disc_area(
    real: np.ndarray, inside: np.ndarray, diameter: float
) -> np.ndarray:
    """Return the middle of the disc, bool [H, W]; nowhere if not located."""
    point = locate_disc(real, inside)
    if point is None:
        return np.zeros(inside.shape, bool)
    x, y = (np.arange(side) for side in inside.shape[::-1])
    near = (x - point[0]) ** 2 + (y[:, None] - point[1]) ** 2
    return near <= (_AT_DISC * diameter) ** 2


def _numbers(labels: np.ndarray) -> list[int]:
    return [int(n) for n in np.unique(labels) if n]


def _touching(labels: np.ndarray, area: np.ndarray) -> set[int]:
    """Return the numbers of regions that reach into an area."""
    return set(_numbers(labels[area]))


def _meeting(labels: np.ndarray, others: np.ndarray) -> set[int]:
    """Return the numbers of regions that share enough with another one."""
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


def _share(wanted: set[int], met: set[int]) -> float:
    return len(wanted & met) / len(wanted) if wanted else float("nan")


def _at_most(
    matched: np.ndarray,
    false: np.ndarray,
    expected: int,
    most: int | None = None,
) -> float:
    """Return the share found, up to the first invented dot too many."""
    if not expected:
        return float("nan")
    if most is not None:
        matched = matched[np.cumsum(false) <= most]
    return float(matched.sum()) / expected
