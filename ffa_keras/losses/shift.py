"""Forgive the pixels that registration leaves between a pair."""

import itertools

import tensorflow as tf

from ffa_keras.losses.pixel import pixel_loss


def nearest_shift(
    real: tf.Tensor, fake: tf.Tensor, tolerance: int
) -> tuple[tf.Tensor, tf.Tensor]:
    """Slide each real image to where the generated one is like it most.

    Of all shifts by whole pixels, the one with the least pixel loss, and the
    shortest of equal ones; it is the minimum of the loss over the shifts, so
    gradients are those of the loss at it.

    Args:
        real: float32 tensor [B, H, W, C], the real image.
        fake: float32 tensor [B, H, W, C], the generated one.
        tolerance: greatest shift along each axis, pixels; 0 changes nothing.

    Returns:
        The part of the real image that lies on the middle of the generated
        one, and that middle, both [B, H - 2 tolerance, W - 2 tolerance, C].
    """
    if not tolerance:
        return real, fake
    height = real.shape[1] - 2 * tolerance
    width = real.shape[2] - 2 * tolerance
    middle = fake[:, tolerance:-tolerance, tolerance:-tolerance]
    seen = tf.stop_gradient(middle)
    steps = range(-tolerance, tolerance + 1)
    nearest, least = tf.zeros_like(seen), tf.fill(tf.shape(seen)[:1], 1e9)
    for dy, dx in sorted(
        itertools.product(steps, steps), key=lambda s: s[0] ** 2 + s[1] ** 2
    ):
        top, left = tolerance + dy, tolerance + dx
        window = real[:, top : top + height, left : left + width]
        loss = pixel_loss(window, seen)
        better = loss < least
        least = tf.where(better, loss, least)
        nearest = tf.where(better[:, None, None, None], window, nearest)
    return nearest, middle
