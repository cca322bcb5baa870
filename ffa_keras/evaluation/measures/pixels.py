"""How far a predicted FFA is from the real one, pixel by pixel."""

import numpy as np
import tensorflow as tf

from ffa_keras.evaluation.measures.base import Compare, Eye, Measure, Metric
from ffa_keras.evaluation.metrics import l1, ms_ssim, psnr, ssim

_OTHER = "Other pixel measures"
_METRICS = (
    Metric("psnr_valid", "PSNR, valid area (dB)", 2, 1, "Summary", True),
    Metric("ssim_valid", "SSIM, valid area", 4, 1, "Summary", True),
    Metric("psnr", "PSNR, full frame (dB)", 2, 1, "Summary"),
    Metric("ssim", "SSIM, full frame", 4, 1, "Summary"),
    Metric("ms_ssim_valid", "MS-SSIM, valid area", 4, 1, _OTHER, True),
    Metric("l1_valid", "L1, valid area (grey levels)", 2, -1, _OTHER, True),
    Metric("ms_ssim", "MS-SSIM, full frame", 4, 1, _OTHER),
    Metric("l1", "L1, full frame (grey levels)", 2, -1, _OTHER),
)


def compare_pixels(eye: Eye) -> Compare:
    """Return the function that compares a prediction pixel by pixel.

    Args:
        eye: its `real` and `mask` are used.

    Returns:
        From a prediction, uint8 [H, W, 1], to `psnr` (dB), `ssim`, `ms_ssim`
        and `l1` (grey levels) over the full frame, and with `_valid` inside
        the mask: black borders flatter the former.
    """
    real, valid = tf.constant(eye.real[None]), tf.constant(eye.mask[None])

    def compare(prediction: np.ndarray) -> dict[str, float]:
        predicted = tf.constant(prediction[None])
        return {
            "psnr": float(psnr(real, predicted)[0]),
            "ssim": float(ssim(real, predicted)[0]),
            "ms_ssim": ms_ssim(eye.real, prediction),
            "l1": l1(eye.real, prediction),
            "psnr_valid": float(psnr(real, predicted, valid)[0]),
            "ssim_valid": float(ssim(real, predicted, valid)[0]),
            "ms_ssim_valid": ms_ssim(eye.real, prediction, eye.mask),
            "l1_valid": l1(eye.real, prediction, eye.mask),
        }

    return compare


PIXELS = Measure("pixels", _METRICS, compare_pixels)
