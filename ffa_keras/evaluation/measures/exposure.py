"""PSNR and L1 after the exposure has been fitted.

How bright an angiogram is was the operator's choice and does not stand in the
photograph. Plain PSNR and L1 measure it first of all; these do not.
"""

import numpy as np

from ffa_keras.evaluation.measures.base import Compare, Eye, Measure, Metric

_SECTION = "Pixels, exposure fitted"
_METRICS = (
    Metric("psnr_fitted", "PSNR, exposure fitted (dB)", 2, 1, _SECTION),
    Metric("l1_fitted", "L1, exposure fitted (grey levels)", 2, -1, _SECTION),
)


def fit_exposure(
    real: np.ndarray, fake: np.ndarray, mask: np.ndarray
) -> np.ndarray:
    """Bring a prediction to the exposure of the real image.

    The gain, not below 0, and the offset are those of least squares inside the
    mask; a flat prediction becomes the real image's mean.

    Args:
        real: uint8 or float [H, W, 1].
        fake: likewise.
        mask: [H, W, 1], 0 where pixels must not count.

    Returns:
        float64 [H, W, 1], grey levels, not clipped.
    """
    inside = mask > 0
    if not inside.any():
        return fake.astype(np.float64)
    target, source = (x[inside].astype(np.float64) for x in (real, fake))
    centred = source - source.mean()
    # Sums of products, whose last digit, unlike BLAS's, no core decides.
    spread = float((centred * centred).sum())
    shared = float((centred * target).sum())
    gain = max(shared / spread, 0) if spread > 0 else 0.0
    return gain * (fake.astype(np.float64) - source.mean()) + target.mean()


def compare_exposure(eye: Eye) -> Compare:
    """Return the function that compares predictions but for their exposure.

    Args:
        eye: its `real` and `mask` are used.

    Returns:
        From a prediction, uint8 [H, W, 1], to what `fitted_errors` returns.
    """
    return lambda prediction: fitted_errors(eye.real, prediction, eye.mask)


EXPOSURE = Measure("exposure", _METRICS, compare_exposure)


def fitted_errors(
    real: np.ndarray, fake: np.ndarray, mask: np.ndarray
) -> dict[str, float]:
    """Compare images but for their exposure.

    Args:
        real: uint8 [H, W, 1].
        fake: uint8 [H, W, 1].
        mask: [H, W, 1], 0 outside the overlap of both fields of view.

    Returns:
        `psnr_fitted` (dB, infinite for equal images) and `l1_fitted` (grey
        levels) inside the mask, after `fit_exposure`; NaN for an empty mask.
    """
    inside = mask > 0
    if not inside.any():
        return {"psnr_fitted": float("nan"), "l1_fitted": float("nan")}
    errors = (fit_exposure(real, fake, mask) - real)[inside]
    square = float((errors**2).mean())
    # What is left of equal images is rounding.
    psnr = 10 * np.log10(255**2 / square) if square > 1e-18 else np.inf
    return {
        "psnr_fitted": float(psnr),
        "l1_fitted": float(np.abs(errors).mean()),
    }
