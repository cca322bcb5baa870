"""A pool of generated images, which steadies CycleGAN's discriminators."""

from typing import Any

import keras
import tensorflow as tf


class ImagePool(keras.layers.Layer):
    """Answer with the image given or with an older one, and keep the new one.

    Shrivastava et al. 2017, as in CycleGAN: the pool first fills up, answering
    with what it is given; then each image is, with probability 1/2, exchanged
    for one of the pool. The choices follow from the seed and from the number
    of images seen, so a resumed run makes the same ones.

    Args:
        size: images kept.
        shape: of an image, (H, W, C).
        seed: of the choices.
        **kwargs: of `keras.layers.Layer`.

    Call arguments:
        images: float32 tensor [B, H, W, C] with B known.

    Returns:
        float32 tensor [B, H, W, C].
    """

    def __init__(
        self, size: int, shape: tuple[int, int, int], seed: int, **kwargs: Any
    ) -> None:
        super().__init__(trainable=False, dtype="float32", **kwargs)
        self.size = size
        self.seed = seed
        self.kept = self.add_weight(
            name="kept",
            shape=(size, *shape),
            initializer="zeros",
            trainable=False,
        )
        self.seen = self.add_weight(
            name="seen",
            shape=(),
            dtype="int64",
            initializer="zeros",
            trainable=False,
        )
        self.built = True

    def call(self, images: tf.Tensor) -> tf.Tensor:
        # One after the other: the second may be given the first's picture.
        return tf.stack([self._exchange(image) for image in tf.unstack(images)])

    def _exchange(self, image: tf.Tensor) -> tf.Tensor:
        kept = tf.convert_to_tensor(self.kept)
        number = tf.convert_to_tensor(self.seen)
        seed = tf.stack([tf.constant(self.seed, tf.int64), number])
        coin, place = tf.unstack(tf.random.stateless_uniform([2], seed))
        filling = number < self.size
        drawn = tf.cast(place * self.size, tf.int64)
        slot = tf.where(filling, number, drawn)
        older = kept[slot]
        exchanged = ~filling & (coin < 0.5)
        stored = tf.where(filling | exchanged, image, older)
        self.kept.assign(
            tf.tensor_scatter_nd_update(kept, [[slot]], stored[None])
        )
        self.seen.assign(number + 1)
        return tf.where(exchanged, older, image)
