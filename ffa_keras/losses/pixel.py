"""Pixel losses: mean absolute (paper, Eq. 5) and squared difference."""

import tensorflow as tf


def pixel_loss(real: tf.Tensor, fake: tf.Tensor) -> tf.Tensor:
    """Return the L1 distance between two images, averaged over pixels.

    Args:
        real: float32 tensor [B, H, W, C] in [-1, 1], the real image.
        fake: float32 tensor [B, H, W, C] in [-1, 1], the generated one.

    Returns:
        float32 tensor [B], 0 to 2.
    """
    return tf.reduce_mean(tf.abs(real - fake), axis=(1, 2, 3))


def squared_loss(real: tf.Tensor, fake: tf.Tensor) -> tf.Tensor:
    """Return the squared L2 distance between two images, averaged over pixels.

    Args:
        real: float32 tensor [B, H, W, C] in [-1, 1], the real image.
        fake: float32 tensor [B, H, W, C] in [-1, 1], the generated one.

    Returns:
        float32 tensor [B], 0 to 4.
    """
    return tf.reduce_mean(tf.math.squared_difference(real, fake), (1, 2, 3))
