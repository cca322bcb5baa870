"""Discriminators that judge (fundus, FFA) pairs patch by patch."""

import keras
import tensorflow as tf

from ffa_keras.models.layers import KERNEL_INITIALIZER, InstanceNormalization


@keras.saving.register_keras_serializable("ffa_keras")
class PatchDiscriminator(keras.Model):
    """Tell real from generated FFA, one verdict for each 70x70 patch.

    PatchGAN (paper, section 2.3): five 4x4 convolutions with strides
    2, 2, 2, 1, 1 and padding 1, LeakyReLU(0.2) after the first four, instance
    normalisation on the second to fourth. The paper's closing sigmoid is part
    of the loss, which takes logits for numerical stability.

    Args:
        num_filters: width of the first convolution. Defaults to `64`.
        **kwargs: of `keras.Model`.

    Call arguments:
        inputs: pair `(fundus, ffa)`, float tensors [B, H, W, 3] and
            [B, H, W, 1] in [-1, 1], H and W at least 24.

    Returns:
        Logits, float32 tensor [B, H', W', 1]; `sigmoid(logits)` is the
        probability that the patch is real. 256x256 pixels give 30x30 patches.
    """

    def __init__(self, num_filters: int = 64, **kwargs):
        super().__init__(**kwargs)
        self.num_filters = num_filters
        layers = _conv(num_filters, 2) + [keras.layers.LeakyReLU(0.2)]
        for factor, strides in ((2, 2), (4, 2), (8, 1)):
            layers += _conv(factor * num_filters, strides, use_bias=False)
            layers += [InstanceNormalization(), keras.layers.LeakyReLU(0.2)]
        layers += _conv(1, 1)
        layers.append(keras.layers.Activation("linear", dtype="float32"))
        self.network = keras.Sequential(layers, name="network")

    def build(self, input_shape):
        channels = sum(shape[-1] for shape in input_shape)
        self.network.build((None, None, None, channels))

    def call(self, inputs):
        fundus, ffa = inputs
        fundus = tf.cast(fundus, self.compute_dtype)
        ffa = tf.cast(ffa, self.compute_dtype)
        return self.network(tf.concat([fundus, ffa], axis=-1))

    def get_config(self):
        return {**super().get_config(), "num_filters": self.num_filters}


def _conv(
    filters: int, strides: int, use_bias: bool = True
) -> list[keras.layers.Layer]:
    return [
        keras.layers.ZeroPadding2D(1),
        keras.layers.Conv2D(
            filters,
            4,
            strides,
            use_bias=use_bias,
            kernel_initializer=KERNEL_INITIALIZER,
        ),
    ]
