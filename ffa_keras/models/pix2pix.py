"""The U-Net generator of pix2pix (Isola 2017)."""

from typing import Any

import keras
import tensorflow as tf

from ffa_keras.models.layers import (
    KERNEL_INITIALIZER,
    conv,
    reflect_to_multiple,
)
from ffa_keras.models.normalization import BatchStatisticsNormalization, Shape

_DROPPED = 3


@keras.saving.register_keras_serializable("ffa_keras")
class Pix2PixGenerator(keras.Model):
    """Translate a fundus photograph into an FFA image with pix2pix's U-Net.

    4x4 convolutions of stride 2 with LeakyReLU(0.2), widths 1, 2, 4, 8, 8, ...
    times `num_filters`, down to the bottleneck; 4x4 transposed convolutions
    with ReLU back up; skip connections; batch normalisation but on the first
    convolution and the bottleneck, as in the published code; dropout 0.5 after
    the three innermost transposed convolutions below the bottleneck's. Ours:
    no dropout in use, so that answers are repeatable, and any H and W from 16
    pixels: the input is padded by reflection to a multiple of `2 ** depth`.

    Args:
        num_filters: width of the first convolution. Defaults to `64`.
        depth: number of convolutions down, at least 5: 8 for patches of 256
            pixels and more, as published. Defaults to `8`.
        **kwargs: of `keras.Model`.

    Call arguments:
        inputs: fundus, float tensor [B, H, W, 3], RGB in [-1, 1].
        training: whether dropout is active and the replicas share moments.

    Returns:
        FFA, float32 tensor [B, H, W, 1] in [-1, 1].
    """

    def __init__(
        self, num_filters: int = 64, depth: int = 8, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.num_filters = num_filters
        self.depth = depth
        widths = [num_filters * min(2**level, 8) for level in range(depth)]
        self.encoder = [
            _down(width, normalized=0 < level < depth - 1, first=level == 0)
            for level, width in enumerate(widths)
        ]
        self.decoder = [
            _up(width, dropped=0 < number <= _DROPPED and number <= depth - 5)
            for number, width in enumerate(widths[-2::-1])
        ]
        self.head = keras.Sequential([keras.layers.ReLU(), _zoom(1, True)])
        # float32 even under a mixed precision policy: the losses need it.
        self.tanh = keras.layers.Activation("tanh", dtype="float32")

    def build(self, input_shape: Shape) -> None:
        channels = input_shape[-1]
        outputs = []
        for block in self.encoder:
            block.build((None, None, None, channels))
            channels = block.output_shape[-1]
            outputs.append(channels)
        outputs.pop()
        for block in self.decoder:
            block.build((None, None, None, channels))
            channels = 2 * outputs.pop()
        self.head.build((None, None, None, channels))
        self.tanh.build((None, None, None, 1))

    def call(self, inputs: tf.Tensor, training: bool = False) -> tf.Tensor:
        height, width = tf.shape(inputs)[1], tf.shape(inputs)[2]
        x = reflect_to_multiple(inputs, 2**self.depth)
        skips = []
        for block in self.encoder:
            x = block(x, training=training)
            skips.append(x)
        skips.pop()
        for block in self.decoder:
            x = block(x, training=training)
            x = tf.concat([skips.pop(), x], axis=-1)
        return self.tanh(self.head(x))[:, :height, :width, :]

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        return (*input_shape[:-1], 1)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "num_filters": self.num_filters,
            "depth": self.depth,
        }


def _down(filters: int, normalized: bool, first: bool) -> keras.Sequential:
    layers = [] if first else [keras.layers.LeakyReLU(0.2)]
    layers.append(conv(filters, 4, 2, "same", use_bias=not normalized))
    if normalized:
        layers.append(BatchStatisticsNormalization())
    return keras.Sequential(layers)


def _up(filters: int, dropped: bool) -> keras.Sequential:
    layers = [keras.layers.ReLU(), _zoom(filters, False)]
    layers.append(BatchStatisticsNormalization())
    if dropped:
        layers.append(keras.layers.Dropout(0.5))
    return keras.Sequential(layers)


def _zoom(filters: int, use_bias: bool) -> keras.layers.Layer:
    return keras.layers.Conv2DTranspose(
        filters,
        4,
        2,
        "same",
        use_bias=use_bias,
        kernel_initializer=KERNEL_INITIALIZER,
    )
