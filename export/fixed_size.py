"""A ResNet generator for photographs of one size, in operators that are fast.

LiteRT hands what it can to XNNPACK, which takes tensors of known size only,
and neither padding by reflection nor look-ups. So the paddings are cut and
joined here, and a mean is taken over blocks first: fast in XNNPACK, and as
exact as `models.moments.spatial_mean`.
"""

import keras
import tensorflow as tf

from ffa_keras.models import (
    InstanceNormalization,
    ResidualBlock,
    ResnetGenerator,
    SmoothConv2DTranspose,
)
from ffa_keras.models.resnet import STRIDE, Stage

_LARGEST_BLOCK = 16


def run_fixed(generator: keras.Model, fundus: tf.Tensor) -> tf.Tensor:
    """Run a generator on photographs whose size is known beforehand.

    Args:
        generator: the model; any but a `ResnetGenerator` runs as it is.
        fundus: float32 [B, H, W, 3] in [-1, 1], H and W known.

    Returns:
        FFA, float32 [B, H, W, 1] in [-1, 1].
    """
    if type(generator) is not ResnetGenerator:
        return generator(fundus)
    height, width = fundus.shape[1:3]
    x = _reflect(fundus, (0, -height % STRIDE), (0, -width % STRIDE))
    return _run(generator.stages(), x)[:, :height, :width]


def _run(stages: tuple[Stage, ...], x: tf.Tensor) -> tf.Tensor:
    for stage in stages:
        layer = stage.layer
        if stage.padding:
            sides = (stage.padding.padding,) * 2
            x = _reflect(x, sides, sides)
        if isinstance(layer, ResidualBlock):
            x = x + _run(stage.branch, x)
        elif isinstance(layer, InstanceNormalization):
            x = _normalize(layer, x)
        elif isinstance(layer, SmoothConv2DTranspose):
            x = _upsample(layer, x)
        else:
            x = layer(x)
    return x


def _reflect(
    x: tf.Tensor, rows: tuple[int, int], columns: tuple[int, int]
) -> tf.Tensor:
    """Pad by reflection, without repeating the border pixel."""
    for axis, (before, after) in ((1, rows), (2, columns)):
        last = x.shape[axis] - 1
        above = [_line(x, axis, at) for at in range(before, 0, -1)]
        below = [_line(x, axis, last - 1 - at) for at in range(after)]
        # Side by side first: XNNPACK joins no more than five.
        sides = [tf.concat(lines, axis) for lines in (above, below) if lines]
        if sides:
            x = tf.concat(
                [*sides[: bool(above)], x, *sides[bool(above) :]], axis
            )
    return x


def _line(x: tf.Tensor, axis: int, at: int) -> tf.Tensor:
    return x[:, at : at + 1] if axis == 1 else x[:, :, at : at + 1]


def _normalize(layer: InstanceNormalization, x: tf.Tensor) -> tf.Tensor:
    mean = _mean(x)
    variance = _mean(tf.math.squared_difference(x, mean))
    scale = tf.math.rsqrt(variance + layer.epsilon) * layer.gamma
    return x * scale + (layer.beta - mean * scale)


def _mean(x: tf.Tensor) -> tf.Tensor:
    """Return the mean of each channel, [B, 1, 1, C]."""
    block = [
        max(n for n in range(1, _LARGEST_BLOCK + 1) if size % n == 0)
        for size in x.shape[1:3]
    ]
    x = tf.nn.avg_pool2d(x, block, block, "VALID")
    return tf.reduce_mean(x, axis=(1, 2), keepdims=True)


def _upsample(layer: SmoothConv2DTranspose, x: tf.Tensor) -> tf.Tensor:
    x = keras.layers.Conv2DTranspose.call(layer, x)
    x = tf.concat([x[:, :1], x, x[:, -1:]], axis=1)
    x = tf.concat([x[:, :, :1], x, x[:, :, -1:]], axis=2)
    for _ in range(2):
        x = tf.nn.avg_pool2d(x, 2, 1, "VALID")
    return x
