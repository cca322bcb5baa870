"""Do the vessels of a predicted FFA lie where those of the real one do?"""

import numpy as np
from skimage.filters import sato, threshold_otsu
from skimage.morphology import skeletonize

from ffa_keras.evaluation.measures.base import Compare, Eye, Measure, Metric
from ffa_keras.evaluation.measures.overlap import (
    centre_line_dice,
    dice,
    roc_area,
)

# Of the ridges sought, as a share of the image's width.
_SIGMAS = (1 / 400, 1 / 200, 1 / 120)
_METRICS = (
    Metric("vessel_dice", "vessel Dice", 3, 1, "Vessels"),
    Metric("vessel_cldice", "vessel clDice", 3, 1, "Vessels", True),
    Metric("vessel_auc", "vessel AUC", 3, 1, "Vessels"),
)


def compare_vessels(eye: Eye) -> Compare:
    """Find the vessels of an eye's FFA, to compare a prediction's with them.

    Vessels are where the vesselness (Sato 1998, bright ridges) exceeds Otsu's
    threshold of the real image, so that a prediction with fainter vessels has
    fewer of them.

    Args:
        eye: its `real` and `mask` are used.

    Returns:
        From a prediction, uint8 [H, W, 1], to `vessel_dice`, `vessel_cldice`
        (Shit 2021, on centre lines) and `vessel_auc`, the area under the ROC
        curve of the predicted vesselness against the real vessels; NaN where
        the real image has none.
    """
    inside = eye.mask[..., 0]
    real_ridges = _vesselness(eye.real, inside)
    values = real_ridges[inside]
    if not values.size or values.max() <= 0:
        missing = {metric.name: float("nan") for metric in _METRICS}
        return lambda prediction: missing
    threshold = threshold_otsu(values)
    real = real_ridges > threshold
    real_line = skeletonize(real)

    def compare(prediction: np.ndarray) -> dict[str, float]:
        ridges = _vesselness(prediction, inside)
        predicted = ridges > threshold
        return {
            "vessel_dice": dice(real, predicted),
            "vessel_cldice": centre_line_dice(real, predicted, real_line),
            "vessel_auc": roc_area(real[inside], ridges[inside]),
        }

    return compare


VESSELS = Measure("vessels", _METRICS, compare_vessels)


def _vesselness(image: np.ndarray, inside: np.ndarray) -> np.ndarray:
    """Return the vesselness [H, W], 0 outside the mask."""
    grey = image[..., 0].astype(np.float64)
    # The rim of the field of view would be the strongest ridge of all.
    grey = np.where(inside, grey, grey[inside].mean() if inside.any() else 0)
    sigmas = [max(1.0, share * grey.shape[1]) for share in _SIGMAS]
    ridges = sato(grey, sorted(set(sigmas)), black_ridges=False)
    return np.where(inside, ridges, 0.0)
