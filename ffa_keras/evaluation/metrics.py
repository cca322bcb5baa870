"""Metrics of one prediction against the real image, in grey levels."""

import numpy as np

from ffa_keras.evaluation.ms_ssim import ms_ssim as ms_ssim
from ffa_keras.ops import psnr as psnr, ssim as ssim


def l1(
    real: np.ndarray, fake: np.ndarray, mask: np.ndarray | None = None
) -> float:
    """Return the mean absolute difference, grey levels.

    Args:
        real: uint8 or float [H, W, 1].
        fake: likewise.
        mask: [H, W, 1], 0 where pixels must not count; `None` counts all.

    Returns:
        0 to 255; NaN for an empty mask.
    """
    errors = np.abs(real.astype(np.float64) - fake)
    if mask is not None:
        errors = errors[mask > 0]
    return float(errors.mean()) if errors.size else float("nan")
