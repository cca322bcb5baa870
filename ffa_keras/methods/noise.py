"""Random numbers of a training step that do not depend on the replicas."""

import itertools

import tensorflow as tf

# Draws of random numbers in a step, and images, that have seeds of their own.
_MOST_DRAWS, _MOST_IMAGES = 2**10, 2**20


class Noise:
    """Normal random numbers, the same for an image on whichever replica.

    Args:
        seed: of the run.
        step: number of the training step, int64.
        count: images of this replica.
    """

    def __init__(self, seed: int, step: tf.Tensor, count: int):
        context = tf.distribute.get_replica_context()
        replica = tf.cast(context.replica_id_in_sync_group, tf.int64)
        first = step * _MOST_IMAGES + replica * count
        self._images = [first + number for number in range(count)]
        self._draws = itertools.count(seed * _MOST_DRAWS)

    def like(self, x: tf.Tensor) -> tf.Tensor:
        """Return standard normal numbers of the shape of x, [B, ...]."""
        draw = tf.constant(next(self._draws), tf.int64)
        normal = [
            tf.random.stateless_normal(tf.shape(x)[1:], tf.stack([draw, image]))
            for image in self._images
        ]
        return tf.cast(tf.stack(normal), x.dtype)

    def around(self, mean: tf.Tensor, log_variance: tf.Tensor) -> tf.Tensor:
        """Return numbers of that distribution, [B, ...]."""
        return mean + tf.exp(log_variance / 2) * self.like(mean)

    def on(self, structure: tf.Tensor) -> tf.Tensor:
        """Return a structure with noise, in which little can be hidden."""
        return structure + self.like(structure)
