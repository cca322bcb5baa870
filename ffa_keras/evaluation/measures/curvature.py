"""The ridge filter of all measures: curvatures of a smoothed picture.

Registration has another, whose derivatives are finer and noisier; figures that
were published with either would move with the other.
"""

import cv2
import numpy as np


def hessian(
    image: np.ndarray, sigma: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the second derivatives of an image after a Gaussian.

    Args:
        image: float32 [h, w].
        sigma: of the Gaussian, pixels.

    Returns:
        xx, yy and xy, each float32 [h, w], by Sobel's operator.
    """
    smooth = cv2.GaussianBlur(image, (0, 0), sigma)
    xx, yy, xy = (
        cv2.Sobel(smooth, -1, *order, ksize=3) / 4
        for order in ((2, 0), (0, 2), (1, 1))
    )
    return xx, yy, xy


def curvatures(
    xx: np.ndarray, yy: np.ndarray, xy: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return the lesser and the greater eigenvalue, each float32 [h, w].

    Args:
        xx: as of `hessian`; the others likewise.
        yy: the same.
        xy: the same.
    """
    mean, half = (xx + yy) / 2, cv2.magnitude((xx - yy) / 2, xy)
    return mean - half, mean + half
