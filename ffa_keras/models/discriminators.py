"""Discriminators that judge images, or (fundus, FFA) pairs, patch by patch."""

from collections.abc import Sequence
from typing import Any

import keras
import tensorflow as tf

from ffa_keras.models.layers import ReflectionPadding2D, conv
from ffa_keras.models.normalization import (
    BatchStatisticsNormalization,
    InstanceNormalization,
)

_NORMALIZATIONS = {
    "instance": InstanceNormalization,
    "batch": BatchStatisticsNormalization,
}


@keras.saving.register_keras_serializable("ffa_keras")
class PatchDiscriminator(keras.Model):
    """Tell real from generated FFA, one verdict for each 70x70 patch.

    PatchGAN (paper, section 2.3): five 4x4 convolutions with strides
    2, 2, 2, 1, 1 and padding 1, LeakyReLU(0.2) after the first four,
    normalisation on the second to fourth. The paper's closing sigmoid is part
    of the loss, which takes logits for numerical stability.

    With `num_strided=5` it is the "ImageGAN" of pix2pix,
    C64-C128-C256-C512-C512-C512, whose verdicts see 286x286 pixels: more than
    the 256x256 images it was made for, so each verdict sees all of them.

    Args:
        num_filters: width of the first convolution. Defaults to `64`.
        num_strided: convolutions of stride 2: the receptive field is 34, 70,
            142 or 286 pixels for 2, 3, 4 or 5. Defaults to `3`.
        normalization: `"instance"`, or `"batch"` as published with pix2pix.
            Defaults to `"instance"`.
        **kwargs: of `keras.Model`.

    Call arguments:
        inputs: tuple of float tensors [B, H, W, C] in [-1, 1]: the pair
            `(fundus, ffa)`, or one image alone; H and W at least `min_side`.
        training: whether batch normalisation spans the replicas.

    Attributes:
        min_side: least H and W, 3 * 2 ** num_strided.

    Returns:
        Logits, float32 tensor [B, H', W', 1]; `sigmoid(logits)` is the
        probability that the patch is real. 256x256 pixels give 30x30 patches.
    """

    def __init__(
        self,
        num_filters: int = 64,
        num_strided: int = 3,
        normalization: str = "instance",
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.num_filters = num_filters
        self.num_strided = num_strided
        self.normalization = normalization
        self.min_side = 3 * 2**num_strided
        layers = _padded(num_filters, 2) + [keras.layers.LeakyReLU(0.2)]
        for number in range(1, num_strided + 1):
            filters = min(2**number, 8) * num_filters
            strides = 2 if number < num_strided else 1
            layers += _padded(filters, strides, use_bias=False)
            layers.append(_NORMALIZATIONS[normalization]())
            layers.append(keras.layers.LeakyReLU(0.2))
        layers += _padded(1, 1)
        layers.append(keras.layers.Activation("linear", dtype="float32"))
        self.network = keras.Sequential(layers, name="network")

    def build(self, input_shape: Sequence[Any]) -> None:
        channels = sum(shape[-1] for shape in input_shape)
        self.network.build((None, None, None, channels))

    def call(
        self, inputs: Sequence[tf.Tensor], training: bool = False
    ) -> tf.Tensor:
        images = [tf.cast(image, self.compute_dtype) for image in inputs]
        return self.network(tf.concat(images, axis=-1), training=training)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "num_filters": self.num_filters,
            "num_strided": self.num_strided,
            "normalization": self.normalization,
        }


@keras.saving.register_keras_serializable("ffa_keras")
class MultiscaleDiscriminator(keras.Model):
    """Tell real from generated images of one kind, at several scales.

    After DRIT: at each scale four 4x4 convolutions of stride 2, none of them
    normalised, and a verdict. Between scales the image is halved.

    Args:
        num_filters: width of the first convolution. Defaults to `64`.
        num_scales: the image itself, its half and so on. Defaults to `3`.
        **kwargs: of `keras.Model`.

    Call arguments:
        inputs: float tensor [B, H, W, C] in [-1, 1], H and W at least
            8 * 2 ** num_scales.

    Returns:
        Logits of each scale, float32 tensors [B, H', W', 1].
    """

    def __init__(
        self, num_filters: int = 64, num_scales: int = 3, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.num_filters = num_filters
        self.num_scales = num_scales
        self.networks = [
            keras.Sequential(
                [
                    *(
                        layer
                        for factor in (1, 2, 4, 8)
                        for layer in (
                            ReflectionPadding2D(1),
                            conv(factor * num_filters, 4, 2),
                            keras.layers.LeakyReLU(0.01),
                        )
                    ),
                    conv(1, 1, use_bias=False),
                    keras.layers.Activation("linear", dtype="float32"),
                ],
                name=f"scale{number}",
            )
            for number in range(num_scales)
        ]
        self.half = keras.layers.AveragePooling2D(3, 2, padding="same")

    def build(self, input_shape: Sequence[Any]) -> None:
        for network in self.networks:
            network.build((None, None, None, input_shape[-1]))

    def call(self, inputs: tf.Tensor) -> list[tf.Tensor]:
        x = tf.cast(inputs, self.compute_dtype)
        verdicts = []
        for number, network in enumerate(self.networks):
            x = self.half(x) if number else x
            verdicts.append(network(x))
        return verdicts

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "num_filters": self.num_filters,
            "num_scales": self.num_scales,
        }


def _padded(
    filters: int, strides: int, use_bias: bool = True
) -> list[keras.layers.Layer]:
    return [
        keras.layers.ZeroPadding2D(1),
        conv(filters, 4, strides, use_bias=use_bias),
    ]
