"""Do the vessels of a generated FFA lie where those of the real one do?"""

import numpy as np
from scipy.stats import rankdata
from skimage.filters import sato, threshold_otsu
from skimage.morphology import skeletonize

# Of the ridges sought, as a share of the image's width.
_SIGMAS = (1 / 400, 1 / 200, 1 / 120)


def vessel_agreement(
    real: np.ndarray, fake: np.ndarray, mask: np.ndarray
) -> dict[str, float]:
    """Compare the vessels of two FFA images by their vesselness.

    Vessels are where the vesselness (Sato 1998, bright ridges) exceeds Otsu's
    threshold of the real image, so that a generated image with fainter
    vessels has fewer of them.

    Args:
        real: uint8 [H, W, 1].
        fake: uint8 [H, W, 1].
        mask: [H, W, 1], 0 outside the overlap of both fields of view.

    Returns:
        `vessel_dice`, `vessel_cldice` (Shit 2021, on centre lines) and
        `vessel_auc`, the area under the ROC curve of the generated vesselness
        against the real vessels; NaN where the real image has none.
    """
    inside = mask[..., 0] > 0
    real_ridges, fake_ridges = (
        _vesselness(image, inside) for image in (real, fake)
    )
    values = real_ridges[inside]
    if not values.size or values.max() <= 0:
        figures = (float("nan"),) * 3
    else:
        threshold = threshold_otsu(values)
        real_map, fake_map = (
            ridges > threshold for ridges in (real_ridges, fake_ridges)
        )
        figures = (
            dice(real_map, fake_map),
            centre_line_dice(real_map, fake_map),
            roc_area(real_map[inside], fake_ridges[inside]),
        )
    names = ("vessel_dice", "vessel_cldice", "vessel_auc")
    return dict(zip(names, figures, strict=True))


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


def centre_line_dice(real: np.ndarray, fake: np.ndarray) -> float:
    """Return clDice: the harmonic mean of how far centre lines are covered.

    Args:
        real: bool [H, W], vessels.
        fake: bool [H, W], vessels.

    Returns:
        0 to 1; 0 where only one has vessels, NaN where neither has.
    """
    if not real.any() and not fake.any():
        return float("nan")
    real_line, fake_line = skeletonize(real), skeletonize(fake)
    precision = (fake_line & real).sum() / max(fake_line.sum(), 1)
    sensitivity = (real_line & fake).sum() / max(real_line.sum(), 1)
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
    ranks = rankdata(scores)[labels].sum()
    above = ranks - positives * (positives + 1) / 2
    return float(above / positives / negatives)


def _vesselness(image: np.ndarray, inside: np.ndarray) -> np.ndarray:
    """Return the vesselness, 0 outside and along the rim of the mask."""
    grey = image[..., 0].astype(np.float64)
    # The rim of the field of view would be the strongest ridge of all.
    grey = np.where(inside, grey, grey[inside].mean() if inside.any() else 0)
    sigmas = [max(1.0, share * grey.shape[1]) for share in _SIGMAS]
    ridges = sato(grey, sorted(set(sigmas)), black_ridges=False)
    return np.where(inside, ridges, 0.0)
