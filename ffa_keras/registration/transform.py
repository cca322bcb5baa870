"""Transforms between a fundus photograph and its FFA: fit, parse, warp.

Coordinates are (x, y) in pixels, the centre of the first pixel at (0, 0). A
matrix maps fundus xy → FFA xy. Images are warped onto the frame of the FFA, so
the sampling functions take the way back, FFA xy → fundus xy.
"""

import itertools
import math

import cv2
import numpy as np

from ffa_keras.errors import InputError
from ffa_keras.registration.polynomial import Mapping, fit_polynomial

_MAX_TRIPLES = 2500
_MIN_ROBUST = 6
# Landmarks are clicked on whole pixels: no label is better than this.
_LABEL_NOISE = 1.0
# Tukey's constant: 95 % efficiency if the noise is Gaussian.
_TUKEY = 4.685
# OpenCV's cubic weights are tabled for 32 steps of a pixel.
_SUBPIXEL = 1 / 64
_STRIP = 256


def apply_matrix(matrix: np.ndarray, xy: np.ndarray) -> np.ndarray:
    """Map points [..., 2] by a 3x3 projective matrix."""
    mapped = xy @ matrix[:, :2].T + matrix[:, 2]
    return mapped[..., :2] / mapped[..., 2:]


def scaling(scale: float) -> np.ndarray:
    """Return the matrix that scales an image about its corner."""
    offset = 0.5 * scale - 0.5
    return np.array([[scale, 0, offset], [0, scale, offset], [0, 0, 1.0]])


def parse_affine(text: str) -> np.ndarray:
    """Read an affine transform, fundus xy → FFA xy.

    Args:
        text: "m11 m12 m13 m21 m22 m23", separated by spaces or commas.

    Returns:
        float64 [3, 3].

    Raises:
        InputError: not six finite numbers, or they squeeze the plane flat.
    """
    numbers = _numbers(text)
    if len(numbers) != 6:
        raise InputError(
            f"affine {text!r}: not six numbers; write m11 m12 m13 m21 m22 m23"
        )
    return _regular([*numbers, 0, 0, 1], text)


def parse_matrix(text: str) -> np.ndarray:
    """Read an affine or projective transform, fundus xy → FFA xy.

    Args:
        text: six or nine numbers, row by row, separated by spaces or commas.

    Returns:
        float64 [3, 3].

    Raises:
        InputError: neither six nor nine finite numbers, or they squeeze the
            plane flat.
    """
    numbers = _numbers(text)
    if len(numbers) == 6:
        numbers = [*numbers, 0, 0, 1]
    if len(numbers) != 9:
        raise InputError(
            f"matrix {text!r}: give six numbers (affine) or nine (projective),"
            " row by row"
        )
    return _regular(numbers, text)


def _numbers(text: str) -> list[float]:
    """Return the finite numbers of a text, none if anything else is in it."""
    try:
        numbers = [float(word) for word in text.replace(",", " ").split()]
    except ValueError:
        return []
    return numbers if np.isfinite(numbers).all() else []


def _regular(numbers: list[float], text: str) -> np.ndarray:
    matrix = np.reshape(numbers, (3, 3)).astype(np.float64)
    if abs(np.linalg.det(matrix)) < 1e-6:
        raise InputError(
            f"transform {text!r}: maps the image to a line; check the order of"
            " the numbers, m11 m12 m13 m21 m22 m23"
        )
    return matrix


def fit_landmarks(fundus_xy: np.ndarray, ffa_xy: np.ndarray) -> np.ndarray:
    """Fit an affine transform to hand-marked landmarks, some of them wrong.

    With six points or more, the affine through three points with the least
    median residual starts a re-weighted fit with Tukey's weights, which
    ignores labels far off the others. With fewer, plain least squares.

    Args:
        fundus_xy: [N, 2], N at least 3.
        ffa_xy: [N, 2], the same places in the FFA.

    Returns:
        float64 [3, 3], fundus xy → FFA xy.

    Raises:
        InputError: too few points, unlike counts, or points on a line.
    """
    source, target = _checked_landmarks(fundus_xy, ffa_xy)
    weights = np.ones(len(source))
    if len(source) >= _MIN_ROBUST:
        matrix = _least_median_affine(source, target)
        for _ in range(20):
            weights = _tukey_weights(source, target, matrix)
            matrix = _affine(source, target, weights)
    matrix = _affine(source, target, weights)
    if abs(np.linalg.det(matrix)) < 1e-6:
        raise InputError("landmarks: the FFA points lie on a line; mark others")
    return matrix


def warp_to_ffa(
    fundus: np.ndarray, matrix: np.ndarray, shape: tuple[int, int]
) -> tuple[np.ndarray, np.ndarray]:
    """Warp a photograph onto the frame of its FFA; cubic, one resampling.

    Args:
        fundus: uint8 [H', W', C] or [H', W'].
        matrix: 3x3, fundus xy → FFA xy.
        shape: (H, W) of the FFA.

    Returns:
        The warped photograph, uint8 [H, W, C], black where it ends; and a bool
        [H, W], true where every sample used lies in the photograph.
    """
    back = np.linalg.inv(matrix)
    return sample(fundus, lambda xy: apply_matrix(back, xy), shape)


