"""The two value ranges of the project and the way between them.

Networks see and produce [-1, 1] (the generator ends in tanh); saliency,
metrics, files and exports speak grey levels, 0-255.
"""

import tensorflow as tf


def to_grey_levels(images: tf.Tensor) -> tf.Tensor:
    """Map network values in [-1, 1] to grey levels in [0, 255].

    Args:
        images: float tensor of any shape, values in [-1, 1].

    Returns:
        float32 tensor of the same shape, grey levels.
    """
    return (tf.cast(images, tf.float32) + 1.0) * 127.5


def from_grey_levels(images: tf.Tensor) -> tf.Tensor:
    """Map grey levels in [0, 255] to network values in [-1, 1].

    Args:
        images: uint8 or float tensor of any shape, grey levels.

    Returns:
        float32 tensor of the same shape, values in [-1, 1].
    """
    return tf.cast(images, tf.float32) / 127.5 - 1.0


def to_picture(images: tf.Tensor) -> tf.Tensor:
    """Round grey levels to those of a picture.

    Args:
        images: float tensor of any shape, grey levels.

    Returns:
        uint8 tensor of the same shape; what is beyond 0 or 255 is cut there.
    """
    return tf.cast(tf.round(tf.clip_by_value(images, 0.0, 255.0)), tf.uint8)
