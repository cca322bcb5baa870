"""The one ridge filter: curvatures of a smoothed picture."""

from collections.abc import Sequence

import cv2
import numpy as np

_SMOOTHED = (0.25, 0.5, 0.25)


def hessian(
    image: np.ndarray, sigma: float, across: Sequence[float] = _SMOOTHED
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the second derivatives of an image after a Gaussian.

    Args:
        image: float32 [h, w].
        sigma: of the Gaussian, pixels.
        across: what the second derivative along one axis is smoothed by along
            the other; as they are, those of Sobel's operator, over 4. (1,)
            leaves them finer and noisier, for keypoints.

    Returns:
        xx, yy and xy, each float32 [h, w].
    """
    smooth = cv2.GaussianBlur(image, (0, 0), sigma)
    first, second = (-0.5, 0, 0.5), (1, -2, 1)
    xx, yy, xy = (
        cv2.sepFilter2D(
            smooth,
            -1,
            np.array(along_x, np.float32),
            np.array(along_y, np.float32),
            borderType=cv2.BORDER_REPLICATE,
        )
        for along_x, along_y in (
            (second, across), (across, second), (first, first),
        )
    )  # fmt: skip
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
    # Not cv2.magnitude: its last bit hangs on where in memory the answer lies.
    mean, half = (xx + yy) / 2, np.sqrt(((xx - yy) / 2) ** 2 + xy**2)
    return mean - half, mean + half
