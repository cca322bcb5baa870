"""Forgive the pixels that registration leaves between a pair."""

import itertools

import tensorflow as tf

from ffa_keras.losses.pixel import squared_loss

# What is wider than this is light, which says nothing of where vessels lie.
_DETAIL = 15


def nearest_shift(
    real: tf.Tensor, fake: tf.Tensor, tolerance: int
) -> tuple[tf.Tensor, tf.Tensor]:
    """Slide each real image to where the generated one is like it most.

    Of all shifts by whole pixels the one at which their details differ least,
    and the shortest of equal ones. Details alone: the exposure of an FFA is
    not in the photograph, and the pixel loss would follow its slopes. No
    gradient flows through the choice.

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
    inside = (slice(None), *(slice(tolerance, -tolerance),) * 2)
    wanted, given = _details(fake)[inside], _details(real)
    steps = range(-tolerance, tolerance + 1)
    nearest, least = real[inside], tf.fill(tf.shape(real)[:1], 1e9)
    for dy, dx in sorted(
        itertools.product(steps, steps), key=lambda s: s[0] ** 2 + s[1] ** 2
    ):
        top, left = tolerance + dy, tolerance + dx
        window = (
            slice(None),
            slice(top, top + height),
            slice(left, left + width),
        )
        loss = squared_loss(given[window], wanted)
        better = loss < least
        least = tf.where(better, loss, least)
        nearest = tf.where(better[:, None, None, None], real[window], nearest)
    return nearest, fake[inside]


def _details(images: tf.Tensor) -> tf.Tensor:
    images = tf.stop_gradient(images)
    return images - tf.nn.avg_pool2d(images, _DETAIL, 1, "SAME")
