"""What a generated FFA is judged by, image by image."""

import numpy as np
import tensorflow as tf

from ffa_keras.evaluation.leakage import leakage_agreement
from ffa_keras.evaluation.ms_ssim import ms_ssim
from ffa_keras.evaluation.vessels import vessel_agreement
from ffa_keras.ops import psnr, ssim

__all__ = ["judge", "l1", "psnr", "ssim"]


def judge(
    real: np.ndarray,
    fake: np.ndarray,
    mask: np.ndarray,
    leakage: np.ndarray | None = None,
) -> dict[str, float]:
    """Compare a generated FFA with the real one.

    Args:
        real: uint8 [H, W, 1].
        fake: uint8 [H, W, 1].
        mask: uint8 [H, W, 1], 0 outside the overlap of both fields of view.
        leakage: uint8 [H, W, 1], not 0 where the eye leaks, if known.

    Returns:
        `psnr` (dB), `ssim`, `ms_ssim` and `l1` (grey levels) over the full
        frame, and with `_valid` inside the mask: black borders flatter the
        former; and what `vessel_agreement` and `leakage_agreement` return.
    """
    first, second, valid = (tf.constant(x[None]) for x in (real, fake, mask))
    return {
        "psnr": float(psnr(first, second)[0]),
        "ssim": float(ssim(first, second)[0]),
        "ms_ssim": ms_ssim(real, fake),
        "l1": l1(real, fake),
        "psnr_valid": float(psnr(first, second, valid)[0]),
        "ssim_valid": float(ssim(first, second, valid)[0]),
        "ms_ssim_valid": ms_ssim(real, fake, mask),
        "l1_valid": l1(real, fake, mask),
        **vessel_agreement(real, fake, mask),
        **leakage_agreement(real, fake, mask, leakage),
    }


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
