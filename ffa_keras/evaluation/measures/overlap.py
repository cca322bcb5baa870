"""How far two maps of one image agree."""

import numpy as np
from skimage.morphology import skeletonize


def dice(first: np.ndarray, second: np.ndarray) -> float:
    """Return twice the overlap over the sum of areas; NaN if both are empty.

    Args:
        first: bool [H, W].
        second: bool [H, W].
    """
    total = int(first.sum()) + int(second.sum())
    if not total:
        return float("nan")
    return 2 * int((first & second).sum()) / total


def centre_line_dice(
    real: np.ndarray, predicted: np.ndarray, real_line: np.ndarray
) -> float:
    """Return clDice: the harmonic mean of how far centre lines are covered.

    Args:
        real: bool [H, W], vessels.
        predicted: bool [H, W], vessels.
        real_line: bool [H, W], the skeleton of `real`.

    Returns:
        0 to 1; 0 where only one has vessels, NaN where neither has.
    """
    if not real.any() and not predicted.any():
        return float("nan")
    line = skeletonize(predicted)
    precision = (line & real).sum() / max(line.sum(), 1)
    sensitivity = (real_line & predicted).sum() / max(real_line.sum(), 1)
    if not precision + sensitivity:
        return 0.0
    return float(2 * precision * sensitivity / (precision + sensitivity))


def roc_area(labels: np.ndarray, scores: np.ndarray) -> float:
    """Return the area under the ROC curve; NaN if there is one class only.

    Args:
        labels: bool [N].
        scores: float [N]; equal scores count half.
    """
    positives = int(labels.sum())
    negatives = labels.size - positives
    if not positives or not negatives:
        return float("nan")
    others = np.sort(scores[~labels])
    below, not_above = (
        int(np.searchsorted(others, scores[labels], side).sum(dtype=np.int64))
        for side in ("left", "right")
    )
    return (below + not_above) / 2 / positives / negatives
