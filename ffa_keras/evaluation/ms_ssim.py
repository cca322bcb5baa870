"""Multi-scale SSIM, also inside a mask (Wang 2003)."""

import cv2
import numpy as np

_WEIGHTS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)
_WINDOW, _SIGMA = 11, 1.5
_C1, _C2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
MIN_SIDE = _WINDOW * 2 ** (len(_WEIGHTS) - 1)


def ms_ssim(
    real: np.ndarray, fake: np.ndarray, mask: np.ndarray | None = None
) -> float:
    """Return the structural similarity over five scales.

    The published weights and the 11x11 window of SSIM; equal to
    `tf.image.ssim_multiscale` for sides that are multiples of 16.

    Args:
        real: uint8 or float [H, W, 1], grey levels.
        fake: likewise.
        mask: [H, W, 1], 0 where pixels must not count; `None` counts all. On
            a coarser scale a pixel counts if all of it does.

    Returns:
        At most 1; NaN where a side is below `MIN_SIDE` or nothing counts.
    """
    x, y = (image[..., 0].astype(np.float64) for image in (real, fake))
    if min(x.shape) < MIN_SIDE:
        return float("nan")
    counts = np.ones(x.shape) if mask is None else mask[..., 0] > 0
    counts = counts.astype(np.float64)
    result = 1.0
    for scale, weight in enumerate(_WEIGHTS):
        if scale:
            x, y, counts = (_halved(image) for image in (x, y, counts))
            counts = np.floor(counts)
        luminance, structure = _terms(x, y)
        margin = _WINDOW // 2
        inside = counts[margin:-margin, margin:-margin] > 0
        if not inside.any():
            return float("nan")
        last = scale == len(_WEIGHTS) - 1
        term = luminance * structure if last else structure
        result *= max(term[inside].mean(), 0.0) ** weight
    return float(result)


def _terms(x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    mean_x, mean_y = _window_mean(x), _window_mean(y)
    variances = _window_mean(x * x + y * y) - mean_x**2 - mean_y**2
    covariance = _window_mean(x * y) - mean_x * mean_y
    luminance = (2 * mean_x * mean_y + _C1) / (mean_x**2 + mean_y**2 + _C1)
    return luminance, (2 * covariance + _C2) / (variances + _C2)


def _window_mean(image: np.ndarray) -> np.ndarray:
    margin = _WINDOW // 2
    blurred = cv2.GaussianBlur(image, (_WINDOW, _WINDOW), _SIGMA)
    return blurred[margin:-margin, margin:-margin]


def _halved(image: np.ndarray) -> np.ndarray:
    height, width = (side // 2 * 2 for side in image.shape)
    even = image[:height, :width]
    return even.reshape(height // 2, 2, width // 2, 2).mean((1, 3))