def sample(
    image: np.ndarray, back: Mapping, shape: tuple[int, int]
) -> tuple[np.ndarray, np.ndarray]:
    """Resample an image by a map of the plane; see `warp_to_ffa`.

    Args:
        image: uint8 [H', W', C] or [H', W'].
        back: maps xy of the result [..., 2] → xy of the image [..., 2].
        shape: (H, W) of the result.

    Returns:
        As `warp_to_ffa`.
    """
    warped = np.zeros((*shape, *image.shape[2:]), np.uint8)
    inside = np.zeros(shape, bool)
    last = np.array([image.shape[1], image.shape[0]]) - 1
    for top in range(0, shape[0], _STRIP):
        rows = slice(top, min(top + _STRIP, shape[0]))
        xy = back(pixel_grid(shape, rows))
        low = np.floor(xy + _SUBPIXEL)
        between = xy - low > _SUBPIXEL
        first_used, last_used = low - between, low + 2 * between
        inside[rows] = ((first_used >= 0) & (last_used <= last)).all(-1)
        # Beyond this OpenCV's fixed-point coordinates overflow.
        clipped = np.clip(xy, -1e4, last + 1e4)
        strip = resample(image, clipped, cv2.INTER_CUBIC)
        warped[rows] = strip.reshape(warped[rows].shape)
    return warped, inside


def resample(
    image: np.ndarray, map_xy: np.ndarray, interpolation: int
) -> np.ndarray:
    """Read an image at xy positions [H, W, 2], 0 outside it."""
    x, y = np.moveaxis(map_xy.astype(np.float32), -1, 0)
    return cv2.remap(image, x, y, interpolation)


def pixel_grid(shape: tuple[int, ...], rows: slice = slice(None)) -> np.ndarray:
    """Return the xy of the pixels of some rows, float64 [H, W, 2]."""
    y, x = np.arange(shape[0], dtype=np.float64)[rows], np.arange(shape[1])
    return np.stack(np.broadcast_arrays(x, y[:, None]), -1)


def _checked_landmarks(
    fundus_xy: np.ndarray, ffa_xy: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    points = [np.asarray(xy, np.float64) for xy in (fundus_xy, ffa_xy)]
    if any(xy.ndim != 2 or xy.shape[1] != 2 for xy in points):
        raise InputError("landmarks: not a list of [x, y]; give N such points")
    source, target = points
    if len(source) != len(target):
        raise InputError(
            f"landmarks: {len(source)} in the fundus but {len(target)} in the"
            " FFA; mark every place in both"
        )
    if len(source) < 3:
        raise InputError(
            f"landmarks: {len(source)} given; mark at least 3 places"
        )
    if not all(np.isfinite(xy).all() for xy in points):
        raise InputError("landmarks: not a number among them; correct it")
    spread = np.linalg.svd(source - source.mean(0), compute_uv=False)
    if spread[1] < 1e-3 * max(spread[0], 1.0):
        raise InputError(
            "landmarks: the fundus points lie on a line; mark places off it"
        )
    return source, target


def _affine(
    source: np.ndarray, target: np.ndarray, weights: np.ndarray
) -> np.ndarray:
    fit = fit_polynomial(source, target, order=1, weights=weights)
    matrix = np.eye(3)
    matrix[:2, :2] = fit.coefficients[1:].T / fit.scale
    matrix[:2, 2] = fit.coefficients[0] - matrix[:2, :2] @ fit.centre
    return matrix


def _residuals(
    source: np.ndarray, target: np.ndarray, matrix: np.ndarray
) -> np.ndarray:
    return np.linalg.norm(apply_matrix(matrix, source) - target, axis=-1)


def _least_median_affine(source: np.ndarray, target: np.ndarray) -> np.ndarray:
    """Return the affine through three points with the least median residual."""
    count = len(source)
    if math.comb(count, 3) <= _MAX_TRIPLES:
        triples = np.array(list(itertools.combinations(range(count), 3)))
    else:
        rng = np.random.default_rng(0)
        triples = rng.permuted(
            np.tile(np.arange(count), (_MAX_TRIPLES, 1)), axis=1
        )[:, :3]
    design = np.concatenate([source, np.ones((count, 1))], 1)
    corners = design[triples]
    areas = np.abs(np.linalg.det(corners))
    # Slim triangles of points extrapolate their noise.
    kept = areas >= np.quantile(areas, 0.5)
    fits = np.linalg.solve(corners[kept], target[triples[kept]])
    residuals = np.linalg.norm(design @ fits - target, axis=-1)
    best = np.argmin(np.sort(residuals, axis=1)[:, (count + 3) // 2])
    return np.vstack([fits[best].T, [0.0, 0.0, 1.0]])


def _tukey_weights(
    source: np.ndarray, target: np.ndarray, matrix: np.ndarray
) -> np.ndarray:
    residuals = _residuals(source, target, matrix)
    # The median length of a Gaussian 2-vector is 1.1774 sigma.
    sigma = max(float(np.median(residuals)) / 1.1774, _LABEL_NOISE)
    return np.clip(1 - (residuals / (_TUKEY * sigma)) ** 2, 0, None) ** 2
