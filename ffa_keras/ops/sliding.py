"""Sums over windows that slide down an image, one row at a time."""

from collections.abc import Callable
from typing import Any

import tensorflow as tf

# Neighbours that one step of a window sum adds up; measured best of 2, 4, 8.
_RADIX = 8

# A shape, with a scalar tensor for each size that is not known yet.
Sizes = list[int | tf.Tensor]
# Reads the histograms of the columns of one padded row, [columns, levels].
ReadRow = Callable[[tf.Tensor], tf.Tensor]
# Makes a row of each output from its window histograms and its number.
EmitRow = Callable[[tf.Tensor, tf.Tensor], tuple[tf.Tensor, ...]]


def slide(
    read: ReadRow,
    emit: EmitRow,
    columns: tf.Tensor,
    height: int,
    shape_out: tuple[int | tf.Tensor, int | tf.Tensor],
    dtypes: tuple[tf.DType, ...],
) -> list[tf.Tensor]:
    """Slide histograms of `height` rows down an image.

    Args:
        read: gives the histograms of a row.
        emit: makes one row of each output.
        columns: zeros of the shape of what `read` gives.
        height: of the window.
        shape_out: number of rows to emit, and columns of each.
        dtypes: of the outputs.

    Returns:
        One tensor of `shape_out` for each dtype.
    """
    rows_out, columns_out = shape_out
    # TensorFlow Lite must know the columns, where they can be known.
    known = columns_out if isinstance(columns_out, int) else None
    # Row 0 is in twice: at the first step it leaves as if it were the row
    # before.
    _, columns = tf.while_loop(
        lambda row, _: row < height - 1,
        lambda row, columns: (row + 1, columns + read(row)),
        (0, columns + read(0)),
        maximum_iterations=height - 1,
    )
    outputs = tuple(
        tf.TensorArray(dtype, rows_out, element_shape=[known])
        for dtype in dtypes
    )

    def step(
        row: tf.Tensor, columns: tf.Tensor, *outputs: tf.TensorArray
    ) -> tuple[Any, ...]:
        # In one expression: what `emit` reads is the state of the loop, which
        # XLA would compute again for every neighbour if it were not stored.
        columns += read(row + height - 1) - read(tf.maximum(row - 1, 0))
        values = emit(columns, row)
        outputs = tuple(
            output.write(row, value)
            for output, value in zip(outputs, values, strict=True)
        )
        return row + 1, columns, *outputs

    _, _, *outputs = tf.while_loop(
        lambda row, *_: row < rows_out,
        step,
        (0, columns, *outputs),
        maximum_iterations=rows_out,
    )
    return [output.stack() for output in outputs]


def sum_neighbours(x: tf.Tensor, size: int) -> tf.Tensor:
    """Add up every `size` neighbours along the first axis.

    The digits of `size` say which partial sums of 1, 8, 64 ... neighbours make
    it up, so the number of additions grows with its logarithm.

    Args:
        x: numeric tensor [columns, levels].
        size: number of neighbours.

    Returns:
        Tensor [columns - size + 1, levels].
    """
    parts, begin, width, end = [], 0, 1, size - 1
    while True:
        size, digit = divmod(size, _RADIX)
        for _ in range(digit):
            parts.append(_without(x, begin, end - begin))
            begin += width
        if not size:
            return tf.add_n(parts)
        shifts = [i * width for i in range(_RADIX)]
        x = tf.add_n([_without(x, s, shifts[-1] - s) for s in shifts])
        end, width = end - shifts[-1], width * _RADIX


def _without(x: tf.Tensor, first: int, last: int) -> tf.Tensor:
    """Drop the first and last rows of a tensor."""
    return x[first : -last or None]


def to_rows(images: tf.Tensor) -> tf.Tensor:
    """Set all images and channels side by side: [B, H, W, C] to [H, B C W].

    Windows across the seams are computed too and dropped by `from_rows`; that
    costs less than keeping the images apart.
    """
    batch, height, width, channels = sizes(images)
    rows = tf.transpose(images, [1, 0, 3, 2])
    return tf.reshape(rows, [height, batch * channels * width])


def from_rows(rows: tf.Tensor, shape: Sizes, width: int) -> tf.Tensor:
    """Take the images apart again, without the windows across the seams.

    Args:
        rows: tensor [H, B C W - width + 1], one value for each window.
        shape: B, H, W and C of the images whose windows these are.
        width: of the windows.

    Returns:
        Tensor [B, H, W - width + 1, C].
    """
    batch, height, columns, channels = shape
    rows = tf.pad(rows, [[0, 0], [0, width - 1]])
    images = tf.reshape(rows, [height, batch, channels, columns])
    images = tf.transpose(images, [1, 0, 3, 2])
    return images[:, :, : columns - width + 1]


def sizes(x: tf.Tensor) -> Sizes:
    """Return the shape of a tensor, as numbers where they are known."""
    shape = tf.shape(x)
    return [shape[i] if n is None else n for i, n in enumerate(x.shape)]
