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
