"""A pool of generated images, which steadies CycleGAN's discriminators."""

from typing import Any

import keras
import tensorflow as tf


class ImagePool(keras.layers.Layer):
    """Answer with the image given or with an older one, and keep the new one.

    Shrivastava et al. 2017, as in CycleGAN: the pool first fills up, answering
    with what it is given; then each image is, with probability 1/2, exchanged
    for one of the pool. The choices follow from the seed and from the number
    of images seen, so a resumed run makes the same ones. There is one pool for
    all replicas: it is given their images in turn.

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
        # Every replica keeps the same pool, so each sees the images of all.
        context = tf.distribute.get_replica_context()
        count = images.shape[0]
        given = context.all_gather(images, axis=0)
        kept = tf.convert_to_tensor(self.kept)
        number = tf.convert_to_tensor(self.seen)
        answers = []
        # One after the other: the second may be given the first's picture.
        for image in tf.unstack(given, count * context.num_replicas_in_sync):
            answer, kept = self._exchange(image, kept, number)
            answers.append(answer)
            number += 1
        self.kept.assign(kept)
        self.seen.assign(number)
        first = context.replica_id_in_sync_group * count
        return tf.stack(answers)[first : first + count]

    def _exchange(
        self, image: tf.Tensor, kept: tf.Tensor, number: tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """Return the answer to the image of this number, and the pool then."""
        seed = tf.stack([tf.constant(self.seed, tf.int64), number])
        coin, place = tf.unstack(tf.random.stateless_uniform([2], seed))
        filling = number < self.size
        drawn = tf.cast(place * self.size, tf.int64)
        slot = tf.where(filling, number, drawn)
        older = kept[slot]
        exchanged = ~filling & (coin < 0.5)
        stored = tf.where(filling | exchanged, image, older)
        kept = tf.tensor_scatter_nd_update(kept, [[slot]], stored[None])
        return tf.where(exchanged, older, image), kept
