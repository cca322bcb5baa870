"""PIIFD: descriptors that do not see contrast inversion (Chen et al. 2010)."""

import cv2
import numpy as np

_SAMPLES = 40
_CELLS = 4
_BINS = 8
_WINDOW = 15
# So few windows that their samples stay in the processor's cache.
_AT_ONCE = 64


def ridge_orientations(image: np.ndarray, xy: np.ndarray) -> np.ndarray:
    """Return the main orientation around points, by averaged squared gradients.

    Args:
        image: float32 [H, W].
        xy: float64 [N, 2].

    Returns:
        float64 [N], radians in [0, π): along the ridges.
    """
    gx, gy = _gradients(image)
    box = (_WINDOW, _WINDOW)
    xx, yy, both = (cv2.blur(g, box) for g in (gx * gx, gy * gy, gx * gy))
    column, row = np.rint(xy).astype(int).T
    angle = 0.5 * np.arctan2(2 * both, xx - yy)[row, column]
    return np.mod(angle + np.pi / 2, np.pi)


def describe(
    image: np.ndarray,
    xy: np.ndarray,
    angles: np.ndarray | float,
    half_width: float,
    symmetric: bool = False,
) -> np.ndarray:
    """Describe points by histograms of gradient orientation modulo π.

    A window of 40x40 samples, turned by the angle of the point, is divided into
    4x4 cells of 8 bins over [0, π). Magnitudes are replaced by their rank in
    the window, in five classes 0, 1/4 ... 1, and weighted by a Gaussian.

    Args:
        image: float32 [H, W].
        xy: float64 [N, 2].
        angles: radians, [N] or one for all.
        half_width: half the side of the window, pixels.
        symmetric: whether a point turned by π has the same descriptor, as it
            must where `angles` are known modulo π.

    Returns:
        float32 [N, 128], of unit length.
    """
    gradients = _gradients(cv2.GaussianBlur(image, (0, 0), 1))
    angles = np.broadcast_to(np.asarray(angles, np.float64), len(xy))
    spatial = _spatial_weights()
    histogram = np.empty((len(xy), _CELLS**2, _BINS), np.float32)
    for first in range(0, len(xy), _AT_ONCE):
        some = slice(first, first + _AT_ONCE)
        histogram[some] = _histograms(
            gradients, xy[some], angles[some], half_width, spatial
        )
    if symmetric:
        histogram = _half_turn_invariant(histogram)
    flat = histogram.reshape(len(xy), _CELLS**2 * _BINS)
    length = np.linalg.norm(flat, axis=1, keepdims=True)
    return flat / np.maximum(length, 1e-9)


def _histograms(
    gradients: tuple[np.ndarray, np.ndarray],
    xy: np.ndarray,
    angles: np.ndarray,
    half_width: float,
    spatial: np.ndarray,
) -> np.ndarray:
    """Return the histograms of all cells of some windows, [N, 16, 8]."""
    map_x, map_y = _window_positions(xy, angles, half_width)
    x, y = (
        cv2.remap(gradient, map_x, map_y, cv2.INTER_LINEAR)
        for gradient in gradients
    )
    turned = np.arctan2(y, x) - angles[:, None].astype(np.float32)
    turned *= np.float32(1 / np.pi)
    position = (turned - np.floor(turned)) * _BINS
    # Ranks need no root, and that of OpenCV hangs on where in memory it lies.
    strength = _rank_classes(x * x + y * y)
    histogram = np.empty((len(xy), _CELLS**2, _BINS), np.float32)
    for bin_index in range(_BINS):
        distance = np.abs(position - bin_index)
        distance = np.minimum(distance, _BINS - distance)
        share = np.maximum(1 - distance, 0) * strength
        histogram[..., bin_index] = share @ spatial
    return histogram


def _gradients(image: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    difference = np.array([[-0.5, 0, 0.5]], np.float32)
    one = np.ones((1, 1), np.float32)
    edge = cv2.BORDER_REPLICATE
    return (
        cv2.sepFilter2D(image, -1, difference, one, borderType=edge),
        cv2.sepFilter2D(image, -1, one, difference, borderType=edge),
    )


def _window_positions(
    xy: np.ndarray, angles: np.ndarray, half_width: float
) -> tuple[np.ndarray, np.ndarray]:
    """Return x and y of the samples of all windows, float32 [N, 1600]."""
    axis = (np.arange(_SAMPLES) + 0.5) / _SAMPLES * 2 - 1
    grid_v, grid_u = np.meshgrid(axis, axis, indexing="ij")
    u, v = half_width * grid_u.ravel(), half_width * grid_v.ravel()
    cosine, sine = np.cos(angles)[:, None], np.sin(angles)[:, None]
    return (
        (xy[:, :1] + cosine * u - sine * v).astype(np.float32),
        (xy[:, 1:] + sine * u + cosine * v).astype(np.float32),
    )


def _rank_classes(squared: np.ndarray) -> np.ndarray:
    """Return 0 for the weakest fifth of a window ... 1 for the strongest.

    Args:
        squared: magnitudes of the gradient, squared, [N, K].
    """
    count = squared.shape[1]
    fifths = [count * k // 5 for k in range(1, 5)]
    # For rows this short a sort is faster than a partition.
    limits = np.sort(squared, axis=1)[:, fifths]
    classes = np.zeros_like(squared)
    for limit in limits.T:
        classes += squared > limit[:, None]
    return classes / 4


def _spatial_weights() -> np.ndarray:
    """Return the Gaussian times the bilinear share in each cell, [1600, 16]."""
    position = (np.arange(_SAMPLES) + 0.5) / _SAMPLES * _CELLS - 0.5
    share = np.maximum(
        1 - np.abs(position[:, None] - np.arange(_CELLS)[None, :]), 0
    )
    axis = (np.arange(_SAMPLES) + 0.5) / _SAMPLES * 2 - 1
    share = share * np.exp(-(axis**2) / 2)[:, None]
    weights = np.einsum("ia,jb->ijab", share, share)
    return weights.reshape(_SAMPLES**2, _CELLS**2).astype(np.float32)


def _half_turn_invariant(histogram: np.ndarray) -> np.ndarray:
    """Combine each histogram with itself turned by π, [N, 16, 8]."""
    grid = histogram.reshape(-1, _CELLS, _CELLS, _BINS)
    turned = grid[:, ::-1, ::-1]
    total = (grid + turned)[:, : _CELLS // 2]
    contrast = np.abs(grid - turned)[:, : _CELLS // 2]
    largest = contrast.max(axis=(1, 2, 3), keepdims=True)
    gain = total.max(axis=(1, 2, 3), keepdims=True) / np.maximum(largest, 1e-9)
    return np.concatenate([total, gain * contrast], axis=1)
