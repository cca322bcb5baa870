"""Layers that the generators and discriminators share."""

from typing import Any

import keras
import tensorflow as tf

from ffa_keras.models.normalization import InstanceNormalization, Shape

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


def conv(
    filters: int,
    kernel_size: int,
    strides: int = 1,
    padding: str = "valid",
    use_bias: bool = True,
) -> keras.layers.Conv2D:
    """Return a convolution with the usual first weights.

    Args:
        filters: output channels.
        kernel_size: side of the square kernel.
        strides: of the convolution. Defaults to `1`.
        padding: as Keras names it. Defaults to `"valid"`.
        use_bias: whether it has a bias. Defaults to `True`.
    """
    return keras.layers.Conv2D(
        filters,
        kernel_size,
        strides,
        padding,
        use_bias=use_bias,
        kernel_initializer=KERNEL_INITIALIZER,
    )


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
        conv(filters, kernel_size, strides, use_bias=False),
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
