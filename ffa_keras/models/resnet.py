"""The ResNet generator of the paper (section 2.3, Figure 4)."""

import dataclasses
from collections.abc import Sequence
from typing import Any

import keras
import tensorflow as tf

from ffa_keras.models.layers import (
    KERNEL_INITIALIZER,
    ReflectionPadding2D,
    ResidualBlock,
    SmoothConv2DTranspose,
    conv,
    conv_norm_relu,
    reflect_to_multiple,
)
from ffa_keras.models.normalization import InstanceNormalization, Shape

# Two stride-2 convolutions: H and W are padded to a multiple of this.
STRIDE = 4


@dataclasses.dataclass(frozen=True)
class Stage:
    """A layer of the generator, for those who run it layer by layer.

    Attributes:
        layer: the layer.
        padding: by reflection, before the layer; `None` without.
        branch: of a residual block, the stages whose outcome it adds.
    """

    layer: keras.layers.Layer
    padding: ReflectionPadding2D | None = None
    branch: tuple["Stage", ...] = ()

    def __call__(self, x: tf.Tensor) -> tf.Tensor:
        """Run the layer as the generator does, [B, H, W, C]."""
        return self.layer(x if self.padding is None else self.padding(x))


UPSAMPLINGS: dict[str, type[keras.layers.Conv2DTranspose]] = {
    "smooth": SmoothConv2DTranspose,
    "transposed": keras.layers.Conv2DTranspose,
}


@keras.saving.register_keras_serializable("ffa_keras")
class ResnetGenerator(keras.Model):
    """Translate a fundus photograph into an FFA image.

    Encoder (7x7 convolution and two 3x3 convolutions of stride 2), residual
    blocks, decoder (two transposed convolutions and a 7x7 convolution), tanh:
    the generator of DeblurGAN and CycleGAN, which the paper follows, but for
    the blur after the transposed convolutions. Any H and W from 16 pixels: the
    input is padded by reflection to a multiple of 4 and the output cropped
    back.

    Args:
        num_filters: width of the first convolution. Defaults to `64`.
        num_blocks: number of residual blocks. Defaults to `9`.
        dropout: dropout rate inside the residual blocks, the noise `n` of
            Eq. 2. Defaults to `0`, none.
        channels: of the output: 1 for an FFA image, 3 for the way back to a
            photograph. Defaults to `1`.
        field_diameter: of the photographs that it is trained on, pixels:
            whoever translates scales others to it. Defaults to `0`: no
            photograph is scaled.
        upsampling: of `UPSAMPLINGS`: `"smooth"`, transposed convolutions that
            are blurred against checkerboards, or `"transposed"`, the paper's
            without a blur. Defaults to `"smooth"`.
        **kwargs: of `keras.Model`.

    Call arguments:
        inputs: fundus, float tensor [B, H, W, 3], RGB in [-1, 1].
        training: whether dropout is active.

    Returns:
        FFA, float32 tensor [B, H, W, channels] in [-1, 1].
    """

    def __init__(
        self,
        num_filters: int = 64,
        num_blocks: int = 9,
        dropout: float = 0.0,
        channels: int = 1,
        field_diameter: int = 0,
        upsampling: str = "smooth",
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.num_filters = num_filters
        self.num_blocks = num_blocks
        self.dropout = dropout
        self.channels = channels
        self.field_diameter = field_diameter
        self.upsampling = upsampling
        self.network = keras.Sequential(
            [
                *conv_norm_relu(num_filters, 7),
                *conv_norm_relu(2 * num_filters, 3, strides=2),
                *conv_norm_relu(4 * num_filters, 3, strides=2),
                *(
                    ResidualBlock(4 * num_filters, dropout)
                    for _ in range(num_blocks)
                ),
                *_upsample(2 * num_filters, upsampling),
                *_upsample(num_filters, upsampling),
                ReflectionPadding2D(3),
                conv(channels, 7),
                # float32 even under a mixed precision policy: the losses and
                # the saliency need it.
                keras.layers.Activation("tanh", dtype="float32"),
            ],
            name="network",
        )

    def build(self, input_shape: Shape) -> None:
        self.network.build((None, None, None, input_shape[-1]))

    def call(self, inputs: tf.Tensor, training: bool = False) -> tf.Tensor:
        height, width = tf.shape(inputs)[1], tf.shape(inputs)[2]
        x = reflect_to_multiple(inputs, STRIDE)
        return self.network(x, training=training)[:, :height, :width, :]

    def stages(self) -> tuple[Stage, ...]:
        """Return what the generator does to a padded input, in order."""
        return _stages(self.network.layers)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        return (*input_shape[:-1], self.channels)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "num_filters": self.num_filters,
            "num_blocks": self.num_blocks,
            "dropout": self.dropout,
            "channels": self.channels,
            "field_diameter": self.field_diameter,
            "upsampling": self.upsampling,
        }


def _upsample(filters: int, upsampling: str) -> list[keras.layers.Layer]:
    return [
        UPSAMPLINGS[upsampling](
            filters,
            kernel_size=3,
            strides=2,
            padding="same",
            use_bias=False,
            kernel_initializer=KERNEL_INITIALIZER,
        ),
        InstanceNormalization(),
        keras.layers.ReLU(),
    ]


def _stages(layers: Sequence[keras.layers.Layer]) -> tuple[Stage, ...]:
    found: list[Stage] = []
    padding = None
    for layer in layers:
        if isinstance(layer, ReflectionPadding2D):
            padding = layer
            continue
        block = isinstance(layer, ResidualBlock)
        branch = _stages(layer.branch.layers) if block else ()
        found.append(Stage(layer, padding, branch))
        padding = None
    return tuple(found)
