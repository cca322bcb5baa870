"""The U-Net of Ronneberger 2015, with which Hervella 2018 translates."""

from typing import Any

import keras
import tensorflow as tf

from ffa_keras.models.layers import reflect_to_multiple
from ffa_keras.models.normalization import Shape

_LEVELS = 5


@keras.saving.register_keras_serializable("ffa_keras")
class UnetGenerator(keras.Model):
    """Translate a fundus photograph into an FFA image with a U-Net.

    Five levels of two 3x3 convolutions with ReLU, 2x2 max pooling between
    them, 2x2 transposed convolutions on the way back, skip connections, no
    normalisation; 31.03 million parameters at 64 filters, as published. Ours:
    zero padding keeps the size, and tanh ends in the range of the other
    generators. Any H and W from 16 pixels: the input is padded by reflection
    to a multiple of 16 and the output cropped back.

    Args:
        num_filters: width of the first level. Defaults to `64`.
        **kwargs: of `keras.Model`.

    Call arguments:
        inputs: fundus, float tensor [B, H, W, 3], RGB in [-1, 1].

    Returns:
        FFA, float32 tensor [B, H, W, 1] in [-1, 1].
    """

    def __init__(self, num_filters: int = 64, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.num_filters = num_filters
        widths = [num_filters * 2**level for level in range(_LEVELS)]
        self.encoder = [_two_convs(width) for width in widths]
        self.pool = keras.layers.MaxPooling2D()
        self.zooms = [
            keras.layers.Conv2DTranspose(width, 2, 2)
            for width in widths[-2::-1]
        ]
        self.decoder = [_two_convs(width) for width in widths[-2::-1]]
        self.head = keras.layers.Conv2D(1, 1)
        # float32 even under a mixed precision policy: the losses need it.
        self.tanh = keras.layers.Activation("tanh", dtype="float32")

    def build(self, input_shape: Shape) -> None:
        channels = input_shape[-1]
        for block in self.encoder:
            block.build((None, None, None, channels))
            channels = block.output_shape[-1]
        for zoom, block in zip(self.zooms, self.decoder, strict=True):
            zoom.build((None, None, None, channels))
            block.build((None, None, None, 2 * zoom.filters))
            channels = zoom.filters
        self.head.build((None, None, None, channels))
        self.tanh.build((None, None, None, 1))

    def call(self, inputs: tf.Tensor) -> tf.Tensor:
        height, width = tf.shape(inputs)[1], tf.shape(inputs)[2]
        x = reflect_to_multiple(inputs, 2 ** (_LEVELS - 1))
        skips: list[tf.Tensor] = []
        for block in self.encoder:
            x = block(self.pool(x) if skips else x)
            skips.append(x)
        skips.pop()
        for zoom, block in zip(self.zooms, self.decoder, strict=True):
            x = block(tf.concat([skips.pop(), zoom(x)], axis=-1))
        return self.tanh(self.head(x))[:, :height, :width, :]

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        return (*input_shape[:-1], 1)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "num_filters": self.num_filters}


def _two_convs(filters: int) -> keras.Sequential:
    return keras.Sequential(
        [
            keras.layers.Conv2D(
                filters,
                3,
                padding="same",
                activation="relu",
                kernel_initializer="he_normal",
            )
            for _ in range(2)
        ]
    )
