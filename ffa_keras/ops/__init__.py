"""Pure TensorFlow image operations: filters, saliency, similarity, ranges."""

from ffa_keras.ops.filters import gaussian_filter2d
from ffa_keras.ops.median import median_filter2d
from ffa_keras.ops.ranges import (
    from_grey_levels,
    to_grey_levels,
    to_picture,
)
from ffa_keras.ops.saliency import (
    PAPER_WINDOW,
    picture_saliency,
    saliency_map,
)
from ffa_keras.ops.similarity import psnr, psnr_fitted, ssim

__all__ = [
    "PAPER_WINDOW",
    "from_grey_levels",
    "gaussian_filter2d",
    "median_filter2d",
    "picture_saliency",
    "psnr",
    "psnr_fitted",
    "saliency_map",
    "ssim",
    "to_grey_levels",
    "to_picture",
]
