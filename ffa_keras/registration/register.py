"""Register a fundus photograph with its FFA and judge the outcome."""

import dataclasses

import cv2
import numpy as np

from ffa_keras.errors import InputError
from ffa_keras.registration import estimate
from ffa_keras.registration.quality import Quality, overlap_scores, why_refused
from ffa_keras.registration.transform import (
    Mapping,
    Polynomial,
    sample,
    warp_to_ffa,
)
from ffa_keras.registration.view import View, make_views

METHODS = {
    "vessel": estimate.by_vessels,
    "wang2015": estimate.by_intensity,
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
    for name, image in (("fundus", fundus), ("ffa", ffa)):
        if image.ndim not in (2, 3) or not image.size:
            raise InputError(f"{name}: not an image; give [H, W] or [H, W, C]")
    fixed, moving = make_views(ffa, fundus)
    found = METHODS[method](fixed, moving)
    if found.transform is None:
        return RegistrationResult(
            np.eye(3),
            False,
            found.problem,
            float("nan"),
            Quality(found.num_matches, found.num_inliers),
            None,
            ffa.shape[:2],
        )
    return _judged(found, fixed, moving, ffa.shape[:2])


def _judged(
    found: estimate.Estimate, fixed: View, moving: View, shape: tuple[int, int]
) -> RegistrationResult:
    ncc, near = overlap_scores(
        fixed.vessels,
        fixed.inner,
        moving.vessels,
        moving.inner,
        found.transform,
    )
    stretch = _singular_values(found.transform, found.points)
    quality = Quality(
        found.num_matches,
        found.num_inliers,
        stretch,
        ncc,
        near,
        found.num_blocks,
    )
    reason = why_refused(quality)
    transform = found.transform.rescaled(fixed.scale, moving.scale)
    points = (found.points + 0.5) / fixed.scale - 0.5
    residual = found.transform(found.points) - found.targets
    # From working pixels of the fundus to pixels of the FFA.
    unit = np.sqrt(max(stretch[0] * stretch[1], 1e-9)) * fixed.scale
    return RegistrationResult(
        _nearest_matrix(transform, points),
        not reason,
        reason,
        float(np.sqrt((residual**2).sum(1).mean()) / unit),
        quality,
        transform,
        shape,
    )


def _singular_values(
    transform: Mapping, points: np.ndarray
) -> tuple[float, float]:
    """Return the stretch of the affine map nearest to a transform."""
    matrix, _ = cv2.estimateAffine2D(
        points, transform(points), method=cv2.LMEDS
    )
    if matrix is None:
        return 0.0, 0.0
    greatest, least = np.linalg.svd(matrix[:, :2], compute_uv=False)
    return float(greatest), float(least)


def _nearest_matrix(transform: Mapping, points: np.ndarray) -> np.ndarray:
    """Return the projective matrix, fundus → FFA, nearest at FFA points."""
    if len(points) < 4:
        points = points.mean(0) + [[-99, -99], [99, -99], [-99, 99], [99, 99]]
    matrix, _ = cv2.findHomography(transform(points), points, 0)
    return np.eye(3) if matrix is None else matrix
