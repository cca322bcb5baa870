"""The two front ends: from a pair of views to a transform."""

import dataclasses
import math

import numpy as np

from ffa_keras.registration.descriptors import describe, ridge_orientations
from ffa_keras.registration.matching import mutual_matches
from ffa_keras.registration.polynomial import Polynomial, fit_polynomial
from ffa_keras.registration.quality import (
    MIN_INLIER_RATIO,
    MIN_INLIERS,
)
from ffa_keras.registration.refine import count_agreeing, refine
from ffa_keras.registration.robust import (
    em_fit,
    ransac_similarity,
    rpm_inliers,
)
from ffa_keras.registration.view import ALIKE, ZOOM_RANGE, View, zoomed

_RATIO = 0.96
_INTENSITY_HALF_WIDTH = 20
_TURNS = (-8, 0, 8)
_SIFT_RATIO = 0.9
_AFFINE_FLOOR = 0.5
_MIN_QUADRATIC = 15
# Agreeing keypoints below which a scale is not worth a closer look.
_MIN_PROMISE = 10
# Where enough agree their scale is known up to 1.6 off; else a quarter off.
_ZOOMS = (0.5, 2.0)


@dataclasses.dataclass(frozen=True)
class Estimate:
    """What a front end found, in working pixels.

    Attributes:
        fixed: the FFA as it was compared.
        moving: the fundus as it was compared.
        transform: FFA xy → fundus xy, `None` if nothing was found.
        points: FFA xy [N, 2] of what the transform was fitted to.
        targets: fundus xy [N, 2] of the same.
        num_matches: matched keypoints.
        num_inliers: of these, the ones that agree.
        num_blocks: blocks of the vessel maps that it puts in place.
        problem: why there is no transform.
    """

    fixed: View
    moving: View
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

    fixed: View
    moving: View
    points: np.ndarray
    targets: np.ndarray
    inliers: np.ndarray
    transform: Polynomial | None

    @property
    def num_inliers(self) -> int:
        return int(self.inliers.sum())

    @property
    def convincing(self) -> bool:
        ratio = self.num_inliers / max(len(self.points), 1)
        return self.num_inliers >= MIN_INLIERS and ratio >= MIN_INLIER_RATIO

    @property
    def zoom(self) -> float:
        """How much larger the retina is in the fundus than in the FFA."""
        if self.transform is None:
            return 1.0
        linear = self.transform.coefficients[1:] / self.transform.scale
        return math.sqrt(abs(float(np.linalg.det(linear))))

    @property
    def alike(self) -> bool:
        """Whether the vessels have about one width in both views."""
        return ALIKE[0] < self.zoom < ALIKE[1]


def by_vessels(fixed: View, moving: View) -> Estimate:
    """Match vessel maps, then refine by blocks of them.

    Descriptors are upright, tried at three turns; if too few matches agree,
    turn and scale are found by rotation-invariant features first. If even then
    too few agree, or those that do say that the retina is larger in one image,
    both are brought to other relative sizes.

    Args:
        fixed: the FFA.
        moving: the fundus.

    Returns:
        The estimate.
    """
    for name, view in (("FFA", fixed), ("fundus", moving)):
        if len(view.vessel_points) < MIN_INLIERS:
            return Estimate(
                fixed, moving, problem=f"no vessels found in the {name}"
            )
    match = _matched(fixed, moving)
    if not (match.convincing and match.alike):
        match = _matched_at_scale(match)
    if match.transform is None:
        return Estimate(
            match.fixed,
            match.moving,
            num_matches=len(match.points),
            problem="no keypoints agree",
        )
    return refined(
        match.fixed,
        match.moving,
        match.transform,
        len(match.points),
        match.num_inliers,
    )


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
        return Estimate(fixed, moving, problem="no keypoints found")
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
        return Estimate(
            fixed, moving, num_matches=len(pairs), problem="no keypoints agree"
        )
    source, target = source[inliers], target[inliers]
    order = 2 if len(source) >= _MIN_QUADRATIC else 1
    transform = fit_polynomial(source, target, order)
    return Estimate(
        fixed,
        moving,
        transform,
        source,
        target,
        len(pairs),
        len(source),
        count_agreeing(fixed.vessels, moving.vessels, transform),
    )


