"""Does a generated FFA leak where the eye does?"""

import cv2
import numpy as np

from ffa_keras.evaluation.vessels import dice
from ffa_keras.ops import picture_saliency

# Grey levels above the surroundings from which a pixel stands out. Of 6 to 45,
# the value that found most true regions of training phantoms in their real FFA
# at few false ones.
THRESHOLD = 25.0
# What is thinner than this share of the image's width is a vessel.
_THICKNESS = 1 / 38
# Smaller regions, as a share of the image's area, do not count.
_LEAST_AREA = 1 / 4000


def leakage_agreement(
    real: np.ndarray,
    fake: np.ndarray,
    mask: np.ndarray,
    truth: np.ndarray | None = None,
) -> dict[str, float]:
    """Compare where two FFA images leak.

    Args:
        real: uint8 [H, W, 1].
        fake: uint8 [H, W, 1].
        mask: [H, W, 1], 0 outside the overlap of both fields of view.
        truth: [H, W, 1], not 0 where the eye leaks, known of phantoms; `None`
            takes the salient regions of the real image instead.

    Returns:
        `leak_dice`, NaN where nothing truly leaks; `leak_area_error`, the
        absolute difference of the areas as a percentage of the valid area;
        `leak_sensitivity`, the share of true regions that a generated one
        touches, NaN where there are none; `leak_false_positives`, generated
        regions that touch no true one.
    """
    inside = mask[..., 0] > 0
    found = salient_regions(fake, inside)
    if truth is None:
        expected = salient_regions(real, inside)
    else:
        expected = (truth[..., 0] > 0) & inside
    area_error = abs(int(found.sum()) - int(expected.sum()))
    hit, regions = _touched(expected, found)
    confirmed, answers = _touched(found, expected)
    return {
        "leak_dice": dice(expected, found) if regions else float("nan"),
        "leak_area_error": 100 * area_error / max(int(inside.sum()), 1),
        "leak_sensitivity": hit / regions if regions else float("nan"),
        "leak_false_positives": float(answers - confirmed),
    }


def salient_regions(ffa: np.ndarray, inside: np.ndarray) -> np.ndarray:
    """Return where an FFA image leaks, by its saliency (Eq. 1).

    Args:
        ffa: uint8 [H, W, 1].
        inside: bool [H, W], the valid area.

    Returns:
        bool [H, W]: `THRESHOLD` grey levels above the surroundings, thicker
        than a vessel and not tiny.
    """
    saliency = picture_saliency(ffa)[..., 0]
    salient = ((saliency > THRESHOLD) & inside).astype(np.uint8)
    side = max(3, round(_THICKNESS * ffa.shape[1]))
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side))
    thick = cv2.morphologyEx(salient, cv2.MORPH_OPEN, disc)
    count, labels, stats, _ = cv2.connectedComponentsWithStats(thick)
    large = stats[:, cv2.CC_STAT_AREA] >= _LEAST_AREA * thick.size
    large[0] = False
    return large[labels]


def _touched(regions: np.ndarray, others: np.ndarray) -> tuple[int, int]:
    """Return how many connected regions meet others, and how many there are."""
    count, labels = cv2.connectedComponents(regions.astype(np.uint8))
    met = np.unique(labels[others & regions])
    return len(met), count - 1
