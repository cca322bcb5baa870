"""What a generated FFA is judged by, image by image."""

import numpy as np
import tensorflow as tf

from ffa_keras.ops import psnr, ssim

__all__ = ["judge", "psnr", "ssim"]


def judge(
    real: np.ndarray, fake: np.ndarray, mask: np.ndarray
) -> dict[str, float]:
    """Compare a generated FFA with the real one.

    Args:
        real: uint8 [H, W, 1].
        fake: uint8 [H, W, 1].
        mask: uint8 [H, W, 1], 0 outside the overlap of both fields of view.

    Returns:
        `psnr` (dB) and `ssim` over the full frame, `psnr_valid` and
        `ssim_valid` inside the mask. Black borders flatter the former.
    """
    first, second, valid = (tf.constant(x[None]) for x in (real, fake, mask))
    return {
        "psnr": float(psnr(first, second)[0]),
        "ssim": float(ssim(first, second)[0]),
        "psnr_valid": float(psnr(first, second, valid)[0]),
        "ssim_valid": float(ssim(first, second, valid)[0]),
    }
