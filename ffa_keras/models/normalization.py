"""Layers that normalise by the moments of the image or the batch at hand."""

from collections.abc import Callable
from typing import Any

import keras
import tensorflow as tf

from ffa_keras.models.moments import mean_over_replicas, spatial_mean

Shape = tuple[int | None, ...]


class _Normalization(keras.layers.Layer):
    """`y = gamma (x - mean) / sqrt(variance + epsilon) + beta` in float32.

    Args:
        epsilon: added to the variance. Defaults to `1e-5`.
        **kwargs: of `keras.layers.Layer`.
    """

    gamma_initializer: str | dict[str, Any] = "ones"

    def __init__(self, epsilon: float = 1e-5, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.epsilon = epsilon

    def build(self, input_shape: Shape) -> None:
        shape = (input_shape[-1],)
        self.gamma = self.add_weight(
            name="gamma", shape=shape, initializer=self.gamma_initializer
        )
        self.beta = self.add_weight(
            name="beta", shape=shape, initializer="zeros"
        )

    def normalized(
        self, inputs: tf.Tensor, mean_of: Callable[[tf.Tensor], tf.Tensor]
    ) -> tf.Tensor:
        """Return the inputs by the moments that `mean_of` takes."""
        x = tf.cast(inputs, tf.float32)
        mean = mean_of(x)
        variance = mean_of(tf.math.squared_difference(x, mean))
        scale = tf.math.rsqrt(variance + self.epsilon)
        scale *= tf.cast(self.gamma, tf.float32)
        x = (x - mean) * scale + tf.cast(self.beta, tf.float32)
        return tf.cast(x, self.compute_dtype)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        return input_shape

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "epsilon": self.epsilon}


@keras.saving.register_keras_serializable("ffa_keras")
class InstanceNormalization(_Normalization):
    """Normalise each channel of each image by its own mean and variance.

    The moments are taken over H and W in float32, whatever the compute dtype.
    Training and inference are the same function, and batches do not mix.

    Args:
        epsilon: added to the variance. Defaults to `1e-5`.
        **kwargs: of `keras.layers.Layer`.

    Call arguments:
        inputs: float tensor [B, H, W, C].

    Reference:
        Ulyanov et al., Instance Normalization, arXiv 1607.08022.
    """

    def call(self, inputs: tf.Tensor) -> tf.Tensor:
        return self.normalized(inputs, spatial_mean)


@keras.saving.register_keras_serializable("ffa_keras")
class ImageNormalization(InstanceNormalization):
    """Normalise each image by one mean and one variance of all its channels.

    Layer normalisation over H, W and C, with a scale and a shift for each
    channel: unlike instance normalisation it keeps how bright one channel is
    against another.
    """

    def call(self, inputs: tf.Tensor) -> tf.Tensor:
        return self.normalized(
            inputs,
            lambda x: tf.reduce_mean(spatial_mean(x), -1, keepdims=True),
        )


@keras.saving.register_keras_serializable("ffa_keras")
class BatchStatisticsNormalization(_Normalization):
    """Normalise each channel by the moments of the batch at hand, always.

    The batch normalisation of pix2pix, which takes the statistics of the batch
    in training and in use alike; there are no running averages. In training
    the moments are those of the global batch, whatever the number of replicas,
    so one replica and many are the same function. For one image it is
    instance normalisation.

    Args:
        epsilon: added to the variance. Defaults to `1e-5`.
        **kwargs: of `keras.layers.Layer`.

    Call arguments:
        inputs: float tensor [B, H, W, C].
        training: whether the replicas share their moments.

    Reference:
        Isola et al., arXiv 1611.07004, section 3.3 and appendix 6.2.
    """

    gamma_initializer = {
        "class_name": "RandomNormal",
        "config": {"mean": 1.0, "stddev": 0.02},
    }

    def call(self, inputs: tf.Tensor, training: bool = False) -> tf.Tensor:
        return self.normalized(inputs, lambda x: _batch_mean(x, training))


def _batch_mean(x: tf.Tensor, over_replicas: bool) -> tf.Tensor:
    """Return the mean of each channel, [C], of the global batch if asked."""
    means = spatial_mean(x)
    if over_replicas:
        return mean_over_replicas(means[:, 0, 0])
    return tf.reduce_mean(means, axis=(0, 1, 2))
