"""The verdict on a registration: figures that need no ground truth."""

import dataclasses
import math

import cv2
import numpy as np

from ffa_keras.registration.polynomial import Mapping
from ffa_keras.registration.transform import pixel_grid, resample
from ffa_keras.registration.vessels import centreline

MIN_INLIERS = 20
MIN_INLIER_RATIO = 0.25
SINGULAR_VALUES = (0.75, 1.33)
_MIN_VESSEL_NCC = 0.25
_MIN_CENTRELINE = 0.30
_MIN_BLOCKS = 60
_NEAR = 2.0
_MOST_COUNTED = 2
# Where other figures make up for them: of 1,344 wrong pairs the most is 44.
# Half of the limit will do with twice the keypoints; wrong pairs have 18.
_FEWEST_BLOCKS = 50


@dataclasses.dataclass(frozen=True)
class Quality:
    """Figures of one registration; pixels are those of the working size.

    Attributes:
        num_matches: matched keypoints.
        num_inliers: of these, the ones that agree with the transform.
        singular_values: greatest and least stretch of the transform.
        vessel_ncc: correlation of the vessel maps in the overlap.
        centreline_fraction: part of the vessel crests of one image that lie
            within 2 pixels of one of the other, mean of both ways.
        num_blocks: blocks of the vessel maps that the transform puts in place.
    """

    num_matches: int = 0
    num_inliers: int = 0
    singular_values: tuple[float, float] = (0.0, 0.0)
    vessel_ncc: float = 0.0
    centreline_fraction: float = 0.0
    num_blocks: int = 0

    @property
    def inlier_ratio(self) -> float:
        """Part of the matches that agree with the transform."""
        return self.num_inliers / max(self.num_matches, 1)


def why_refused(
    quality: Quality,
    least_inliers: int = MIN_INLIERS,
    least_ratio: float = MIN_INLIER_RATIO,
) -> str:
    """Return why a registration cannot be trusted, empty if it can.

    Stretch, the number and the share of keypoints must keep their limits. What
    the other figures lack the rest, and many keypoints, may make up for: a
    small overlap holds few blocks, and haze hides most of what would correlate.
    Fewer than 50 blocks only twice the keypoints make up for, and fewer than 30
    nothing.

    Args:
        quality: of the registration.
        least_inliers: keypoints that agree; 0 if there are none to ask.
        least_ratio: their share of the matches.
    """
    least, most = SINGULAR_VALUES
    greatest_stretch, least_stretch = quality.singular_values
    bounds = (
        (quality.num_inliers, least_inliers, "agreeing keypoints"),
        (quality.inlier_ratio, least_ratio, "share of keypoints agreeing"),
        (least_stretch, least, "least stretch"),
        (-greatest_stretch, -most, "greatest stretch, negated,"),
    )
    many = quality.num_inliers >= _MOST_COUNTED * least_inliers > 0
    enough = many or quality.num_blocks >= _FEWEST_BLOCKS
    within = all(value >= limit for value, limit, _ in bounds)
    if enough and within and evidence(quality, least_inliers) >= 1:
        return ""
    return "; ".join(
        f"{name} {value:.3g} < {limit:.3g}"
        for value, limit, name in (*bounds, *_coincidences(quality))
        if not value >= limit
    )


def evidence(quality: Quality, least_inliers: int = MIN_INLIERS) -> float:
    """Return the product of the figures that may make up for each other.

    Each is a multiple of its limit and counts for at most 2.

    Args:
        quality: of a registration.
        least_inliers: keypoints that agree; 0 if there are none to ask.

    Returns:
        1 or more is enough; 0 where a figure is below half of its limit.
    """
    parts = [value / limit for value, limit, _ in _coincidences(quality)]
    if least_inliers:
        parts.append(quality.num_inliers / least_inliers)
    if not all(part >= 1 / _MOST_COUNTED for part in parts):
        return 0.0
    return math.prod(min(part, _MOST_COUNTED) for part in parts)


def _coincidences(quality: Quality) -> tuple[tuple[float, float, str], ...]:
    """Return how the vessels coincide: figures, their limits and names."""
    return (
        (quality.vessel_ncc, _MIN_VESSEL_NCC, "vessel correlation"),
        (quality.centreline_fraction, _MIN_CENTRELINE, "vessels in place"),
        (quality.num_blocks, _MIN_BLOCKS, "blocks of vessels in place"),
    )


def overlap_scores(
    fixed: np.ndarray,
    fixed_mask: np.ndarray,
    moving: np.ndarray,
    moving_mask: np.ndarray,
    transform: Mapping,
) -> tuple[float, float]:
    """Compare the vessel maps where both images show retina.

    Args:
        fixed: float32 [H, W], the vessel map of the FFA.
        fixed_mask: bool [H, W], where it is known.
        moving: float32 [H', W'], the vessel map of the fundus.
        moving_mask: bool [H', W'], where it is known.
        transform: maps xy of `fixed` → xy of `moving`.

    Returns:
        The correlation coefficient of the maps, and the part of the crests of
        one map near a crest of the other, mean of both ways.
    """
    map_xy = transform(pixel_grid(fixed.shape))
    warped = resample(moving, map_xy, cv2.INTER_LINEAR)
    known = resample(moving_mask.astype(np.uint8), map_xy, cv2.INTER_NEAREST)
    overlap = fixed_mask & (known > 0)
    if overlap.sum() < 100:
        return 0.0, 0.0
    full = [np.percentile(image[overlap], 99) for image in (fixed, warped)]
    if min(full) <= 0:
        return 0.0, 0.0
    ncc = _correlation(fixed[overlap], warped[overlap])
    # Lids outside the overlap may have outshone its vessels.
    crests = [
        centreline(image / level) & overlap
        for image, level in zip((fixed, warped), full, strict=True)
    ]
    if not all(crest.any() for crest in crests):
        return ncc, 0.0
    near = [_share_near(*crests), _share_near(*crests[::-1])]
    return ncc, sum(near) / 2


def _correlation(first: np.ndarray, second: np.ndarray) -> float:
    first, second = (x.astype(np.float64) - x.mean() for x in (first, second))
    energy = float((first**2).sum() * (second**2).sum())
    return float((first * second).sum()) / max(energy**0.5, 1e-12)


def _share_near(these: np.ndarray, those: np.ndarray) -> float:
    distance = cv2.distanceTransform(
        (~those).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE
    )
    return float((distance[these] <= _NEAR).mean())
