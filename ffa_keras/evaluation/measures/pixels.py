"""How far a predicted FFA is from the real one, pixel by pixel."""

import numpy as np

from ffa_keras.evaluation.measures.base import Compare, Eye, Measure, Metric
from ffa_keras.evaluation.ms_ssim import Structure

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
    structure = Structure(eye.real, None, eye.mask)
    real = eye.real.astype(np.int32)

    def compare(prediction: np.ndarray) -> dict[str, float]:
        errors = np.abs(prediction - real)
        frame, valid = structure.compare(prediction)
        scores: dict[str, float] = {}
        for suffix, chosen, (ssim, ms_ssim) in (
            ("", errors, frame),
            ("_valid", errors[eye.mask], valid),
        ):
            scores |= {
                f"psnr{suffix}": _psnr(chosen),
                f"ssim{suffix}": ssim,
                f"ms_ssim{suffix}": ms_ssim,
                f"l1{suffix}": float(chosen.mean()) if chosen.size else np.nan,
            }
        return scores

    return compare


def _psnr(errors: np.ndarray) -> float:
    """Return the PSNR of absolute errors; infinite without any."""
    if not errors.size:
        return float("nan")
    square = float((errors**2).mean())
    return float(10 * np.log10(255**2 / square)) if square else float("inf")


PIXELS = Measure("pixels", _METRICS, compare_pixels)