def _matched(fixed: View, moving: View) -> _Match:
    """Match the vessel maps of two views: upright, else at any turn."""
    match = _matched_upright(fixed, moving)
    if not match.convincing:
        pose = _invariant_pose(fixed.rootsift, moving.rootsift)
        if pose is not None:
            pairs = _alike(fixed, moving, *pose)
            other = _agreement(fixed, moving, pairs)
            match = max((match, other), key=lambda m: m.num_inliers)
    return match


def _matched_upright(fixed: View, moving: View) -> _Match:
    """Match two views at that of a few turns which gives the most matches."""
    tried = (_alike(fixed, moving, math.radians(t), 1) for t in _TURNS)
    return _agreement(fixed, moving, max(tried, key=len))


def _alike(fixed: View, moving: View, turn: float, scale: float) -> np.ndarray:
    """Match descriptors, those of `moving` turned and scaled: int [K, 2]."""
    others = moving.described(turn, scale)
    return mutual_matches(fixed.upright, others, _RATIO)


def _matched_at_scale(match: _Match) -> _Match:
    """Match again where the retina has one scale in both views.

    Args:
        match: of the views as they come. If it is convincing it says the
            scale; else the most keypoints that agree at one of a few do.
    """
    fixed, moving = match.fixed, match.moving
    start, zoom = match, 1.0
    if not match.convincing:
        for step in _ZOOMS:
            # Upright will do: RootSIFT, which bears scale, has been tried.
            other = _matched_upright(*zoomed(fixed, moving, step))
            if other.num_inliers > start.num_inliers:
                start, zoom = other, step
    if start.num_inliers < _MIN_PROMISE:
        return start
    zoom = float(np.clip(zoom * start.zoom, *ZOOM_RANGE))
    other = _matched(*zoomed(fixed, moving, zoom))
    return max(
        (start, other), key=lambda m: (m.convincing, m.alike, m.num_inliers)
    )


def _agreement(fixed: View, moving: View, pairs: np.ndarray) -> _Match:
    """Find the matches that agree: RANSAC on a similarity, then EM, affine."""
    source = fixed.vessel_points[pairs[:, 0]]
    target = moving.vessel_points[pairs[:, 1]]
    start = ransac_similarity(source, target)
    if start.sum() < 3:
        nothing = np.zeros(len(pairs), bool)
        return _Match(fixed, moving, source, target, nothing, None)
    fit, inliers, _ = em_fit(source, target, start, 1, _AFFINE_FLOOR)
    return _Match(fixed, moving, source, target, inliers, fit)


def _invariant_pose(
    fixed: tuple[np.ndarray, np.ndarray],
    moving: tuple[np.ndarray, np.ndarray],
) -> tuple[float, float] | None:
    """Return the turn (radians) and scale fixed → moving, by RootSIFT."""
    pairs = mutual_matches(fixed[1], moving[1], _SIFT_RATIO)
    source, target = fixed[0][pairs[:, 0]], moving[0][pairs[:, 1]]
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


def refined(
    fixed: View,
    moving: View,
    start: Polynomial,
    num_matches: int = 0,
    num_inliers: int = 0,
) -> Estimate:
    """Refine a map by blocks of the vessels.

    Args:
        fixed: the FFA.
        moving: the fundus.
        start: FFA xy → fundus xy, good to a few working pixels.
        num_matches: matched keypoints, for the estimate.
        num_inliers: of these, the ones that agree.

    Returns:
        The estimate.
    """
    transform, points, targets = refine(fixed.vessels, moving.vessels, start)
    if transform is None:
        return Estimate(
            fixed,
            moving,
            num_matches=num_matches,
            num_inliers=num_inliers,
            problem="the vessels do not coincide anywhere",
        )
    return Estimate(
        fixed,
        moving,
        transform,
        points,
        targets,
        num_matches,
        num_inliers,
        len(points),
    )
