"""The two front ends: from a pair of views to a transform."""

import dataclasses
import math

import cv2
import numpy as np

from ffa_keras.registration.descriptors import describe, ridge_orientations
from ffa_keras.registration.matching import mutual_matches
from ffa_keras.registration.polynomial import (
    Mapping,
    Polynomial,
    fit_polynomial,
)
from ffa_keras.registration.quality import MIN_INLIER_RATIO, MIN_INLIERS
from ffa_keras.registration.refine import count_agreeing, refine
from ffa_keras.registration.robust import (
    em_fit,
    ransac_similarity,
    rpm_inliers,
)
from ffa_keras.registration.view import View

_RATIO = 0.96
_VESSEL_HALF_WIDTH = 36
_INTENSITY_HALF_WIDTH = 20
_TURNS = (-8, 0, 8)
_SIFT_RATIO = 0.9
_AFFINE_FLOOR = 0.5
_MIN_QUADRATIC = 15


@dataclasses.dataclass(frozen=True)
class Estimate:
    """What a front end found, in working pixels.

    Attributes:
        transform: FFA xy → fundus xy, `None` if nothing was found.
        points: FFA xy [N, 2] of what the transform was fitted to.
        targets: fundus xy [N, 2] of the same.
        num_matches: matched keypoints.
        num_inliers: of these, the ones that agree.
        num_blocks: blocks of the vessel maps that it puts in place.
        problem: why there is no transform.
    """

    transform: Polynomial | None = None
    points: np.ndarray = dataclasses.field(
        default_factory=lambda: np.zeros((0, 2))
    )
    targets: np.ndarray = dataclasses.field(
        default_factory=lambda: np.zeros((0, 2))
    )
    num_matches: int = 0
    num_inliers: int = 0
    num_blocks: int = 0
    problem: str = ""


@dataclasses.dataclass(frozen=True)
class _Match:
    """Matched keypoints and the affine map most of them agree on."""

    points: np.ndarray
    targets: np.ndarray
    inliers: np.ndarray
    transform: Mapping | None

    @property
    def num_inliers(self) -> int:
        return int(self.inliers.sum())

    @property
    def convincing(self) -> bool:
        ratio = self.num_inliers / max(len(self.points), 1)
        return self.num_inliers >= MIN_INLIERS and ratio >= MIN_INLIER_RATIO


def by_vessels(fixed: View, moving: View) -> Estimate:
    """Match vessel maps, then refine by blocks of them.

    Descriptors are upright, tried at three turns; if too few matches agree,
    turn and scale are found by rotation-invariant features first.

    Args:
        fixed: the FFA.
        moving: the fundus.

    Returns:
        The estimate.
    """
    maps = [255 * view.vessels for view in (fixed, moving)]
    points = fixed.keypoints(maps[0]), moving.keypoints(maps[1])
    for name, xy in zip(("FFA", "fundus"), points, strict=True):
        if len(xy) < MIN_INLIERS:
            return Estimate(problem=f"no vessels found in the {name}")
    descriptors = describe(maps[0], points[0], 0, _VESSEL_HALF_WIDTH)

    def matched_at(turn: float, scale: float) -> np.ndarray:
        others = describe(maps[1], points[1], turn, scale * _VESSEL_HALF_WIDTH)
        return mutual_matches(descriptors, others, _RATIO)

    pairs = max((matched_at(math.radians(t), 1) for t in _TURNS), key=len)
    match = _agreement(points, pairs)
    if not match.convincing:
        pose = _invariant_pose(*maps)
        if pose is not None:
            other = _agreement(points, matched_at(*pose))
            match = max((match, other), key=lambda m: m.num_inliers)
    if match.transform is None:
        return Estimate(
            num_matches=len(match.points), problem="no keypoints agree"
        )
    return _refined(fixed, moving, match, match.transform)


def by_intensity(fixed: View, moving: View) -> Estimate:
    """Match intensities as Wang et al. (2015): SURF points, PIIFD, RPM.

    Args:
        fixed: the FFA.
        moving: the fundus.

    Returns:
        The estimate.
    """
    points = fixed.keypoints(fixed.grey), moving.keypoints(moving.grey)
    if min(map(len, points)) < 3:
        return Estimate(problem="no keypoints found")
    first, second = (
        describe(
            view.grey,
            xy,
            ridge_orientations(view.grey, xy),
            _INTENSITY_HALF_WIDTH,
            symmetric=True,
        )
        for view, xy in zip((fixed, moving), points, strict=True)
    )
    pairs = mutual_matches(first, second, _RATIO)
    source, target = points[0][pairs[:, 0]], points[1][pairs[:, 1]]
    inliers = rpm_inliers(source, target)
    if inliers.sum() < 3:
        return Estimate(num_matches=len(pairs), problem="no keypoints agree")
    source, target = source[inliers], target[inliers]
    order = 2 if len(source) >= _MIN_QUADRATIC else 1
    transform = fit_polynomial(source, target, order)
    return Estimate(
        transform,
        source,
        target,
        len(pairs),
        len(source),
        count_agreeing(fixed.vessels, moving.vessels, transform),
    )


def _agreement(
    points: tuple[np.ndarray, np.ndarray], pairs: np.ndarray
) -> _Match:
    """Find the matches that agree: RANSAC on a similarity, then EM, affine."""
    source, target = points[0][pairs[:, 0]], points[1][pairs[:, 1]]
    start = ransac_similarity(source, target)
    if start.sum() < 3:
        return _Match(source, target, np.zeros(len(pairs), bool), None)
    fit, inliers, _ = em_fit(source, target, start, 1, _AFFINE_FLOOR)
    return _Match(source, target, inliers, fit)


def _invariant_pose(
    fixed: np.ndarray, moving: np.ndarray
) -> tuple[float, float] | None:
    """Return the turn (radians) and scale fixed → moving, by RootSIFT."""
    sift = cv2.SIFT.create(nfeatures=2000, contrastThreshold=0.01)
    found = [
        sift.detectAndCompute(image.astype(np.uint8), None)
        for image in (fixed, moving)
    ]
    if any(descriptors is None for _, descriptors in found):
        return None
    # The root of the histogram has unit length.
    roots = [
        np.sqrt(d / np.maximum(d.sum(1, keepdims=True), 1e-9)) for _, d in found
    ]
    pairs = mutual_matches(roots[0], roots[1], _SIFT_RATIO)
    source, target = (
        np.array([point.pt for point in points])[pairs[:, side]]
        for side, (points, _) in enumerate(found)
    )
    if len(source) < 3:
        return None
    agrees = ransac_similarity(source, target)
    if agrees.sum() < 3:
        return None
    linear = fit_polynomial(source[agrees], target[agrees], 1)
    a, b = linear.coefficients[1:] / linear.scale
    return math.atan2(a[1] - b[0], a[0] + b[1]), math.sqrt(
        abs(float(np.linalg.det([a, b])))
    )


def _refined(
    fixed: View, moving: View, match: _Match, start: Mapping
) -> Estimate:
    transform, points, targets = refine(fixed.vessels, moving.vessels, start)
    if transform is None:
        return Estimate(
            num_matches=len(match.points),
            num_inliers=match.num_inliers,
            problem="the vessels do not coincide anywhere",
        )
    return Estimate(
        transform,
        points,
        targets,
        len(match.points),
        match.num_inliers,
        len(points),
    )
