"""Translate a photograph of any size in bounded memory, without seams.

Instance normalisation takes its moments over the whole image, so tiles that
are translated alone differ in brightness. Here every layer sees strips of the
rows it needs, and the moments are gathered over all strips before the next
layer reads on: the answer is that of the whole image up to rounding. At full
resolution strips are computed twice, for the moments and for the next layer,
which costs little; what convolutions make at half and at quarter resolution is
stored, in nameless temporary files. Memory grows with the width of the
photograph, not with its height.
"""

from collections.abc import Callable

import keras
import numpy as np
import tensorflow as tf

from ffa_keras.models import (
    InstanceNormalization,
    ResidualBlock,
    ResnetGenerator,
    SmoothConv2DTranspose,
)
from ffa_keras.models.moments import spatial_mean
from ffa_keras.models.resnet import STRIDE, Stage
from ffa_keras.ops import to_grey_levels, to_picture
from ffa_keras.translation.rows import Cut, Photograph, Rows, Stored

# Values of a strip: 16 MiB as float32.
_STRIP_VALUES = 2**22
_FEWEST_ROWS = 8


class _Convolved(Rows):
    """What a convolution makes of rows padded by reflection."""

    def __init__(self, rows: Rows, stage: Stage):
        layer = stage.layer
        self._rows, self._layer = rows, layer
        self._padding = stage.padding.padding if stage.padding else 0
        self._size, self._stride = layer.kernel_size[0], layer.strides[0]
        height, width, _ = rows.shape
        width //= self._stride
        super().__init__(
            (height // self._stride, width, layer.filters),
            max(rows.load * self._stride, width * layer.filters),
            rows.cut,
        )

    def read(self, start: int, stop: int) -> tf.Tensor:
        last = self._rows.shape[0] - 1
        first = start * self._stride - self._padding
        wanted = np.arange(
            first, first + (stop - start - 1) * self._stride + self._size
        )
        wanted = last - np.abs(last - np.abs(wanted))
        low, high = wanted.min(), wanted.max() + 1
        x = self._rows.read(low, high)
        if len(wanted) > high - low:  # Rows beyond the border, reflected.
            x = tf.gather(x, wanted - low, axis=1)
        p = self._padding
        x = tf.pad(x, [[0, 0], [0, 0], [p, p], [0, 0]], "REFLECT")
        return tf.cast(self._layer(x), tf.float32)


class _Upsampled(Rows):
    """What a transposed convolution of stride 2 makes of rows."""

    def __init__(self, rows: Rows, stage: Stage):
        self._rows, self._layer = rows, stage.layer
        height, width, _ = rows.shape
        filters = stage.layer.filters
        super().__init__(
            (2 * height, 2 * width, filters),
            max(rows.load / 2, 2 * width * filters),
            rows.cut,
        )

    def read(self, start: int, stop: int) -> tf.Tensor:
        # Row 2 i of the convolution also holds a share of row i - 1, and the
        # blur reaches one row further on both sides.
        low = max(0, start // 2 - 1)
        high = min(self._rows.shape[0], stop // 2 + 1)
        x = self._layer(self._rows.read(low, high))
        return tf.cast(x[:, start - 2 * low : stop - 2 * low], tf.float32)


class _Normalized(Rows):
    """Rows under instance normalisation with the moments of all rows."""

    def __init__(self, rows: Rows, stage: Stage):
        super().__init__(rows.shape, rows.load, rows.cut)
        self._rows = rows
        layer = stage.layer
        mean, variance = _moments(rows)
        self._scale = layer.gamma / np.sqrt(variance + layer.epsilon)
        self._shift = layer.beta - mean * self._scale

    def read(self, start: int, stop: int) -> tf.Tensor:
        return self._rows.read(start, stop) * self._scale + self._shift


class _Activated(Rows):
    """Rows after a layer that works pixel by pixel."""

    def __init__(self, rows: Rows, stage: Stage):
        super().__init__(rows.shape, rows.load, rows.cut)
        self._rows, self._layer = rows, stage.layer

    def read(self, start: int, stop: int) -> tf.Tensor:
        x = self._layer(self._rows.read(start, stop))
        return tf.cast(x, tf.float32)


def translate_in_strips(
    generator: ResnetGenerator,
    fundus: np.ndarray,
    strip_values: int = _STRIP_VALUES,
    fewest_rows: int = _FEWEST_ROWS,
) -> np.ndarray:
    """Translate one photograph at its native size, as `translate` does.

    Args:
        generator: fundus to FFA.
        fundus: uint8 [H, W, 3], RGB; H and W at least 16.
        strip_values: that a layer computes at once, where `fewest_rows` allow.
        fewest_rows: of a strip.

    Returns:
        uint8 [H, W, 1].

    Raises:
        InputError: the folder for temporary files is full.
        TypeError: the generator holds a layer that is not known here.
    """
    height, width, _ = fundus.shape
    padded = np.pad(
        fundus, ((0, -height % STRIDE), (0, -width % STRIDE), (0, 0)), "reflect"
    )
    cut = Cut(strip_values, fewest_rows, padded.shape[1])
    photograph = Photograph(padded, cut)
    rows = _connect(generator.stages(), photograph)
    ffa = np.concatenate(
        [
            to_picture(to_grey_levels(rows.read(*strip)))[0].numpy()
            for strip in rows.strips()
        ]
    )
    return ffa[:height, :width]


def _connect(stages: tuple[Stage, ...], rows: Rows) -> Rows:
    """Return the output of stages, to be read some rows at a time."""
    for stage in stages:
        kind = type(stage.layer)
        if kind not in _KNOWN or (
            stage.padding and kind is not keras.layers.Conv2D
        ):
            raise TypeError(
                f"{stage.layer.name}: strips do not know what a"
                f" {kind.__name__} reads there"
            )
        rows = _KNOWN[kind](rows, stage)
        if kind in _CONVOLUTIONS and rows.shape[1] < rows.cut.full_width:
            rows = Stored(rows)
    return rows


def _add_branch(rows: Rows, block: Stage) -> Stored:
    """Add the branch to rows that are stored, in place."""
    total = rows if isinstance(rows, Stored) else Stored(rows)
    # The branch is stored before its last normalisation: the sum overwrites
    # what the branch reads.
    *inner, last = block.branch
    branch = _Normalized(_connect(tuple(inner), total), last)
    for start, stop in branch.strips():
        total.write(start, total.read(start, stop) + branch.read(start, stop))
    return total


def _moments(rows: Rows) -> tuple[np.ndarray, np.ndarray]:
    """Return mean and variance of each channel, gathered strip by strip."""
    count, mean, squares = 0, np.zeros(1), np.zeros(1)
    for start, stop in rows.strips():
        x = rows.read(start, stop)
        mean_here = spatial_mean(x)
        variance = spatial_mean(tf.math.squared_difference(x, mean_here))
        strip_mean, variance = (
            m.numpy()[0, 0, 0].astype(np.float64) for m in (mean_here, variance)
        )
        size = (stop - start) * rows.shape[1]
        shift = strip_mean - mean
        total = count + size
        squares = squares + size * (variance + shift**2 * count / total)
        mean = mean + shift * size / total
        count = total
    return mean.astype(np.float32), (squares / count).astype(np.float32)


# By exact type: what is derived from a layer may look further than it does.
_Kinds = dict[type, Callable[[Rows, Stage], Rows]]
_CONVOLUTIONS: _Kinds = {
    keras.layers.Conv2D: _Convolved,
    SmoothConv2DTranspose: _Upsampled,
    keras.layers.Conv2DTranspose: _Upsampled,
}
_KNOWN: _Kinds = {
    **_CONVOLUTIONS,
    InstanceNormalization: _Normalized,
    ResidualBlock: _add_branch,
    keras.layers.ReLU: _Activated,
    keras.layers.Activation: _Activated,
    keras.layers.Dropout: _Activated,
}
