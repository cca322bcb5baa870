"""Register a fundus photograph with its FFA and judge the outcome."""

import dataclasses

import cv2
import numpy as np

from ffa_keras.errors import InputError
from ffa_keras.registration.estimate import (
    Estimate,
    by_intensity,
    by_vessels,
)
from ffa_keras.registration.polynomial import (
    Mapping,
    Polynomial,
    fit_polynomial,
)
from ffa_keras.registration.quality import (
    MIN_INLIER_RATIO,
    MIN_INLIERS,
    Quality,
    overlap_scores,
    why_refused,
)
from ffa_keras.registration.refine import count_agreeing
from ffa_keras.registration.transform import (
    apply_matrix,
    sample,
    scaling,
    warp_to_ffa,
)
from ffa_keras.registration.view import View, at_one_scale, make_views

# Each front end, with the least number and share of keypoints that agree.
METHODS = {
    "vessel": (by_vessels, (MIN_INLIERS, MIN_INLIER_RATIO)),
    # Robust point matching keeps only the closest of the right matches.
    "wang2015": (by_intensity, (15, 0.15)),
}


@dataclasses.dataclass(frozen=True)
class RegistrationResult:
    """Where a photograph lies on its FFA, and whether to believe it.

    Attributes:
        matrix: float64 [3, 3], fundus xy → FFA xy in pixels; if the transform
            is quadratic, the projective matrix nearest to it over the matched
            points; the identity if nothing was found.
        accepted: whether the registration can be trusted.
        reason: why it was refused, else empty.
        rmse: of the points the transform was fitted to, FFA pixels.
        quality: the figures behind the verdict.
        transform: FFA xy → fundus xy, quadratic or affine; `None` if nothing
            was found.
        shape: (H, W) of the FFA.
    """

    matrix: np.ndarray
    accepted: bool
    reason: str
    rmse: float
    quality: Quality
    transform: Polynomial | None
    shape: tuple[int, int]

    @property
    def num_inliers(self) -> int:
        """Number of keypoint matches that agree with the transform."""
        return self.quality.num_inliers

    def warp(self, fundus: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Bring the photograph onto its FFA; cubic, one resampling.

        Args:
            fundus: uint8 [H', W', C] or [H', W'], as registered.

        Returns:
            uint8 [H, W, C], black where the photograph ends; and bool [H, W],
            true where every sample used lies in the photograph.
        """
        if self.transform is None:
            return warp_to_ffa(fundus, self.matrix, self.shape)
        return sample(fundus, self.transform, self.shape)


def register_pair(
    fundus: np.ndarray, ffa: np.ndarray, method: str = "vessel"
) -> RegistrationResult:
    """Find the transform that brings a photograph onto its FFA.

    Args:
        fundus: [H', W', 3] RGB, [H', W', 1] or [H', W'], any numeric type.
        ffa: [H, W], [H, W, 1] or [H, W, 3], any numeric type.
        method: "vessel" matches maps of the vessels; "wang2015" is the method
            of the paper, on intensities.

    Returns:
        The transform and the verdict. Images that do not show the same retina
        give a refusal with its reason, not an exception.

    Raises:
        InputError: an array is not an image, or the method is unknown.
    """
    if method not in METHODS:
        raise InputError(
            f"method {method!r}: unknown; use one of {', '.join(METHODS)}"
        )
    estimate, limits = METHODS[method]
    found = estimate(*checked_views(fundus, ffa))
    return judged(found, ffa.shape[:2], limits)


def judged(
    found: Estimate, shape: tuple[int, int], limits: tuple[int, float]
) -> RegistrationResult:
    """Return what was found with its verdict, in pixels of the images.

    Args:
        found: by a front end, in working pixels.
        shape: (H, W) of the FFA.
        limits: least number and share of keypoints that agree.
    """
    fixed, moving = found.fixed, found.moving
    if found.transform is None:
        quality = Quality(found.num_matches, found.num_inliers)
        return RegistrationResult(
            np.eye(3),
            False,
            found.problem,
            float("nan"),
            quality,
            None,
            shape,
        )
    quality = _measured(found, found.transform)
    reason = why_refused(quality, *limits)
    transform = found.transform.rescaled(fixed.scale, moving.scale)
    points = (found.points + 0.5) / fixed.scale - 0.5
    residual = found.transform(found.points) - found.targets
    # From working pixels of the fundus to pixels of the FFA.
    unit = np.sqrt(np.prod(quality.singular_values)) * fixed.scale
    return RegistrationResult(
        nearest_matrix(transform, points),
        not reason,
        reason,
        float(np.sqrt((residual**2).sum(1).mean()) / max(unit, 1e-9)),
        quality,
        transform,
        shape,
    )


def judge_matrix(
    fundus: np.ndarray, ffa: np.ndarray, matrix: np.ndarray
) -> RegistrationResult:
    """Judge a transform that is known already, by how the vessels coincide.

    Args:
        fundus: as for `register_pair`.
        ffa: as for `register_pair`.
        matrix: 3x3, fundus xy → FFA xy.

    Returns:
        The same matrix and the verdict; `rmse` is not a number.

    Raises:
        InputError: an array is not an image.
    """
    fixed, moving = at_one_scale(*checked_views(fundus, ffa), matrix)
    back = (
        scaling(moving.scale)
        @ np.linalg.inv(matrix)
        @ np.linalg.inv(scaling(fixed.scale))
    )

    def transform(xy: np.ndarray) -> np.ndarray:
        return apply_matrix(back, xy)

    height, width = fixed.grey.shape
    corners = np.array([[0, 0], [width, 0], [0, height], [width, height]])
    blocks = count_agreeing(fixed.vessels, moving.vessels, transform)
    given = Estimate(
        fixed, moving, points=corners.astype(float), num_blocks=blocks
    )
    quality = _measured(given, transform)
    reason = why_refused(quality, 0, 0)
    return RegistrationResult(
        np.asarray(matrix, np.float64),
        not reason,
        reason,
        float("nan"),
        quality,
        None,
        ffa.shape[:2],
    )


def checked_views(
    fundus: np.ndarray, ffa: np.ndarray, polarity: int = -1
) -> tuple[View, View]:
    """Return the views of the FFA and of what is brought onto it.

    Args:
        fundus: as for `register_pair`.
        ffa: as for `register_pair`.
        polarity: of the vessels of `fundus`, as in `View`.

    Raises:
        InputError: an array is not an image.
    """
    for name, image in (("fundus", fundus), ("ffa", ffa)):
        if image.ndim not in (2, 3) or not image.size:
            raise InputError(f"{name}: not an image; give [H, W] or [H, W, C]")
    return make_views(ffa, fundus, polarity)


def _measured(found: Estimate, transform: Mapping) -> Quality:
    fixed, moving = found.fixed, found.moving
    ncc, near = overlap_scores(
        fixed.vessels, fixed.inner, moving.vessels, moving.inner, transform
    )
    return Quality(
        found.num_matches,
        found.num_inliers,
        _singular_values(transform, found.points),
        ncc,
        near,
        found.num_blocks,
    )


def _singular_values(
    transform: Mapping, points: np.ndarray
) -> tuple[float, float]:
    """Return the stretch of the affine map nearest to a transform."""
    fit = fit_polynomial(points, transform(points), 1)
    greatest, least = np.linalg.svd(
        fit.coefficients[1:] / fit.scale, compute_uv=False
    )
    return float(greatest), float(least)


def nearest_matrix(transform: Mapping, points: np.ndarray) -> np.ndarray:
    """Return the projective matrix, fundus → FFA, nearest at FFA points."""
    if len(points) < 4:
        points = points.mean(0) + [[-99, -99], [99, -99], [-99, 99], [99, 99]]
    matrix, _ = cv2.findHomography(transform(points), points, 0)
    return np.eye(3) if matrix is None else matrix
