"""Register a late FFA by way of an early frame of the same angiogram.

In late frames the vessels have faded and dye stains the tissue, so that they
show less of what a photograph shows; early and late frames still resemble each
other, and so do the photograph and the early frame.
"""

import dataclasses
import math

import numpy as np

from ffa_keras.registration.estimate import by_vessels, refined
from ffa_keras.registration.polynomial import (
    Mapping,
    Polynomial,
    fit_polynomial,
)
from ffa_keras.registration.quality import MIN_INLIER_RATIO, MIN_INLIERS
from ffa_keras.registration.register import (
    RegistrationResult,
    checked_views,
    judged,
    nearest_matrix,
    register_pair,
)
from ffa_keras.registration.transform import pixel_grid
from ffa_keras.registration.view import at_one_scale

_LIMITS = (MIN_INLIERS, MIN_INLIER_RATIO)
_GRID = 24
_MIN_SHARED = 12


def register_through(
    fundus: np.ndarray, early: np.ndarray, ffa: np.ndarray
) -> RegistrationResult:
    """Find the transform that brings a photograph onto its late FFA.

    The pair itself is tried first. If it is refused, the photograph is
    registered with the early frame and that with the late one; both must be
    accepted. Blocks of vessels of the photograph, sought in the late frame
    around where the two transforms put them, then measure the outcome; if too
    few are found, it is the two transforms one after the other.

    Args:
        fundus: as for `register_pair`.
        early: an FFA of the same eye, [H', W'], [H', W', 1] or [H', W', 3].
        ffa: as for `register_pair`.

    Returns:
        The transform fundus → `ffa` and the verdict.

    Raises:
        InputError: an array is not an image.
    """
    direct = register_pair(fundus, ffa)
    if direct.accepted:
        return direct
    first = register_pair(fundus, early)
    if not first.accepted:
        return _refused(direct, "photograph and early FFA", first)
    # Vessels of either frame may be bright or dark.
    second = judged(
        by_vessels(*checked_views(early, ffa, polarity=0)),
        ffa.shape[:2],
        _LIMITS,
    )
    if not second.accepted:
        return _refused(direct, "early and late FFA", second)
    return _joined(fundus, early, ffa, first, second)


def _refused(
    direct: RegistrationResult, what: str, link: RegistrationResult
) -> RegistrationResult:
    reason = f"{direct.reason}; {what}: {link.reason}"
    return dataclasses.replace(direct, reason=reason)


def _joined(
    fundus: np.ndarray,
    early: np.ndarray,
    ffa: np.ndarray,
    first: RegistrationResult,
    second: RegistrationResult,
) -> RegistrationResult:
    """Put one accepted registration after the other and measure the sum."""
    if first.transform is None or second.transform is None:
        return first  # Neither is: both were accepted.
    points, targets = _common_points(
        (ffa, early, fundus), second.transform, first.transform
    )
    if len(points) < _MIN_SHARED:
        reason = "what both registrations show does not overlap"
        return dataclasses.replace(second, accepted=False, reason=reason)
    transform = fit_polynomial(points, targets, 2)
    matrix = nearest_matrix(transform, points)
    again = _measured_again(fundus, ffa, transform, matrix)
    if again.accepted:
        quality = dataclasses.replace(
            again.quality,
            num_matches=first.quality.num_matches,
            num_inliers=first.quality.num_inliers,
        )
        return dataclasses.replace(again, quality=quality)
    weaker = min((first, second), key=lambda link: link.quality.num_blocks)
    return RegistrationResult(
        matrix,
        True,
        "",
        math.hypot(first.rmse, second.rmse),
        weaker.quality,
        transform,
        ffa.shape[:2],
    )


def _common_points(
    images: tuple[np.ndarray, np.ndarray, np.ndarray], *links: Mapping
) -> tuple[np.ndarray, np.ndarray]:
    """Return xy of the first and of the last image, [N, 2] each.

    Args:
        images: FFA, early FFA and photograph.
        links: each maps xy of an image → xy of the next.
    """
    shape = images[0].shape[:2]
    step = max(1, max(shape) // _GRID)
    points = targets = pixel_grid(shape)[::step, ::step].reshape(-1, 2)
    shown = np.ones(len(points), bool)
    for link, image in zip(links, images[1:], strict=True):
        targets = link(targets)
        last = np.array(image.shape[1::-1]) - 1
        shown &= ((targets >= 0) & (targets <= last)).all(1)
    return points[shown], targets[shown]


def _measured_again(
    fundus: np.ndarray,
    ffa: np.ndarray,
    transform: Polynomial,
    matrix: np.ndarray,
) -> RegistrationResult:
    """Refine by blocks of the photograph and of the late FFA themselves."""
    fixed, moving = at_one_scale(*checked_views(fundus, ffa), matrix)
    start = transform.rescaled(1 / fixed.scale, 1 / moving.scale)
    return judged(refined(fixed, moving, start), ffa.shape[:2], (0, 0))
