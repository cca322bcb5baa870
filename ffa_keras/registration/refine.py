"""Sub-pixel refinement: blocks of one vessel map sought in the other."""

import cv2
import numpy as np

from ffa_keras.registration.polynomial import (
    Mapping,
    Polynomial,
    fit_polynomial,
)
from ffa_keras.registration.robust import em_fit
from ffa_keras.registration.transform import pixel_grid, resample

_CELL = 16
_TEMPLATE_HALF = 20
_REACHES = (8, 4)
_LEAST_STRENGTH = 0.25
_LEAST_PEAK = 0.4
_LEAST_CURVATURE = 0.004
_SIGMA_FLOOR = 0.3
_AGREEING = 3.0
_MIN_QUADRATIC = 15
_MIN_AFFINE = 6


def refine(
    fixed: np.ndarray, moving: np.ndarray, start: Mapping
) -> tuple[Polynomial | None, np.ndarray, np.ndarray]:
    """Refine a map by local correlation of the vessel maps.

    Args:
        fixed: float32 [H, W], the vessel map of the FFA.
        moving: float32 [H', W'], the vessel map of the fundus.
        start: maps xy of `fixed` → xy of `moving`, good to a few pixels.

    Returns:
        The refined map, quadratic or affine as the data say, `None` if too few
        blocks are found; the blocks that agree with it, xy in `fixed` [N, 2]
        and in `moving` [N, 2].
    """
    current: Mapping = start
    points = np.zeros((0, 2))
    for reach in _REACHES:
        fit, points, targets = _refine_once(fixed, moving, current, reach)
        if fit is None:
            return None, points, targets
        current = fit
    return fit, points, targets


def count_agreeing(
    fixed: np.ndarray, moving: np.ndarray, transform: Mapping
) -> int:
    """Count the blocks that a transform puts in place, to 3 pixels.

    Args:
        fixed: float32 [H, W], the vessel map of the FFA.
        moving: float32 [H', W'], the vessel map of the fundus.
        transform: maps xy of `fixed` → xy of `moving`.
    """
    warped = _warped(moving, transform, fixed.shape)
    _, shifts = block_shifts(fixed, warped, _REACHES[0])
    return int((np.linalg.norm(shifts, axis=1) < _AGREEING).sum())


def _warped(
    moving: np.ndarray, transform: Mapping, shape: tuple[int, ...]
) -> np.ndarray:
    return resample(moving, transform(pixel_grid(shape)), cv2.INTER_LINEAR)


def _refine_once(
    fixed: np.ndarray, moving: np.ndarray, current: Mapping, reach: int
) -> tuple[Polynomial | None, np.ndarray, np.ndarray]:
    warped = _warped(moving, current, fixed.shape)
    points, shifts = block_shifts(fixed, warped, reach)
    # What lies at `points + shifts` of the warped map comes from here.
    targets = current(points + shifts)
    if len(points) < _MIN_AFFINE:
        return None, points, targets
    order = 2 if len(points) >= _MIN_QUADRATIC else 1
    fit, agrees, _ = em_fit(
        points,
        targets,
        np.ones(len(points), bool),
        order,
        _SIGMA_FLOOR,
        area=(2 * reach + 1) ** 2,
    )
    points, targets = points[agrees], targets[agrees]
    if len(points) < _MIN_AFFINE:
        return None, points, targets
    return _fit_by_evidence(points, targets), points, targets


