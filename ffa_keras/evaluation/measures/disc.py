"""Where the optic disc is: where the vessels of a frame come together."""

import functools

import cv2
import numpy as np

from ffa_keras.evaluation.measures.remembering import remembered
from ffa_keras.evaluation.measures.working_frame import summed, working_frame
from ffa_keras.registration.curvature import curvatures, hessian

# Diameter of the field of view, pixels; what follows is in these pixels.
_DIAMETER = 200
_RIM = 4
_SIGMAS = (1.2, 2.0, 3.0)
_NEAREST, _FARTHEST = 8, 120
_SECTORS = 12
_LEAST_SECTORS = 6
# The votes are counted on every other pixel.
_STEP = 2
_FULL_RIDGE = 98


@remembered(24)
def locate_disc(ffa: np.ndarray, inside: np.ndarray) -> np.ndarray | None:
    """Find the point that most vessels of a frame run towards.

    Every vessel-like pixel votes along its direction; a point's score is the
    mean over the directions around it of the square root of its votes, less
    those of pixels that run across, so that one strong vessel is not enough.

    Args:
        ffa: uint8 [H, W, 1] or [H, W]; vessels are bright.
        inside: bool [H, W], the field of view.

    Returns:
        float64 [2], x and y in pixels, in or just outside the field; `None`
        if nothing runs anywhere. It is a guess: a frame need not show a disc.
    """
    frame = working_frame(ffa, inside, _DIAMETER, _RIM)
    if frame is None:
        return None
    strength, angle = _ridges(frame.image, frame.inside)
    if not strength.any():
        return None
    cosine, sine, field = (
        cv2.resize(
            x.astype(np.float32),
            None,
            fx=1 / _STEP,
            fy=1 / _STEP,
            interpolation=cv2.INTER_AREA,
        )
        for x in (
            strength * np.cos(2 * angle),
            strength * np.sin(2 * angle),
            frame.inside,
        )
    )
    total = np.zeros_like(field)
    known = np.zeros_like(field)
    for along, across, weight in _voting_kernels():
        votes = summed(cosine, along) + summed(sine, across)
        total += np.sign(votes) * np.sqrt(np.abs(votes))
        known += summed(field, weight)
    score = total / np.maximum(known, _LEAST_SECTORS)
    near = cv2.dilate((field > 0.5).astype(np.uint8), np.ones((5, 5))) > 0
    row, column = np.unravel_index(
        np.argmax(np.where(near, score, -np.inf)), score.shape
    )
    point = (np.array([[column, row]]) + 0.5) * _STEP - 0.5
    return frame.native_points(point)[0]


def _ridges(
    image: np.ndarray, inside: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return strength 0 to 1 and direction of bright ridges, [h, w]."""
    around = cv2.GaussianBlur(image, (0, 0), 0.06 * _DIAMETER)
    level = max(float(np.median(image[inside])), 1e-6)
    relative = image / np.maximum(around, 0.3 * level)
    strength = np.zeros_like(relative)
    angle = np.zeros_like(relative)
    for sigma in _SIGMAS:
        xx, yy, xy = hessian(relative, sigma)
        least, _ = curvatures(xx, yy, xy)
        ridge = np.where(inside, np.maximum(-least, 0), 0) * sigma**2
        ridge = np.maximum(ridge - 1.5 * np.median(ridge[inside]), 0)
        direction = 0.5 * np.arctan2(2 * xy, xx - yy)
        angle = np.where(ridge > strength, direction, angle)
        strength = np.maximum(strength, ridge)
    full = float(np.percentile(strength[inside], _FULL_RIDGE))
    if full < 1e-3:
        return np.zeros_like(relative), angle
    return np.minimum(strength / full, 1), angle


@functools.cache
def _voting_kernels() -> list[list[np.ndarray]]:
    """Return, for each direction, the kernels of cosine, sine and area."""
    reach = _FARTHEST // _STEP
    y, x = np.mgrid[-reach : reach + 1, -reach : reach + 1]
    distance = np.hypot(x, y)
    bearing = np.arctan2(y, x)
    weight = np.maximum(1 - distance / reach, 0) / np.maximum(distance, 1)
    weight[distance < _NEAREST / _STEP] = 0
    width = 2 * np.pi / _SECTORS
    kernels = []
    for number in range(_SECTORS):
        off = (bearing - number * width + np.pi) % (2 * np.pi) - np.pi
        kernel = weight * np.maximum(1 - np.abs(off) / width, 0)
        kernel /= kernel.sum()
        parts = np.cos(2 * bearing), np.sin(2 * bearing), 1
        kernels.append([(kernel * x).astype(np.float32) for x in parts])
    return kernels
