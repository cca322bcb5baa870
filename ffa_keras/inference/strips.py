"""Translate a photograph of any size in bounded memory, without seams.

Instance normalisation takes its moments over the whole image, so tiles that
are translated alone differ in brightness. Here every layer sees strips of the
rows it needs, and the moments are gathered over all strips before the next
layer reads on: the answer is that of the whole image up to rounding. At full
and half resolution strips are computed again whenever they are read, which
costs little; only the quarter resolution of the residual blocks is stored, in
nameless temporary files. Memory grows with the width of the photograph, not
with its height.
"""

import itertools
import tempfile
from collections.abc import Iterator
from typing import Protocol

import keras
import numpy as np
import tensorflow as tf

from ffa_keras.errors import InputError
from ffa_keras.models import (
    InstanceNormalization,
    ReflectionPadding2D,
    ResidualBlock,
    ResnetGenerator,
    SmoothConv2DTranspose,
)
from ffa_keras.models.moments import spatial_mean
from ffa_keras.ops import from_grey_levels, to_grey_levels

# Values of a strip: 16 MiB as float32.
_STRIP_VALUES = 2**22
_FEWEST_ROWS = 8


class _Rows(Protocol):
    """Values [height, width, channels] that are read some rows at a time.

    Attributes:
        load: values that the widest layer holds to compute one of the rows.
    """

    shape: tuple[int, int, int]
    load: float

    def read(self, start: int, stop: int) -> tf.Tensor:
        """Return rows `start` to `stop`, float32 [1, rows, width, channels]."""


class _Photograph:
    """A photograph in grey levels, read as network values."""

    def __init__(self, fundus: np.ndarray):
        self._fundus = fundus
        self.shape = fundus.shape
        self.load = float(fundus[0].size)

    def read(self, start: int, stop: int) -> tf.Tensor:
        return from_grey_levels(self._fundus[None, start:stop])


class _Stored:
    """Values in a temporary file that is gone when it is closed."""

    def __init__(self, rows: _Rows):
        self.shape = rows.shape
        self.load = float(rows.shape[1] * rows.shape[2])
        # A file of the disk: what is mapped or held in memory counts as such.
        self._file = tempfile.TemporaryFile()
        for start, stop in _strips(rows):
            self.write(start, rows.read(start, stop))

    def read(self, start: int, stop: int) -> tf.Tensor:
        values = np.empty((1, stop - start, *self.shape[1:]), np.float32)
        self._file.seek(start * values[0, 0].nbytes)
        self._file.readinto(values.data)
        return tf.convert_to_tensor(values)

    def write(self, start: int, values: tf.Tensor) -> None:
        values = values.numpy()
        try:
            self._file.seek(start * values[0, 0].nbytes)
            self._file.write(values)
            self._file.flush()
        except OSError as error:
            raise InputError(
                f"{tempfile.gettempdir()}: {error.strerror}; a large"
                " photograph needs space there, or set TMPDIR to another folder"
            ) from error


class _Convolved:
    """What a convolution makes of rows padded by reflection."""

    def __init__(self, rows: _Rows, layer: keras.layers.Conv2D, padding: int):
        self._rows, self._layer, self._padding = rows, layer, padding
        self._size, self._stride = layer.kernel_size[0], layer.strides[0]
        height, width, _ = rows.shape
        self.shape = (
            height // self._stride,
            width // self._stride,
            layer.filters,
        )
        self.load = max(rows.load * self._stride, self.shape[1] * layer.filters)

    def read(self, start: int, stop: int) -> tf.Tensor:
        last = self._rows.shape[0] - 1
        first = start * self._stride - self._padding
        wanted = np.arange(
            first, first + (stop - start - 1) * self._stride + self._size
        )
        wanted = last - np.abs(last - np.abs(wanted))
        low = wanted.min()
        x = self._rows.read(low, wanted.max() + 1)
        x = tf.gather(x, wanted - low, axis=1)
        p = self._padding
        return self._layer(
            tf.pad(x, [[0, 0], [0, 0], [p, p], [0, 0]], "REFLECT")
        )


