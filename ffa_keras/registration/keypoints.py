"""Scale-space points: the fast-Hessian detector of SURF (Bay et al. 2008)."""

import cv2
import numpy as np

MAX_POINTS = 1000

_OCTAVES = (
    (9, 15, 21, 27),
    (15, 27, 39, 51),
    (27, 51, 75, 99),
    (51, 99, 147, 195),
    (99, 195, 291, 387),
)
_LEAST_RESPONSE = 1e-5
_CELL = 48


def detect(
    image: np.ndarray, mask: np.ndarray, most: int = MAX_POINTS
) -> np.ndarray:
    """Find blob-like points, spread over the retina.

    Args:
        image: float32 [H, W], grey levels.
        mask: bool [H, W], where points may lie.
        most: number of points kept: from each 48x48 cell the strongest, then
            the second, and so on.

    Returns:
        float64 [N, 2], xy.
    """
    integral = cv2.integral((image / 255).astype(np.float32), sdepth=cv2.CV_64F)
    found = [
        _octave_maxima(integral, sizes, 2 * 2**octave)
        for octave, sizes in enumerate(_OCTAVES)
    ]
    points = np.concatenate([xy for xy, _ in found])
    strength = np.concatenate([response for _, response in found])
    column, row = np.rint(points).astype(int).T
    points, strength = points[mask[row, column]], strength[mask[row, column]]
    return points[_spread(points, strength, image.shape)[:most]]


def _octave_maxima(
    integral: np.ndarray, sizes: tuple[int, ...], step: int
) -> tuple[np.ndarray, np.ndarray]:
    """Return xy [N, 2] and response [N] of the maxima of one octave."""
    stack = np.stack([_response(integral, size, step) for size in sizes])
    _, height, width = stack.shape
    if min(height, width) < 3:
        return np.zeros((0, 2)), np.zeros(0)
    ring = np.ones((3, 3), np.uint8)
    around = np.stack([cv2.dilate(layer, ring) for layer in stack])
    around = np.maximum(np.maximum(around[:-2], around[1:-1]), around[2:])
    middle = stack[1:-1]
    peak = (middle >= around) & (middle > _LEAST_RESPONSE)
    peak[:, [0, -1]] = peak[:, :, [0, -1]] = False
    layer, row, column = np.nonzero(peak)
    centre = middle[layer, row, column]
    offset_x = _vertex(
        middle[layer, row, column - 1], centre, middle[layer, row, column + 1]
    )
    offset_y = _vertex(
        middle[layer, row - 1, column], centre, middle[layer, row + 1, column]
    )
    xy = np.stack([column + offset_x, row + offset_y], -1) * step
    return xy, centre


def _vertex(
    before: np.ndarray, centre: np.ndarray, after: np.ndarray
) -> np.ndarray:
    """Return where the parabola through three samples peaks, in [-.5, .5]."""
    curvature = before - 2 * centre + after
    slope = (after - before) / 2
    flat = curvature > -1e-12
    return np.where(
        flat, 0, np.clip(-slope / np.where(flat, -1, curvature), -0.5, 0.5)
    )


def _response(integral: np.ndarray, size: int, step: int) -> np.ndarray:
    """Return the determinant of the box-filter Hessian every `step` pixels.

    Dxx·Dyy - 0.81·Dxy², each filter over its area; 0 where the filter reaches
    over the edge of the image.
    """
    height, width = integral.shape[0] - 1, integral.shape[1] - 1
    lobe, half = size // 3, size // 2
    rows = np.arange(0, height, step)
    columns = np.arange(0, width, step)
    response = np.zeros((len(rows), len(columns)), np.float32)
    row_fits = (rows >= half) & (rows + half < height)
    column_fits = (columns >= half) & (columns + half < width)
    if not row_fits.any() or not column_fits.any():
        return response
    y, x = rows[row_fits], columns[column_fits]

    def box(left: int, top: int, box_width: int, box_height: int) -> np.ndarray:
        """Sum a box whose corner lies at an offset from each pixel."""
        y0, x0 = y + top, x + left
        low, high = integral[y0], integral[y0 + box_height]
        return (high - low)[:, x0 + box_width] - (high - low)[:, x0]

    side, middle = lobe - 1, lobe // 2
    across = 2 * lobe - 1
    dxx = box(-half, -side, size, across) - 3 * box(
        -middle, -side, lobe, across
    )
    dyy = box(-side, -half, across, size) - 3 * box(
        -side, -middle, across, lobe
    )
    dxy = (
        box(1, -lobe, lobe, lobe)
        + box(-lobe, 1, lobe, lobe)
        - box(-lobe, -lobe, lobe, lobe)
        - box(1, 1, lobe, lobe)
    )
    area = float(size * size)
    value = dxx * dyy / area**2 - 0.81 * (dxy / area) ** 2
    response[np.ix_(row_fits, column_fits)] = value
    return response


def _spread(
    points: np.ndarray, strength: np.ndarray, shape: tuple[int, ...]
) -> np.ndarray:
    """Return the order that takes the strongest of every cell first."""
    cell = (points // _CELL).astype(int) @ [1, shape[1] // _CELL + 1]
    by_cell = np.lexsort((-strength, cell))
    ordered = cell[by_cell]
    starts = np.searchsorted(ordered, ordered)
    rank = np.empty(len(points), int)
    rank[by_cell] = np.arange(len(points)) - starts
    return np.lexsort((-strength, rank))
