"""Bring a photograph to the size of field a generator was trained on.

A generator has learnt how many pixels wide vessels are. Cameras differ: the
same field of view is 500 pixels wide in one file and 4,000 in another.
"""

from collections.abc import Callable

import cv2
import numpy as np

from ffa_keras.registration.retina import field_of_view

# Beyond, a photograph is no photograph of an ordinary field.
LEAST_SCALE, MOST_SCALE = 1 / 16, 4.0
# Of what a generator answers, pixels.
SMALLEST_SIDE = 16


def at_field(
    translate: Callable[[np.ndarray], np.ndarray],
    fundus: np.ndarray,
    diameter: int,
) -> np.ndarray:
    """Translate a photograph at another size, and bring the answer back.

    Args:
        translate: fundus uint8 [H', W', 3] to FFA uint8 [H', W', 1].
        fundus: uint8 [H, W, 3], RGB.
        diameter: of the field of view in what the generator was trained on,
            pixels, as `field_diameter` measures it; 0 leaves the size.

    Returns:
        uint8 [H, W, 1].
    """
    picture = to_field(fundus, diameter)
    answer = translate(picture)
    if picture is fundus:
        return answer
    height, width = fundus.shape[:2]
    return resized(answer[..., 0], (width, height))[..., None]


def to_field(fundus: np.ndarray, diameter: int) -> np.ndarray:
    """Scale a photograph until its field of view has a diameter.

    Args:
        fundus: uint8 [H, W, 3], RGB.
        diameter: as for `at_field`.

    Returns:
        uint8 [H', W', 3]; the photograph itself if `diameter` is 0 or nothing
        of a field is found.
    """
    found = field_diameter(fundus) if diameter else 0.0
    return scaled(fundus, diameter / found) if found else fundus


def scaled(image: np.ndarray, scale: float) -> np.ndarray:
    """Scale an image, within the limits of what photographs need.

    Args:
        image: uint8 [H, W, C].
        scale: new size over old; clipped to `LEAST_SCALE` to `MOST_SCALE`.

    Returns:
        uint8 [H', W', C]; no side is shorter than 16 pixels.
    """
    scale = float(np.clip(scale, LEAST_SCALE, MOST_SCALE))
    width, height = (
        max(SMALLEST_SIDE, round(scale * n)) for n in image.shape[1::-1]
    )
    return resized(image, (width, height)).reshape(height, width, -1)


def field_diameter(fundus: np.ndarray) -> float:
    """Return the diameter of a disc as large as the field of view, pixels.

    Args:
        fundus: uint8 [H, W, 3], RGB.
    """
    return float(np.sqrt(4 * np.count_nonzero(field_of_view(fundus)) / np.pi))


def resized(image: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Bring an image to a size, by what suits shrinking or enlarging.

    Args:
        image: uint8 [H, W] or [H, W, C].
        size: (width, height), pixels.

    Returns:
        uint8 [height, width], or [height, width, C] if C is above 1.
    """
    shrinks = size[0] < image.shape[1]
    how = cv2.INTER_AREA if shrinks else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(image, size, interpolation=how), np.uint8)
