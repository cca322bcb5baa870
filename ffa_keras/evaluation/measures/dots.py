"""Bright dots of an angiogram: punctate leaks and microaneurysms."""

import cv2
import numpy as np

from ffa_keras.evaluation.measures.remembering import remembered
from ffa_keras.evaluation.measures.working_frame import (
    ellipse,
    working_frame,
)
from ffa_keras.registration.curvature import curvatures, hessian

# Diameter of the field of view, pixels; what follows is in these pixels.
_DIAMETER = 640
_RIM = 10
_SIGMAS = (1.6, 2.4, 3.4)
_ROUND = 0.4
_SURROUND_SIGMA = 20
_FLOOR = 0.4
_APART = 7
_LEAST_CURVATURE = 0.04
_RING = 3.2
_RING_POINTS = 24
_RING_SHARE = 95
_VESSEL_SIDE = 21
# Chosen on one half of the frames of benchmarks/leakage_frames.csv.
_LEAST_CONTRAST = 0.1
_VESSEL_SHARE = 0.4
_NOISES = 6.0
_BRIGHTEST_NOISE = 0.3


@remembered(24)
def find_dots(ffa: np.ndarray, inside: np.ndarray) -> np.ndarray:
    """Find the bright dots of an angiogram.

    A dot is a round maximum that is brighter than 95 % of a ring around it,
    so that no bead on a vessel counts: by a tenth of the local mean, by 0.4 of
    what the vessels of the frame rise, and by six times the texture near it.

    Args:
        ffa: uint8 [H, W, 1] or [H, W].
        inside: bool [H, W], the field of view.

    Returns:
        float64 [N, 3]: x and y in pixels, and how far the dot rises, as a
        share of the local mean; the clearest first.
    """
    frame = working_frame(ffa, inside, _DIAMETER, _RIM, cv2.INTER_CUBIC)
    if frame is None:
        return np.zeros((0, 3))
    image, field = frame.image, frame.inside
    around = _smooth(image, _SURROUND_SIGMA)
    level = max(float(np.median(image[field])), 1e-6)
    relative = image / np.maximum(around, _FLOOR * level)
    curvature, sigma = _roundness(relative)
    highest = cv2.dilate(curvature, np.ones((_APART, _APART)))
    peaks = (curvature == highest) & (curvature > _LEAST_CURVATURE) & field
    rows, columns = np.nonzero(peaks)
    if not len(rows):
        return np.zeros((0, 3))
    fine = cv2.GaussianBlur(relative, (0, 0), 1.2)
    centres = np.stack([columns, rows], 1) + _between_pixels(curvature, peaks)
    angles = np.linspace(0, 2 * np.pi, _RING_POINTS, endpoint=False)
    circle = np.stack([np.cos(angles), np.sin(angles)], 1)
    radius = (_RING * sigma[peaks] + 1)[:, None, None]
    ring = _at(fine, centres[:, None] + radius * circle)
    rise = _at(fine, centres[:, None])[:, 0] - np.percentile(
        ring, _RING_SHARE, axis=1
    )
    thin = fine - cv2.morphologyEx(fine, cv2.MORPH_OPEN, ellipse(_VESSEL_SIDE))
    vessels = _VESSEL_SHARE * float(np.percentile(thin[field], 97))
    noise = _NOISES * _texture(fine, field)[peaks]
    clear = rise > np.maximum(max(_LEAST_CONTRAST, vessels), noise)
    points = frame.native_points(centres[clear])
    dots = np.column_stack([points, rise[clear]])
    return dots[np.argsort(-dots[:, 2], kind="stable")]


def _between_pixels(image: np.ndarray, peaks: np.ndarray) -> np.ndarray:
    """Return how far off its pixel each maximum is, xy [N, 2], -1/2 to 1/2.

    By a parabola through it and both neighbours, along rows and columns:
    whether a dot counts must not hang on how the pixels fall.
    """
    rows, columns = np.nonzero(peaks)
    offsets = []
    for down, right in ((0, 1), (1, 0)):
        before = image[rows - down, columns - right]
        after = image[rows + down, columns + right]
        bend = np.maximum(2 * image[peaks] - before - after, 1e-9)
        offsets.append(np.clip((after - before) / (2 * bend), -0.5, 0.5))
    return np.stack(offsets, 1)


def _at(image: np.ndarray, xy: np.ndarray) -> np.ndarray:
    """Return the image between its pixels, [N, K] at xy [N, K, 2]."""
    places = xy.astype(np.float32)
    return cv2.remap(image, places[..., 0], places[..., 1], cv2.INTER_CUBIC)


def _roundness(image: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the lesser curvature of round maxima, and at which sigma.

    The lesser of both eigenvalues of the scale-normalised Hessian, its sign
    turned, where both are negative and it is 0.4 of the greater at least.
    """
    best = np.zeros_like(image)
    scale = np.zeros_like(image)
    for sigma in _SIGMAS:
        # Both negative at a maximum: the greater eigenvalue curves less.
        steep, flat = curvatures(*hessian(image, sigma))
        round_ = (flat < 0) & (flat < _ROUND * steep)
        value = np.where(round_, -flat * np.float32(sigma**2), 0)
        scale = np.where(value > best, np.float32(sigma), scale)
        best = np.maximum(best, value)
    return best, scale


def _texture(fine: np.ndarray, inside: np.ndarray) -> np.ndarray:
    """Return the mean fine detail near each pixel, float32 [h, w]."""
    detail = np.abs(fine - cv2.GaussianBlur(fine, (0, 0), 3))
    detail = np.minimum(np.where(inside, detail, 0), _BRIGHTEST_NOISE)
    level = _smooth(detail, 32)
    weight = _smooth(inside.astype(np.float32), 32)
    return level / np.maximum(weight, 0.05)


def _smooth(image: np.ndarray, sigma: float) -> np.ndarray:
    """Blur by a wide Gaussian, on a quarter of the pixels a side."""
    small = cv2.resize(
        image, None, fx=0.25, fy=0.25, interpolation=cv2.INTER_AREA
    )
    small = cv2.GaussianBlur(small, (0, 0), sigma / 4)
    return cv2.resize(small, image.shape[::-1], interpolation=cv2.INTER_LINEAR)
