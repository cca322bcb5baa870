"""Pixel loss: mean absolute difference (paper, Eq. 5)."""

import tensorflow as tf


def pixel_loss(real: tf.Tensor, fake: tf.Tensor) -> tf.Tensor:
    """Return the L1 distance between two images, averaged over pixels.

    Args:
        real: float32 tensor [B, H, W, 1] in [-1, 1], the real FFA.
        fake: float32 tensor [B, H, W, 1] in [-1, 1], the generated FFA.

    Returns:
        float32 tensor [B], 0 to 2.
    """
    return tf.reduce_mean(tf.abs(real - fake), axis=(1, 2, 3))