class _Upsampled:
    """What a smooth transposed convolution of stride 2 makes of rows."""

    def __init__(self, rows: _Rows, layer: SmoothConv2DTranspose):
        self._rows, self._layer = rows, layer
        height, width, _ = rows.shape
        self.shape = (2 * height, 2 * width, layer.filters)
        self.load = max(rows.load / 2, self.shape[1] * layer.filters)

    def read(self, start: int, stop: int) -> tf.Tensor:
        # Row 2 i of the convolution also holds a share of row i - 1, and the
        # blur reaches one row further on both sides.
        low = max(0, start // 2 - 1)
        high = min(self._rows.shape[0], stop // 2 + 1)
        x = self._layer(self._rows.read(low, high))
        return x[:, start - 2 * low : stop - 2 * low]


class _Normalized:
    """Rows under instance normalisation with the moments of all rows."""

    def __init__(self, rows: _Rows, layer: InstanceNormalization):
        self._rows = rows
        self.shape, self.load = rows.shape, rows.load
        mean, variance = _moments(rows)
        self._scale = layer.gamma / np.sqrt(variance + layer.epsilon)
        self._shift = layer.beta - mean * self._scale

    def read(self, start: int, stop: int) -> tf.Tensor:
        return self._rows.read(start, stop) * self._scale + self._shift


class _Activated:
    """Rows after a layer that works pixel by pixel."""

    def __init__(self, rows: _Rows, layer: keras.layers.Layer):
        self._rows, self._layer = rows, layer
        self.shape, self.load = rows.shape, rows.load

    def read(self, start: int, stop: int) -> tf.Tensor:
        return self._layer(self._rows.read(start, stop))


def translate_in_strips(
    generator: ResnetGenerator, fundus: np.ndarray
) -> np.ndarray:
    """Translate one photograph at its native size, as `translate` does.

    Args:
        generator: fundus to FFA.
        fundus: uint8 [H, W, 3], RGB; H and W at least 16.

    Returns:
        uint8 [H, W, 1].
    """
    height, width, _ = fundus.shape
    padded = np.pad(
        fundus, ((0, -height % 4), (0, -width % 4), (0, 0)), "reflect"
    )
    rows = _connect(generator.network.layers, _Photograph(padded))
    ffa = np.concatenate(
        [
            np.rint(to_grey_levels(rows.read(*strip))[0]).astype(np.uint8)
            for strip in _strips(rows)
        ]
    )
    return ffa[:height, :width]


def _connect(
    layers: list[keras.layers.Layer], rows: _Rows, store: bool = False
) -> _Rows:
    """Return the output of layers, to be read some rows at a time.

    With `store`, what convolutions make is kept instead of made again.
    """
    padding = 0
    for layer in layers:
        if isinstance(layer, ReflectionPadding2D):
            padding = layer.padding
        elif isinstance(layer, ResidualBlock):
            rows = _apply_residual(layer, rows)
        elif isinstance(layer, InstanceNormalization):
            rows = _Normalized(rows, layer)
        elif isinstance(layer, SmoothConv2DTranspose):
            rows = _Upsampled(rows, layer)
        elif isinstance(layer, keras.layers.Conv2D):
            rows, padding = _Convolved(rows, layer, padding), 0
            rows = _Stored(rows) if store else rows
        else:
            rows = _Activated(rows, layer)
    return rows


def _apply_residual(block: ResidualBlock, rows: _Rows) -> _Stored:
    """Add the branch to rows that are stored, in place."""
    total = rows if isinstance(rows, _Stored) else _Stored(rows)
    # The branch is stored before its last normalisation: the sum overwrites
    # what the branch reads.
    *inner, last = block.branch.layers
    branch = _Normalized(_connect(inner, total, store=True), last)
    for start, stop in _strips(branch):
        total.write(start, total.read(start, stop) + branch.read(start, stop))
    return total


def _moments(rows: _Rows) -> tuple[np.ndarray, np.ndarray]:
    """Return mean and variance of each channel, gathered strip by strip."""
    count, mean, squares = 0, np.zeros(1), np.zeros(1)
    for start, stop in _strips(rows):
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


def _strips(rows: _Rows) -> Iterator[tuple[int, int]]:
    height = rows.shape[0]
    step = max(_FEWEST_ROWS, int(_STRIP_VALUES / rows.load))
    return itertools.pairwise([*range(0, height, step), height])
