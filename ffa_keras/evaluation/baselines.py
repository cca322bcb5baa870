"""The trivial predictions that a trained generator must beat."""

import cv2
import numpy as np


def inverted_green(fundus: np.ndarray) -> np.ndarray:
    """Return the inverted green channel: dark vessels become bright.

    Args:
        fundus: uint8 [H, W, 3], RGB.

    Returns:
        uint8 [H, W, 1].
    """
    return 255 - fundus[..., 1:2]


class MeanTrainingFfa:
    """Predicts the mean training FFA, whatever the photograph."""

    def __init__(self) -> None:
        self._count = 0
        self._mean = np.zeros((0, 0))

    def add(self, ffa: np.ndarray) -> None:
        """Count a training image in, brought to the size of the first.

        Args:
            ffa: uint8 [H, W, 1].
        """
        image = ffa[..., 0].astype(np.float64)
        if not self._count:
            self._mean = np.zeros_like(image)
        self._count += 1
        image = _resize(image, self._mean.shape)
        self._mean += (image - self._mean) / self._count

    def __call__(self, fundus: np.ndarray) -> np.ndarray:
        """Return the mean in the size of a photograph.

        Args:
            fundus: uint8 [H, W, 3].

        Returns:
            uint8 [H, W, 1].
        """
        resized = _resize(self._mean, fundus.shape[:2])
        return np.round(resized.clip(0, 255)).astype(np.uint8)[..., None]


def _resize(image: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    if image.shape == shape:
        return image
    # Area averaging repeats pixels where it enlarges.
    shrinks = image.shape[0] >= shape[0] and image.shape[1] >= shape[1]
    method = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    return cv2.resize(image, shape[1::-1], interpolation=method)
