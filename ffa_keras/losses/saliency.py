"""Saliency loss: leakage, vessels and disc stand out alike (paper, Eq. 7)."""

import tensorflow as tf

from ffa_keras.ops import saliency_map, to_grey_levels


# Compiled by XLA whatever the caller is: the median then costs a fraction.
@tf.function(jit_compile=True, autograph=False)
def saliency_loss(real: tf.Tensor, fake: tf.Tensor) -> tf.Tensor:
    """Return the squared difference of the saliency maps of two images.

    The maps are in grey levels (Eq. 1 with a = 1), the scale on which the
    paper's weight of 1 balances the other terms.

    Args:
        real: float32 tensor [B, H, W, 1] in [-1, 1], the real FFA; no gradient
            flows to it.
        fake: float32 tensor [B, H, W, 1] in [-1, 1], the generated FFA.

    Returns:
        float32 tensor [B], grey levels squared.
    """
    real_map = saliency_map(to_grey_levels(tf.stop_gradient(real)))
    fake_map = saliency_map(to_grey_levels(fake))
    return tf.reduce_mean(
        tf.math.squared_difference(real_map, fake_map), axis=(1, 2, 3)
    )
