"""The trivial answers that a trained generator must beat."""

import cv2
import numpy as np
import tensorflow as tf

from ffa_keras.translation.whole import Translator


def inverted_green(fundus: np.ndarray) -> np.ndarray:
    """Return the inverted green channel: dark vessels become bright.

    Args:
        fundus: uint8 [H, W, 3], RGB.

    Returns:
        uint8 [H, W, 1].
    """
    return 255 - fundus[..., 1:2]


def mean_training_ffa(pairs: tf.data.Dataset) -> Translator:
    """Return a translator that always answers the mean training FFA.

    Args:
        pairs: records of the training split with `ffa` uint8 [H, W, 1].

    Returns:
        fundus uint8 [H, W, 3] to uint8 [H, W, 1]: the mean, each image first
        brought to the size of the first, and the mean to that of the fundus.
    """
    mean = np.zeros((0, 0))
    for count, pair in enumerate(pairs):
        image = pair["ffa"].numpy()[..., 0].astype(np.float64)
        if not count:
            mean = np.zeros_like(image)
        mean += (_resize(image, mean.shape) - mean) / (count + 1)

    def translate(fundus: np.ndarray) -> np.ndarray:
        resized = _resize(mean, fundus.shape[:2])
        return np.round(resized.clip(0, 255)).astype(np.uint8)[..., None]

    return translate


def _resize(image: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    if image.shape == shape:
        return image
    return cv2.resize(image, shape[1::-1], interpolation=cv2.INTER_AREA)
