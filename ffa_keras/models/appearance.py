"""How an image shows what it shows: read as a few numbers, and put back."""

from typing import Any

import keras
import tensorflow as tf

from ffa_keras.models.layers import (
    KERNEL_INITIALIZER,
    ReflectionPadding2D,
    ResidualBlock,
    SmoothConv2DTranspose,
    conv,
)
from ffa_keras.models.moments import spatial_mean
from ffa_keras.models.normalization import ImageNormalization, Shape

NUM_BLOCKS = 3


@keras.saving.register_keras_serializable("ffa_keras")
class AppearanceEncoder(keras.Model):
    """Tell how an image shows what it shows, as a normal distribution.

    Args:
        num_filters: width of the first convolution.
        num_codes: numbers that describe an appearance.
        **kwargs: of `keras.Model`.

    Call arguments:
        inputs: float tensor [B, H, W, C] in [-1, 1], H and W at least 16.

    Returns:
        Mean and log-variance of each number, float32 tensors [B, num_codes].
    """

    def __init__(
        self, num_filters: int = 64, num_codes: int = 8, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.num_filters = num_filters
        self.num_codes = num_codes
        self.network = keras.Sequential(
            [
                ReflectionPadding2D(1),
                conv(num_filters, 4, 2),
                *(_Halving(n * num_filters) for n in (2, 3, 4)),
                keras.layers.LeakyReLU(0.2),
            ],
            name="network",
        )
        self.mean, self.log_variance = (
            keras.layers.Dense(
                num_codes, kernel_initializer=KERNEL_INITIALIZER, name=name
            )
            for name in ("mean", "log_variance")
        )

    def build(self, input_shape: Shape) -> None:
        self.network.build((None, None, None, input_shape[-1]))
        for head in (self.mean, self.log_variance):
            head.build((None, 4 * self.num_filters))

    def call(self, inputs: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        # In float32 even under a mixed precision policy: the losses need it.
        x = spatial_mean(tf.cast(self.network(inputs), tf.float32))[:, 0, 0]
        mean, log_variance = self.mean(x), self.log_variance(x)
        return tf.cast(mean, tf.float32), tf.cast(log_variance, tf.float32)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "num_filters": self.num_filters,
            "num_codes": self.num_codes,
        }


@keras.saving.register_keras_serializable("ffa_keras")
class AppearanceDecoder(keras.layers.Layer):
    """Draw an image from a structure and an appearance.

    The appearance is appended to the channels before the residual blocks and
    before each layer that follows. What normalises between them keeps the
    differences between channels, in which it lies.

    Args:
        num_filters: a quarter of the channels of a structure.
        num_codes: numbers that describe an appearance.
        channels: of the image: 1 for an FFA image, 3 for a photograph.
        **kwargs: of `keras.layers.Layer`.

    Call arguments:
        structure: float tensor [B, H, W, 4 num_filters].
        appearance: float tensor [B, num_codes].

    Returns:
        float32 tensor [B, 4 H, 4 W, channels] in [-1, 1].
    """

    def __init__(
        self, num_filters: int, num_codes: int, channels: int, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.num_filters = num_filters
        self.num_codes = num_codes
        self.channels = channels
        width = 4 * num_filters + num_codes
        self.blocks = keras.Sequential(
            [ResidualBlock(width) for _ in range(NUM_BLOCKS)], name="blocks"
        )
        # As in DRIT, the numbers appended count for the width that follows.
        half = (width + num_codes) // 2
        self.widths = (width, half, (half + num_codes) // 2)
        self.zooms = [
            keras.Sequential(
                [
                    SmoothConv2DTranspose(
                        filters, kernel_initializer=KERNEL_INITIALIZER
                    ),
                    ImageNormalization(),
                    keras.layers.ReLU(),
                ],
                name=f"zoom{number}",
            )
            for number, filters in enumerate(self.widths[1:])
        ]
        self.head = conv(channels, 1)
        # float32 even under a mixed precision policy: the losses need it.
        self.tanh = keras.layers.Activation("tanh", dtype="float32")

    def build(self, *shapes: Shape, **more: Shape) -> None:
        self.blocks.build((None, None, None, self.widths[0]))
        layers = (*self.zooms, self.head)
        for layer, width in zip(layers, self.widths, strict=True):
            layer.build((None, None, None, width + self.num_codes))

    def call(self, structure: tf.Tensor, appearance: tf.Tensor) -> tf.Tensor:
        x = self.blocks(_joined(structure, appearance))
        for layer in (*self.zooms, self.head):
            x = layer(_joined(x, appearance))
        return self.tanh(x)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "num_filters": self.num_filters,
            "num_codes": self.num_codes,
            "channels": self.channels,
        }


@keras.saving.register_keras_serializable("ffa_keras")
class _Halving(keras.layers.Layer):
    """A residual block that halves H and W: the mean of 2x2 pixels."""

    def __init__(self, filters: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.filters = filters

    def build(self, input_shape: Shape) -> None:
        width = int(input_shape[-1] or 0)
        self.branch = keras.Sequential(
            [
                keras.layers.LeakyReLU(0.2),
                conv(width, 3, padding="same"),
                keras.layers.LeakyReLU(0.2),
                conv(self.filters, 3, padding="same"),
                keras.layers.AveragePooling2D(2),
            ],
            name="branch",
        )
        self.shortcut = keras.Sequential(
            [keras.layers.AveragePooling2D(2), conv(self.filters, 1)],
            name="shortcut",
        )
        for part in (self.branch, self.shortcut):
            part.build((None, None, None, width))

    def call(self, inputs: tf.Tensor) -> tf.Tensor:
        return self.branch(inputs) + self.shortcut(inputs)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        return (input_shape[0], None, None, self.filters)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "filters": self.filters}


def _joined(x: tf.Tensor, appearance: tf.Tensor) -> tf.Tensor:
    """Return x, [B, H, W, C], with the appearance as further channels."""
    shape = tf.shape(x)
    tiled = tf.tile(
        tf.cast(appearance, x.dtype)[:, None, None],
        [1, shape[1], shape[2], 1],
    )
    return tf.concat([x, tiled], -1)