def block_shifts(
    fixed: np.ndarray, warped: np.ndarray, reach: int
) -> tuple[np.ndarray, np.ndarray]:
    """Find where the vessels around points of one map lie in another.

    Args:
        fixed: float32 [H, W] in [0, 1].
        warped: float32 [H, W] in [0, 1], aligned to within `reach`.
        reach: how far to look, pixels.

    Returns:
        xy of the strongest point of each cell, [N, 2], and the shift to its
        counterpart, [N, 2]; only where the correlation has a clear peak.
    """
    smooth_fixed = cv2.GaussianBlur(fixed, (0, 0), 1)
    smooth_warped = cv2.GaussianBlur(warped, (0, 0), 1)
    points, shifts = [], []
    for x, y in _strongest_of_cells(fixed, _TEMPLATE_HALF + reach):
        template = _window(smooth_fixed, x, y, _TEMPLATE_HALF)
        region = _window(smooth_warped, x, y, _TEMPLATE_HALF + reach)
        if region.max() < _LEAST_STRENGTH:
            continue
        shift = _peak(cv2.matchTemplate(region, template, cv2.TM_CCOEFF_NORMED))
        if shift is not None:
            points.append((x, y))
            shifts.append(shift)
    return np.reshape(points, (-1, 2)) * 1.0, np.reshape(shifts, (-1, 2)) * 1.0


def _window(image: np.ndarray, x: int, y: int, half: int) -> np.ndarray:
    return image[y - half : y + half + 1, x - half : x + half + 1]


def _strongest_of_cells(
    vessels: np.ndarray, margin: int
) -> list[tuple[int, int]]:
    """Return x, y of the strongest vessel point of each cell, off the edge."""
    height, width = vessels.shape
    found = []
    for top in range(0, height, _CELL):
        for left in range(0, width, _CELL):
            cell = vessels[top : top + _CELL, left : left + _CELL]
            row, column = divmod(int(cell.argmax()), cell.shape[1])
            x, y = left + column, top + row
            near_edge = (
                min(x, y) < margin
                or x >= width - margin
                or y >= height - margin
            )
            if not near_edge and cell[row, column] >= _LEAST_STRENGTH:
                found.append((x, y))
    return found


def _peak(scores: np.ndarray) -> np.ndarray | None:
    """Return the sub-pixel shift of a correlation peak, `None` if unclear."""
    centre = scores.shape[0] // 2
    row, column = divmod(int(scores.argmax()), scores.shape[1])
    on_edge = not (
        0 < row < scores.shape[0] - 1 and 0 < column < scores.shape[1] - 1
    )
    if on_edge or scores[row, column] < _LEAST_PEAK:
        return None
    near = scores[row - 1 : row + 2, column - 1 : column + 2].astype(float)
    slope = np.array([near[1, 2] - near[1, 0], near[2, 1] - near[0, 1]]) / 2
    xx = near[1, 2] - 2 * near[1, 1] + near[1, 0]
    yy = near[2, 1] - 2 * near[1, 1] + near[0, 1]
    xy = (near[2, 2] - near[2, 0] - near[0, 2] + near[0, 0]) / 4
    hessian = np.array([[xx, xy], [xy, yy]])
    # Along a straight vessel the peak is a crest and its position is open.
    if np.linalg.eigvalsh(-hessian)[0] < _LEAST_CURVATURE:
        return None
    offset = np.clip(-np.linalg.solve(hessian, slope), -1, 1)
    return np.array([column, row]) - centre + offset


def _fit_by_evidence(points: np.ndarray, targets: np.ndarray) -> Polynomial:
    """Return the quadratic fit if it earns its parameters, else the affine.

    Schwarz's criterion decides; a quadratic also needs points in three of the
    four quadrants, since it extrapolates badly.
    """
    affine = fit_polynomial(points, targets, 1)
    sides = points > points.mean(0)
    quadrants = np.bincount(sides @ [1, 2], minlength=4)
    spread = (quadrants >= len(points) / 20).sum() >= 3
    if len(points) < _MIN_QUADRATIC or not spread:
        return affine
    quadratic = fit_polynomial(points, targets, 2)
    return min((affine, quadratic), key=lambda fit: _bic(fit, points, targets))


def _bic(fit: Polynomial, points: np.ndarray, targets: np.ndarray) -> float:
    numbers = targets.size
    variance = float(((fit(points) - targets) ** 2).sum() / numbers)
    return numbers * np.log(variance + 1e-6) + fit.coefficients.size * np.log(
        numbers
    )
