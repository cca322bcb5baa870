"""Networks that take an image apart into structure and appearance, and back.

After DRIT (Lee et al., ECCV 2018): what an eye shows in a photograph and in an
angiogram alike is its structure, a map of a quarter of the size; how it shows
there is the appearance, a few numbers for the whole image.
"""

from typing import Any

import keras
import tensorflow as tf

from ffa_keras.models.appearance import (
    NUM_BLOCKS,
    AppearanceDecoder,
    AppearanceEncoder,
)
from ffa_keras.models.layers import (
    ReflectionPadding2D,
    ResidualBlock,
    conv,
    conv_norm_relu,
    reflect_to_multiple,
)
from ffa_keras.models.normalization import Shape

# Two convolutions of stride 2: H and W are padded to a multiple of this.
STRIDE = 4
_SLOPE = 0.01


def structure_encoder(num_filters: int) -> keras.Sequential:
    """Return the layers from an image to its structure, without their tail.

    Args:
        num_filters: width of the first convolution.

    Returns:
        Model from float [B, H, W, C] to [B, H / 4, W / 4, 4 num_filters].
    """
    return keras.Sequential(
        [
            ReflectionPadding2D(3),
            conv(num_filters, 7),
            keras.layers.LeakyReLU(_SLOPE),
            *conv_norm_relu(2 * num_filters, 3, strides=2),
            *conv_norm_relu(4 * num_filters, 3, strides=2),
            *(ResidualBlock(4 * num_filters) for _ in range(NUM_BLOCKS)),
        ]
    )


@keras.saving.register_keras_serializable("ffa_keras")
class DisentangledGenerator(keras.Model):
    """Translate a photograph: its structure, in the appearance of an FFA.

    Any H and W from 16 pixels: the input is padded by reflection to a multiple
    of 4 and the output cropped back.

    Args:
        num_filters: width of the first convolution. Defaults to `64`.
        num_codes: numbers that describe an appearance. Defaults to `8`.
        **kwargs: of `keras.Model`.

    Call arguments:
        inputs: fundus, float tensor [B, H, W, 3], RGB in [-1, 1].
        appearance: float tensor [B, num_codes]; the `mean_appearance` of the
            training FFA images if `None`.

    Attributes:
        mean_appearance: float32 variable [num_codes].
        appearance_encoder: `AppearanceEncoder` of FFA images.

    Returns:
        FFA, float32 tensor [B, H, W, 1] in [-1, 1].
    """

    def __init__(
        self, num_filters: int = 64, num_codes: int = 8, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.num_filters = num_filters
        self.num_codes = num_codes
        self.encoder = structure_encoder(num_filters)
        # What both kinds of images share: the end of the way to a structure,
        # and the beginning of the way from it.
        self.tail, self.head = (ResidualBlock(4 * num_filters) for _ in "AB")
        self.decoder = AppearanceDecoder(num_filters, num_codes, 1)
        self.appearance_encoder = AppearanceEncoder(num_filters, num_codes)

    def build(self, input_shape: Shape) -> None:
        structure = (None, None, None, 4 * self.num_filters)
        self.encoder.build((None, None, None, input_shape[-1]))
        self.tail.build(structure)
        self.head.build(structure)
        self.decoder.build(structure)
        self.appearance_encoder.build((None, None, None, 1))
        # 0 is the mean of what appearances are drawn to.
        self.mean_appearance = self.add_weight(
            name="mean_appearance",
            shape=(self.num_codes,),
            initializer="zeros",
            dtype="float32",
            trainable=False,
        )

    def call(
        self, inputs: tf.Tensor, appearance: tf.Tensor | None = None
    ) -> tf.Tensor:
        if appearance is None:
            mean = tf.convert_to_tensor(self.mean_appearance)
            appearance = tf.tile(mean[None], [tf.shape(inputs)[0], 1])
        structure = self.structure_of(inputs, self.encoder)
        return self.render(structure, appearance, self.decoder, inputs)

    def structure_of(
        self, images: tf.Tensor, encoder: keras.Model
    ) -> tf.Tensor:
        """Return the structure of images, [B, ceil(H / 4), ceil(W / 4), C'].

        Args:
            images: float tensor [B, H, W, C] in [-1, 1].
            encoder: as of `structure_encoder`, for images of their kind.
        """
        return self.tail(encoder(reflect_to_multiple(images, STRIDE)))

    def render(
        self,
        structure: tf.Tensor,
        appearance: tf.Tensor,
        decoder: AppearanceDecoder,
        like: tf.Tensor,
    ) -> tf.Tensor:
        """Return images, float32 [B, H, W, C] in [-1, 1].

        Args:
            structure: as of `structure_of`.
            appearance: float tensor [B, num_codes].
            decoder: for images of their kind.
            like: tensor [B, H, W, ...] of their size.
        """
        height, width = tf.shape(like)[1], tf.shape(like)[2]
        images = decoder(self.head(structure), appearance)
        return images[:, :height, :width, :]

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        return (*input_shape[:-1], 1)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "num_filters": self.num_filters,
            "num_codes": self.num_codes,
        }


@keras.saving.register_keras_serializable("ffa_keras")
class StructureDiscriminator(keras.Model):
    """Tell whether a structure is that of a photograph or of an FFA image.

    As many 7x7 convolutions of stride 2, three at most, as leave a map of 4x4
    or more, then one of 4x4 and the verdict.

    Args:
        num_filters: a quarter of the width of its convolutions.
        side: shorter side of the structures, at least 4.
        **kwargs: of `keras.Model`.

    Call arguments:
        inputs: float tensor [B, H, W, C], H and W at least `side`.

    Returns:
        Logits, float32 tensor [B, H', W', 1].
    """

    def __init__(self, num_filters: int, side: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.num_filters = num_filters
        self.side = side
        layers: list[keras.layers.Layer] = []
        for _ in range(3):
            smaller = (side - 3) // 2
            if smaller < 4:
                break
            side = smaller
            layers += [
                ReflectionPadding2D(1),
                conv(4 * num_filters, 7, 2),
                keras.layers.LeakyReLU(_SLOPE),
            ]
        layers += [
            conv(4 * num_filters, 4),
            keras.layers.LeakyReLU(_SLOPE),
            conv(1, 1),
            keras.layers.Activation("linear", dtype="float32"),
        ]
        self.network = keras.Sequential(layers, name="network")

    def build(self, input_shape: Shape) -> None:
        self.network.build((None, None, None, input_shape[-1]))

    def call(self, inputs: tf.Tensor) -> tf.Tensor:
        return self.network(inputs)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "num_filters": self.num_filters,
            "side": self.side,
        }
