"""Structural loss: what SSIM falls short of 1 (Hervella 2018 and 2019)."""

import tensorflow as tf

from ffa_keras.ops import ssim, to_grey_levels


def structural_loss(real: tf.Tensor, fake: tf.Tensor) -> tf.Tensor:
    """Return 1 - SSIM of two images.

    Args:
        real: float32 tensor [B, H, W, 1] in [-1, 1], the real FFA, H and W at
            least 11.
        fake: float32 tensor [B, H, W, 1] in [-1, 1], the generated FFA.

    Returns:
        float32 tensor [B], 0 to 2.
    """
    return 1.0 - ssim(to_grey_levels(real), to_grey_levels(fake))
