"""Layers that the generators and discriminators share."""

from collections.abc import Callable
from typing import Any

import keras
import tensorflow as tf

from ffa_keras.models.moments import spatial_mean

Shape = tuple[int | None, ...]
# The weights of pix2pix and CycleGAN start from N(0, 0.02).
KERNEL_INITIALIZER = {
    "class_name": "RandomNormal",
    "config": {"mean": 0.0, "stddev": 0.02},
}


@keras.saving.register_keras_serializable("ffa_keras")
class SmoothConv2DTranspose(keras.layers.Conv2DTranspose):
    """A bilinear zoom by 2 and a 3x3 convolution, as a transposed convolution.

    A transposed convolution of stride 2 reaches neighbouring pixels with
    unlike numbers of taps and leaves a checkerboard. A binomial blur after it
    is the same as a bilinear zoom before its kernel, without one, at a quarter
    of the cost of convolving the zoomed image.

    Args:
        filters: output channels.
        **kwargs: of `keras.layers.Conv2DTranspose`, but for the size of the
            kernel, the stride and the padding.

    Call arguments:
        inputs: float tensor [B, H, W, C].

    Returns:
        Float tensor [B, 2 H, 2 W, filters].

    Reference:
        Odena et al., Deconvolution and Checkerboard Artifacts, Distill 2016.
    """

    def __init__(self, filters: int, **kwargs: Any) -> None:
        fixed = {"kernel_size": 3, "strides": 2, "padding": "same"}
        super().__init__(filters, **{**kwargs, **fixed})

    def call(self, inputs: tf.Tensor) -> tf.Tensor:
        x = super().call(inputs)
        x = tf.pad(x, [[0, 0], [1, 1], [1, 1], [0, 0]], "SYMMETRIC")
        for _ in range(2):
            x = tf.nn.avg_pool2d(x, 2, 1, "VALID")
        return x


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


@keras.saving.register_keras_serializable("ffa_keras")
class ReflectionPadding2D(keras.layers.Layer):
    """Pad H and W by reflection, without repeating the border pixel.

    Args:
        padding: pixels added on each of the four sides; less than H and W.
        **kwargs: of `keras.layers.Layer`.

    Call arguments:
        inputs: tensor [B, H, W, C].
    """

    def __init__(self, padding: int = 1, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.padding = padding

    def call(self, inputs: tf.Tensor) -> tf.Tensor:
        p = self.padding
        return tf.pad(inputs, [[0, 0], [p, p], [p, p], [0, 0]], "REFLECT")

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        batch, height, width, channels = input_shape
        grow = 2 * self.padding
        return (
            batch,
            None if height is None else height + grow,
            None if width is None else width + grow,
            channels,
        )

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "padding": self.padding}


@keras.saving.register_keras_serializable("ffa_keras")
class ResidualBlock(keras.layers.Layer):
    """`x + norm(conv(relu(norm(conv(x)))))` with 3x3 convolutions.

    As in the DeblurGAN and CycleGAN generators, no ReLU follows the sum.

    Args:
        filters: channels of the input, and so of the output.
        dropout: share of activations dropped between the two convolutions.
            Defaults to `0`.
        **kwargs: of `keras.layers.Layer`.

    Call arguments:
        inputs: float tensor [B, H, W, filters], H and W at least 2.
        training: whether dropout is active.
    """

    def __init__(
        self, filters: int, dropout: float = 0.0, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.filters = filters
        self.dropout = dropout
        layers = [*conv_norm_relu(filters, 3)]
        if dropout:
            layers.append(keras.layers.Dropout(dropout))
        layers += conv_norm_relu(filters, 3)[:-1]
        self.branch = keras.Sequential(layers, name="branch")

    def build(self, input_shape: Shape) -> None:
        self.branch.build(input_shape)

    def call(self, inputs: tf.Tensor, training: bool = False) -> tf.Tensor:
        return inputs + self.branch(inputs, training=training)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        return input_shape

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "filters": self.filters,
            "dropout": self.dropout,
        }


def conv_norm_relu(
    filters: int, kernel_size: int, strides: int = 1
) -> list[keras.layers.Layer]:
    """Return padding, convolution, instance normalisation and ReLU.

    Args:
        filters: output channels.
        kernel_size: odd side of the square kernel; reflection padding keeps H
            and W where `strides` is 1.
        strides: of the convolution. Defaults to `1`.

    Returns:
        Four layers. The convolution has no bias: the normalisation that
        follows would remove it.
    """
    return [
        ReflectionPadding2D(kernel_size // 2),
        keras.layers.Conv2D(
            filters,
            kernel_size,
            strides,
            use_bias=False,
            kernel_initializer=KERNEL_INITIALIZER,
        ),
        InstanceNormalization(),
        keras.layers.ReLU(),
    ]


def reflect_to_multiple(x: tf.Tensor, multiple: int) -> tf.Tensor:
    """Pad H and W by reflection, at the bottom and right, to a multiple.

    Args:
        x: tensor [B, H, W, C], H and W at least 2.
        multiple: what the new H and W are multiples of.

    Returns:
        Tensor [B, H', W', C]; reflected again and again where the padding is
        larger than the image.
    """
    for axis in (1, 2):
        # A look-up, not tf.pad: with a padding unknown before the call TFLite
        # would lose sight of the number of channels.
        size = tf.shape(x)[axis]
        last = size - 1
        at = tf.range(size + -size % multiple) % (2 * last)
        x = tf.gather(x, last - tf.abs(last - at), axis=axis)
    return x


def _batch_mean(x: tf.Tensor, over_replicas: bool) -> tf.Tensor:
    """Return the mean of each channel, [C], of the global batch if asked."""
    means = spatial_mean(x)
    if not over_replicas:
        return tf.reduce_mean(means, axis=(0, 1, 2))
    count = tf.cast(tf.shape(x)[0], tf.float32)
    context = tf.distribute.get_replica_context()
    total, count = context.all_reduce(
        tf.distribute.ReduceOp.SUM,
        [tf.reduce_sum(means, axis=(0, 1, 2)), count],
    )
    return total / count
