"""The saliency map of an FFA image (paper, section 2.2, Eq. 1)."""

import tensorflow as tf

from ffa_keras.ops.filters import gaussian_filter2d
from ffa_keras.ops.median import median_filter2d

# The median window is wider than any vessel and narrower than the optic disc.
_BACKGROUND_WINDOW = 51
_DENOISING_WINDOW = 7


def saliency_map(images: tf.Tensor, gain: float = 1.0) -> tf.Tensor:
    """Return what stands out: `gain (Gauss_7x7(I) - median_51x51(I))`.

    Args:
        images: uint8, int32 (for TensorFlow Lite) or float tensor
            [B, H, W, C], grey levels 0-255.
        gain: the factor `a` of Eq. 1. Defaults to `1`.

    Returns:
        float32 tensor [B, H, W, C], grey levels; positive on vessels, disc and
        leakage. Differentiable in `images`.
    """
    images = tf.convert_to_tensor(images)
    background = median_filter2d(images, _BACKGROUND_WINDOW)
    details = gaussian_filter2d(images, _DENOISING_WINDOW)
    return gain * (details - tf.cast(background, tf.float32))
