"""SSIM and multi-scale SSIM, also inside a mask (Wang 2004, Wang 2003)."""

from collections.abc import Iterator

import cv2
import numpy as np

_WEIGHTS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)
_WINDOW, _SIGMA = 11, 1.5
_MARGIN = _WINDOW // 2
_C1, _C2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
# Variances as differences of squares lose fewer bits around mid grey.
_MIDDLE = 128


class Structure:
    """A real image, which predictions are compared with on five scales.

    Args:
        real: uint8 or float [H, W, 1], grey levels; sides of 11 at least.
        masks: [H, W, 1] each, 0 where pixels must not count; `None` counts all.
            On a coarser scale a pixel counts if all of it does.
    """

    def __init__(self, real: np.ndarray, *masks: np.ndarray | None):
        self._scales: list[tuple[np.ndarray, np.ndarray, np.ndarray]] = []
        self._inside: list[list[np.ndarray]] = []
        counts = [
            np.ones(real.shape[:2], np.float32)
            if mask is None
            else (mask[..., 0] > 0).astype(np.float32)
            for mask in masks
        ]
        for image in _halvings(real):
            mean = _window_mean(image)
            self._scales.append((image, mean, _window_mean(image * image)))
            self._inside.append(
                [c[_MARGIN:-_MARGIN, _MARGIN:-_MARGIN] > 0.999 for c in counts]
            )
            counts = [_halved(c) for c in counts]

    def compare(self, fake: np.ndarray) -> list[tuple[float, float]]:
        """Return SSIM and MS-SSIM of a prediction for each of the masks.

        The 11x11 window of Wang 2004 and the weights of Wang 2003; equal to
        `tf.image.ssim`, and to `tf.image.ssim_multiscale` for sides that are
        multiples of 16.

        Args:
            fake: uint8 or float [H, W, 1], grey levels.

        Returns:
            At most 1; NaN where nothing counts, and of MS-SSIM where a side is
            below 176 pixels.
        """
        single = [float("nan")] * len(self._inside[0])
        multiple = [1.0] * len(single)
        for scale, y in enumerate(_halvings(fake)):
            x, mean_x, square_x = self._scales[scale]
            luminance, structure = _terms(x, y, mean_x, square_x)
            both = luminance * structure
            last = scale == len(_WEIGHTS) - 1
            for number, inside in enumerate(self._inside[scale]):
                if not scale:
                    single[number] = _mean(both, inside)
                term = _mean(both if last else structure, inside)
                # A negative term counts as 0, one that is missing stays so.
                multiple[number] *= np.maximum(term, 0.0) ** _WEIGHTS[scale]
        if len(self._scales) < len(_WEIGHTS):
            multiple = [float("nan")] * len(single)
        return [*zip(single, map(float, multiple), strict=True)]


def _halvings(image: np.ndarray) -> Iterator[np.ndarray]:
    """Yield an image and its halves, float32 [h, w], while windows fit."""
    half = image[..., 0].astype(np.float32) - _MIDDLE
    for _ in _WEIGHTS:
        if min(half.shape) < _WINDOW:
            return
        yield half
        half = _halved(half)


def _terms(
    x: np.ndarray, y: np.ndarray, mean_x: np.ndarray, square_x: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    mean_y = _window_mean(y)
    variances = square_x + _window_mean(y * y) - mean_x**2 - mean_y**2
    covariance = _window_mean(x * y) - mean_x * mean_y
    mean_x, mean_y = mean_x + _MIDDLE, mean_y + _MIDDLE
    luminance = (2 * mean_x * mean_y + _C1) / (mean_x**2 + mean_y**2 + _C1)
    return luminance, (2 * covariance + _C2) / (variances + _C2)


def _mean(values: np.ndarray, inside: np.ndarray) -> float:
    if not inside.any():
        return float("nan")
    return float(values[inside].mean(dtype=np.float64))


def _window_mean(image: np.ndarray) -> np.ndarray:
    blurred = cv2.GaussianBlur(image, (_WINDOW, _WINDOW), _SIGMA)
    return blurred[_MARGIN:-_MARGIN, _MARGIN:-_MARGIN]


def _halved(image: np.ndarray) -> np.ndarray:
    height, width = (side // 2 * 2 for side in image.shape)
    # Of whole factors area averaging is the mean of two by two pixels.
    return cv2.resize(
        image[:height, :width],
        (width // 2, height // 2),
        interpolation=cv2.INTER_AREA,
    )
