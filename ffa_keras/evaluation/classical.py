"""Angiograms by classical image processing: a few lines that must be beaten.

All turn the dark vessels of the green channel bright; none has seen an FFA.
"""

import cv2
import numpy as np

from ffa_keras.evaluation.baselines import inverted_green
from ffa_keras.registration.retina import field_of_view

# The sigmas below are of photographs whose longer side has this many pixels.
_SIDE = 640
_LIGHT_SIGMA = 20
_SMOOTH_SIGMA = 1.5


def flattened_green(fundus: np.ndarray) -> np.ndarray:
    """Return the green channel over its blur, smoothed and inverted.

    Args:
        fundus: uint8 [H, W, 3], RGB.

    Returns:
        uint8 [H, W, 1]; 127 where the green channel is as its surroundings.
    """
    green = fundus[..., 1].astype(np.float32)
    scale = max(green.shape) / _SIDE
    light = cv2.GaussianBlur(green, (0, 0), _LIGHT_SIGMA * scale)
    relative = green / np.maximum(light, 1)
    return _inverted(cv2.GaussianBlur(relative, (0, 0), _SMOOTH_SIGMA * scale))


def equalised_green(fundus: np.ndarray) -> np.ndarray:
    """Return the green channel after CLAHE, smoothed and inverted.

    Args:
        fundus: uint8 [H, W, 3], RGB.

    Returns:
        uint8 [H, W, 1].
    """
    equalised = cv2.createCLAHE(3.0, (8, 8)).apply(
        np.ascontiguousarray(fundus[..., 1])
    )
    sigma = _SMOOTH_SIGMA * max(equalised.shape) / _SIDE
    return 255 - cv2.GaussianBlur(equalised, (0, 0), sigma)[..., None]


# What every table shows, by the names of its rows.
CLASSICAL = {
    "inverted green channel": inverted_green,
    "flattened green channel": flattened_green,
    "equalised green channel": equalised_green,
}


class ConstantFfa:
    """Predicts one grey level, the best for the training images.

    The median of their pixels has the least absolute error, the mean the
    least square; this is the mean inside their fields of view: the black
    around would make it darker than any eye, and easy to beat.
    """

    def __init__(self) -> None:
        self._sum = 0.0
        self._count = 0

    def add(self, ffa: np.ndarray) -> None:
        """Count a training image in, uint8 [H, W, 1]."""
        inside = field_of_view(ffa[..., 0])
        field = ffa[inside] if inside.any() else ffa
        self._sum += float(field.sum(dtype=np.float64))
        self._count += field.size

    def __call__(self, fundus: np.ndarray) -> np.ndarray:
        """Return the constant in the size of a photograph, uint8 [H, W, 1].

        Args:
            fundus: uint8 [H, W, 3].
        """
        level = round(self._sum / max(self._count, 1))
        return np.full((*fundus.shape[:2], 1), level, np.uint8)


def _inverted(relative: np.ndarray) -> np.ndarray:
    """Turn ratios around 1 into grey levels around 127, the dark ones up."""
    return np.clip(np.rint(255 - 128 * relative), 0, 255).astype(np.uint8)[
        ..., None
    ]
