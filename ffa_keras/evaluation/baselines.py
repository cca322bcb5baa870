"""The trivial predictions that a trained generator must beat."""

from collections.abc import Iterable

import cv2
import numpy as np

# Names of rows that no system fills.
REAL = "real FFA"
SECOND = "another real FFA of the eye"
CHANCE = "real FFA of another eye"
MEAN = "mean training FFA"
MEAN_OF_OTHERS = "mean FFA of other eyes"
CONSTANT = "best constant"


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
        image = resized(image, self._mean.shape)
        self._mean += (image - self._mean) / self._count

    def __call__(self, fundus: np.ndarray) -> np.ndarray:
        """Return the mean in the size of a photograph.

        Args:
            fundus: uint8 [H, W, 3].

        Returns:
            uint8 [H, W, 1].
        """
        return _grey(self._mean, fundus.shape[:2])

    def without(
        self, own: Iterable[np.ndarray], shape: tuple[int, ...]
    ) -> np.ndarray | None:
        """Return the mean of all that were added but some.

        Args:
            own: uint8 [H', W', 1]; added before, and left out.
            shape: height and width of the answer.

        Returns:
            uint8 [H, W, 1]; `None` if nothing is left.
        """
        rest, total = self._count, self._count * self._mean
        for ffa in own:
            image = ffa[..., 0].astype(np.float64)
            total -= resized(image, self._mean.shape)
            rest -= 1
        return _grey(total / rest, shape) if rest else None


def _grey(mean: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """Return a mean as an image of another size, uint8 [H, W, 1]."""
    image = resized(mean, shape).clip(0, 255)
    return np.round(image).astype(np.uint8)[..., None]


def resized(image: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """Return an image [H, W] in another size.

    Args:
        image: of any type that OpenCV resizes.
        shape: height and width.
    """
    if image.shape == shape:
        return image
    # Area averaging repeats pixels where it enlarges.
    shrinks = image.shape[0] >= shape[0] and image.shape[1] >= shape[1]
    method = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    return cv2.resize(image, shape[1::-1], interpolation=method)
