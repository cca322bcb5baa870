"""Saliency loss: leakage, vessels and disc stand out alike (paper, Eq. 7)."""

import math

import tensorflow as tf

from ffa_keras.ops import PAPER_WINDOW, saliency_map, to_grey_levels


# Compiled by XLA whatever the caller is: the median then costs a fraction.
@tf.function(jit_compile=True, autograph=False)
def saliency_loss(
    real: tf.Tensor,
    fake: tf.Tensor,
    windows: tuple[int, ...] = (PAPER_WINDOW,),
) -> tf.Tensor:
    """Return the squared difference of the saliency maps of two images.

    The maps are in grey levels (Eq. 1 with a = 1), the scale on which the
    paper's weight of 1 balances the other terms. In a map of one window what
    is much larger than the window does not stand out; several windows see
    leaks of every size.

    Args:
        real: float32 tensor [B, H, W, 1] in [-1, 1], the real FFA; no gradient
            flows to it.
        fake: float32 tensor [B, H, W, 1] in [-1, 1], the generated FFA.
        windows: sides of the median's window, odd, pixels; the loss is the
            mean over them. Both images are reduced, by means of squares of
            pixels, until a window is no wider than the paper's.

    Returns:
        float32 tensor [B], grey levels squared.
    """
    real = to_grey_levels(tf.stop_gradient(real))
    fake = to_grey_levels(fake)
    return tf.add_n([_loss(real, fake, side) for side in windows]) / len(
        windows
    )


def _loss(real: tf.Tensor, fake: tf.Tensor, window: int) -> tf.Tensor:
    factor = math.ceil(window / PAPER_WINDOW)
    window = 2 * round((window / factor - 1) / 2) + 1
    real_map, fake_map = (
        saliency_map(_reduced(image, factor), window=window)
        for image in (real, fake)
    )
    return tf.reduce_mean(
        tf.math.squared_difference(real_map, fake_map), axis=(1, 2, 3)
    )


def _reduced(images: tf.Tensor, factor: int) -> tf.Tensor:
    if factor == 1:
        return images
    return tf.nn.avg_pool2d(images, factor, factor, "SAME")
