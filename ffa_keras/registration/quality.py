"""The verdict on a registration: figures that need no ground truth."""

import dataclasses

import cv2
import numpy as np

from ffa_keras.registration.transform import Mapping, pixel_grid
from ffa_keras.registration.vessels import centreline

MIN_INLIERS = 20
MIN_INLIER_RATIO = 0.25
_SINGULAR_VALUES = (0.75, 1.33)
_MIN_VESSEL_NCC = 0.25
_MIN_CENTRELINE = 0.30
_MIN_BLOCKS = 60
_NEAR = 2.0


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
        num_blocks: blocks that agree with the refined transform; `None` if
            the method does not refine.
    """

    num_matches: int = 0
    num_inliers: int = 0
    singular_values: tuple[float, float] = (0.0, 0.0)
    vessel_ncc: float = 0.0
    centreline_fraction: float = 0.0
    num_blocks: int | None = None

    @property
    def inlier_ratio(self) -> float:
        """Part of the matches that agree with the transform."""
        return self.num_inliers / max(self.num_matches, 1)


def why_refused(quality: Quality) -> str:
    """Return why a registration cannot be trusted, empty if it can."""
    least, most = _SINGULAR_VALUES
    stretch = quality.singular_values
    blocks = quality.num_blocks
    checks = (
        (quality.num_inliers, MIN_INLIERS, "agreeing keypoints"),
        (quality.inlier_ratio, MIN_INLIER_RATIO, "share of keypoints agreeing"),
        (stretch[1], least, "least stretch"),
        (most, stretch[0], "greatest stretch allowed, the transform's"),
        (quality.vessel_ncc, _MIN_VESSEL_NCC, "vessel correlation"),
        (quality.centreline_fraction, _MIN_CENTRELINE, "vessels in place"),
        (_MIN_BLOCKS if blocks is None else blocks, _MIN_BLOCKS, "blocks"),
    )
    return "; ".join(
        f"{name} {value:.3g} < {limit:.3g}"
        for value, limit, name in checks
        if not value >= limit
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
    map_xy = transform(pixel_grid(fixed.shape)).astype(np.float32)
    warped = cv2.remap(moving, map_xy, None, cv2.INTER_LINEAR)
    known = cv2.remap(
        moving_mask.astype(np.uint8), map_xy, None, cv2.INTER_NEAREST
    )
    overlap = fixed_mask & (known > 0)
    if overlap.sum() < 100:
        return 0.0, 0.0
    pair = np.stack([fixed[overlap], warped[overlap]]).astype(np.float64)
    if np.percentile(pair, 99, axis=1).min() <= 0:
        return 0.0, 0.0
    ncc = float(np.corrcoef(pair)[0, 1])
    crests = [
        centreline(image / np.percentile(image[overlap], 99)) & overlap
        for image in (fixed, warped)
    ]
    if not all(crest.any() for crest in crests):
        return ncc, 0.0
    near = [_share_near(*crests), _share_near(*crests[::-1])]
    return ncc, sum(near) / 2


def _share_near(these: np.ndarray, those: np.ndarray) -> float:
    distance = cv2.distanceTransform(
        (~those).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE
    )
    return float((distance[these] <= _NEAR).mean())
