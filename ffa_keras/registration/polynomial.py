"""Affine and quadratic maps of the plane."""

import dataclasses
from collections.abc import Callable

import numpy as np

Mapping = Callable[[np.ndarray], np.ndarray]


@dataclasses.dataclass(frozen=True)
class Polynomial:
    """A map of the plane, `[u v] = [1 x y (x² xy y²)] C`.

    Attributes:
        centre: float64 [2], subtracted from xy first.
        scale: divides xy after that, so that C is well conditioned.
        coefficients: C, float64 [3, 2] if affine or [6, 2] if quadratic.
    """

    centre: np.ndarray
    scale: float
    coefficients: np.ndarray

    def __call__(self, xy: np.ndarray) -> np.ndarray:
        """Map points [..., 2]."""
        terms = len(self.coefficients)
        return _monomials((xy - self.centre) / self.scale, terms) @ (
            self.coefficients
        )

    def rescaled(
        self, source_scale: float, target_scale: float
    ) -> "Polynomial":
        """Return the same map between images before they were scaled.

        Args:
            source_scale: scaled size over native size of the source.
            target_scale: scaled size over native size of the target.
        """
        coefficients = self.coefficients / target_scale
        coefficients[0] += 0.5 / target_scale - 0.5
        return Polynomial(
            (self.centre + 0.5) / source_scale - 0.5,
            self.scale / source_scale,
            coefficients,
        )


def fit_polynomial(
    source: np.ndarray,
    target: np.ndarray,
    order: int,
    weights: np.ndarray | None = None,
) -> Polynomial:
    """Fit a polynomial map by weighted least squares.

    Args:
        source: [N, 2], N at least 3 (order 1) or 6 (order 2).
        target: [N, 2].
        order: 1 affine, 2 quadratic.
        weights: [N], non-negative, or `None` for equal weights.

    Returns:
        The map source → target.
    """
    centre = source.mean(0)
    scale = max(float(np.abs(source - centre).max()), 1.0)
    root = np.ones(len(source)) if weights is None else np.sqrt(weights)
    design = _monomials((source - centre) / scale, 3 if order == 1 else 6)
    coefficients, *_ = np.linalg.lstsq(
        design * root[:, None], target * root[:, None], rcond=None
    )
    return Polynomial(centre, scale, coefficients)


def _monomials(xy: np.ndarray, terms: int) -> np.ndarray:
    x, y = xy[..., 0], xy[..., 1]
    return np.stack([np.ones_like(x), x, y, x * x, x * y, y * y][:terms], -1)
