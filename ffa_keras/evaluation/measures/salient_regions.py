"""Does a predicted FFA leak where the eye does, by its saliency?"""

import cv2
import numpy as np

from ffa_keras.evaluation.measures.base import Compare, Eye, Measure, Metric
from ffa_keras.evaluation.measures.overlap import dice
from ffa_keras.ops import picture_saliency

# Grey levels above the surroundings from which a pixel stands out. Of 6 to 45,
# the value that found most true regions of training phantoms in their real FFA
# at few false ones.
THRESHOLD = 25.0
# What is thinner than this share of the image's width is a vessel.
_THICKNESS = 1 / 38
# Smaller regions, as a share of the image's area, do not count.
_LEAST_AREA = 1 / 4000
_METRICS = (
    Metric("leak_dice", "leakage Dice", 3, 1, "Leakage", True),
    Metric("leak_area_error", "area error (% of valid area)", 2, -1, "Leakage"),
    Metric("leak_sensitivity", "regions found (share)", 3, 1, "Leakage"),
    Metric("leak_false_positives", "false regions per image", 2, -1, "Leakage"),
)


def compare_leakage(eye: Eye) -> Compare:
    """Find where an eye leaks, to compare a prediction's leakage with it.

    Args:
        eye: its `real` and `mask` are used, and `leakage` if that is known;
            else the salient regions of the real image are what leaks.

    Returns:
        From a prediction, uint8 [H, W, 1], to `leak_dice`, NaN where nothing
        truly leaks; `leak_area_error`, the absolute difference of the areas as
        a percentage of the valid area; `leak_sensitivity`, the share of true
        regions that a predicted one touches, NaN where there are none;
        `leak_false_positives`, predicted regions that touch no true one.
    """
    inside = eye.mask[..., 0]
    expected = leaking_regions(eye)
    valid_area = max(int(inside.sum()), 1)

    def compare(prediction: np.ndarray) -> dict[str, float]:
        found = salient_regions(prediction, inside)
        area_error = abs(int(found.sum()) - int(expected.sum()))
        hit, regions = _touched(expected, found)
        confirmed, predicted = _touched(found, expected)
        return {
            "leak_dice": dice(expected, found) if regions else float("nan"),
            "leak_area_error": 100 * area_error / valid_area,
            "leak_sensitivity": hit / regions if regions else float("nan"),
            "leak_false_positives": float(predicted - confirmed),
        }

    return compare


LEAKAGE = Measure("leakage", _METRICS, compare_leakage)


def leaking_regions(eye: Eye) -> np.ndarray:
    """Return where an eye leaks, as known or by its real FFA, bool [H, W]."""
    inside = eye.mask[..., 0]
    if eye.leakage is not None:
        return eye.leakage[..., 0] & inside
    return salient_regions(eye.real, inside)


def salient_regions(ffa: np.ndarray, inside: np.ndarray) -> np.ndarray:
    """Return where an FFA image leaks, by its saliency (Eq. 1).

    Args:
        ffa: uint8 [H, W, 1].
        inside: bool [H, W], the valid area.

    Returns:
        bool [H, W]: `THRESHOLD` grey levels above the surroundings, thicker
        than a vessel and not tiny.
    """
    salient = ((picture_saliency(ffa)[..., 0] > THRESHOLD) & inside).astype(
        np.uint8
    )
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
