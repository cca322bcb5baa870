"""Fits that survive wrong matches: RANSAC, EM and robust point matching."""

import math

import cv2
import numpy as np

from ffa_keras.registration.polynomial import Polynomial, fit_polynomial

_RANSAC_RADIUS = 8.0
_EM_ROUNDS = 60
_INLIER_CHANCE = 0.75

# Robust point matching (Wang et al. 2015): annealing and regularisation.
_RPM_ROUNDS = 55
_RPM_AFFINE_ROUNDS = 14
_RPM_COOLING = 0.75
_RPM_AFFINE_WEIGHT = 0.0005
_RPM_SMOOTH_WEIGHT = 0.1
_RPM_KERNEL_WIDTH = 10.0
_RPM_KERNEL_RANK = 15
_RPM_INLIER = 0.93
_RPM_INNER_ROUNDS = 30


def ransac_similarity(source: np.ndarray, target: np.ndarray) -> np.ndarray:
    """Find the matches that agree on a similarity transform.

    Args:
        source: float64 [N, 2].
        target: float64 [N, 2].

    Returns:
        bool [N]; nowhere true where no similarity has two followers.
    """
    if len(source) < 3:
        return np.zeros(len(source), bool)
    _, agrees = cv2.estimateAffinePartial2D(
        source,
        target,
        method=cv2.RANSAC,
        ransacReprojThreshold=_RANSAC_RADIUS,
        maxIters=5000,
        confidence=0.9999,
    )
    if agrees is None:
        return np.zeros(len(source), bool)
    return agrees.ravel() > 0


def em_fit(
    source: np.ndarray,
    target: np.ndarray,
    start: np.ndarray,
    order: int,
    floor: float,
    area: float | None = None,
) -> tuple[Polynomial, np.ndarray, float]:
    """Fit a polynomial among matches of which some are uniformly wrong.

    A mixture of a Gaussian around the map and a uniform density over `area`,
    by expectation maximisation.

    Args:
        source: float64 [N, 2].
        target: float64 [N, 2].
        start: bool [N], the matches of the first fit; enough for the order.
        order: 1 affine, 2 quadratic.
        floor: least sigma, pixels.
        area: over which wrong targets spread, pixels²; `None`: the bounding
            box of the targets.

    Returns:
        The map source → target; inliers, bool [N]; sigma per axis, pixels.
    """
    if area is None:
        area = float(np.prod(np.ptp(target, axis=0) + 1))
    chance, share = start.astype(np.float64), 0.7
    fit = fit_polynomial(source, target, order, chance)
    sigma2 = math.inf
    for _ in range(_EM_ROUNDS):
        square = ((fit(source) - target) ** 2).sum(1)
        previous = sigma2
        sigma2 = float((chance * square).sum() / (2 * chance.sum()))
        sigma2 = max(sigma2, floor**2)
        density = np.exp(-square / (2 * sigma2)) / (2 * np.pi * sigma2)
        chance = share * density / (share * density + (1 - share) / area)
        share = float(np.clip(chance.mean(), 0.01, 0.99))
        if chance.sum() < 1e-6:
            break
        fit = fit_polynomial(source, target, order, chance)
        if abs(previous - sigma2) < 1e-6 * sigma2:
            break
    return fit, chance > _INLIER_CHANCE, math.sqrt(sigma2)


def rpm_inliers(source: np.ndarray, target: np.ndarray) -> np.ndarray:
    """Find right matches by robust point matching with annealing.

    Displacements between the normalised sets are fitted under a Gaussian
    L2E loss whose width shrinks by a quarter each round: first by an affine
    map, then by a smooth one in the 15 leading modes of a Gaussian kernel.
    Each round is solved by re-weighted least squares.

    Args:
        source: float64 [N, 2].
        target: float64 [N, 2].

    Returns:
        bool [N].
    """
    count = len(source)
    if count < 4:
        return np.zeros(count, bool)
    sigma2 = float(
        count * (source**2).sum()
        + count * (target**2).sum()
        - 2 * source.sum(0) @ target.sum(0)
    ) / (2 * count**2)
    moved, closeness = source, np.ones(count)
    goal, goal_mean, goal_scale = _normalised(target)
    for round_index in range(_RPM_ROUNDS):
        points, _, _ = _normalised(moved)
        if round_index < _RPM_AFFINE_ROUNDS:
            basis = np.concatenate([points, np.ones((count, 1))], 1)
            penalty = _RPM_AFFINE_WEIGHT * basis.T @ basis
        else:
            basis, values = _kernel_modes(points)
            penalty = _RPM_SMOOTH_WEIGHT * np.diag(values)
        displacement, closeness = l2e_displacement(
            basis, penalty, goal - points, sigma2
        )
        moved = (points + displacement) * goal_scale + goal_mean
        sigma2 *= _RPM_COOLING
    return closeness > _RPM_INLIER


def _normalised(points: np.ndarray) -> tuple[np.ndarray, np.ndarray, float]:
    mean = points.mean(0)
    centred = points - mean
    scale = max(math.sqrt((centred**2).sum() / len(points)), 1e-9)
    return centred / scale, mean, scale


def _kernel_modes(points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return eigenvectors times eigenvalues [N, 15], and eigenvalues [15]."""
    square = ((points[:, None] - points[None]) ** 2).sum(-1)
    values, vectors = np.linalg.eigh(np.exp(-square / _RPM_KERNEL_WIDTH**2 / 2))
    values, vectors = values[::-1], vectors[:, ::-1]
    kept = values[:_RPM_KERNEL_RANK]
    return vectors[:, :_RPM_KERNEL_RANK] * kept, np.maximum(kept, 0)


def l2e_displacement(
    basis: np.ndarray, penalty: np.ndarray, goal: np.ndarray, sigma2: float
) -> tuple[np.ndarray, np.ndarray]:
    """Minimise the regularised L2E loss over displacements basis·C.

    Minimises tr(CᵀPC)/2 - 2/(2πNσ²) Σ exp(-|goal - basis·C|²/2σ²). Where the
    gradient is zero, C solves a least-squares problem weighted by the
    exponentials, which is iterated.

    Args:
        basis: float64 [N, K].
        penalty: P, float64 [K, K], symmetric and not negative.
        goal: float64 [N, 2].
        sigma2: σ², the square of the width of the loss.

    Returns:
        The displacements [N, 2] and the exponentials [N].
    """
    count = len(goal)
    coefficients = np.zeros((basis.shape[1], 2))
    # Keeps the system solvable where the modes have faded to nothing.
    ridge = 1e-12 * np.eye(len(penalty)) * max(np.trace(penalty), 1e-12)
    for _ in range(_RPM_INNER_ROUNDS):
        square = ((goal - basis @ coefficients) ** 2).sum(1)
        closeness = np.exp(-square / (2 * sigma2))
        weighted = basis.T * (closeness / (np.pi * count * sigma2**2))
        previous = coefficients
        coefficients = np.linalg.lstsq(
            weighted @ basis + penalty + ridge, weighted @ goal, rcond=None
        )[0]
        if np.abs(coefficients - previous).max() < 1e-9:
            break
    square = ((goal - basis @ coefficients) ** 2).sum(1)
    return basis @ coefficients, np.exp(-square / (2 * sigma2))
