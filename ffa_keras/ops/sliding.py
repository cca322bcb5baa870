"""Sums over windows that slide down an image, some rows at a time."""

from collections.abc import Callable
from typing import Any

import tensorflow as tf

# Neighbours that one step of a window sum adds up; measured best of 2, 4, 8.
_RADIX = 8

# A shape, with a scalar tensor for each size that is not known yet.
Sizes = list[int | tf.Tensor]
# Reads the histograms of some padded rows by their numbers, or of one by its
# own, [rows * columns, levels].
ReadRows = Callable[[tf.Tensor], tf.Tensor]
# Makes some rows of each output, as long as it can, from their window
# histograms side by side and their numbers.
EmitRows = Callable[[tf.Tensor, tf.Tensor], tuple[tf.Tensor, ...]]

# Of histograms, [rows, columns, levels], that one step may hold on a GPU: every
# step costs the start of its kernels there, and one for each row would be a
# good part of a training step.
BYTES_ON_GPU = 2**24
_ROWS_OF_UNKNOWN_WIDTH = 16


def bytes_at_once() -> int:
    """Return how many bytes one step may hold; 0, for a row, without a GPU."""
    return BYTES_ON_GPU if tf.config.list_logical_devices("GPU") else 0


def slide(
    read: ReadRows,
    emit: EmitRows,
    columns: tf.Tensor,
    height: int,
    shape_out: tuple[int | tf.Tensor, int | tf.Tensor],
    dtypes: tuple[tf.DType, ...],
    entries: int,
) -> list[tf.Tensor]:
    """Slide histograms of `height` rows down an image, some rows at a time.

    Args:
        read: gives the histograms of rows by their numbers.
        emit: makes rows of each output.
        columns: zeros of the shape of what `read` gives of one row.
        height: of the window.
        shape_out: number of rows to emit, and columns of each.
        dtypes: of the outputs.
        entries: of histograms that one step may hold; it has one row at least.

    Returns:
        One tensor of `shape_out` for each dtype.
    """
    rows_out, columns_out = shape_out
    # TensorFlow Lite must know the columns, where they can be known.
    known = columns_out if isinstance(columns_out, int) else None
    columns_in, levels = sizes(columns)
    many = _ROWS_OF_UNKNOWN_WIDTH if entries else 1
    if known:
        many = max(1, entries // (columns_in * levels))
    if isinstance(rows_out, int):
        many = min(many, rows_out)

    def total(first: int | tf.Tensor, number: int) -> tf.Tensor:
        if number == 1:
            return read(first)
        rows = read(first + tf.range(number))
        rows = tf.reshape(rows, [number, columns_in, levels])
        return tf.reduce_sum(rows, axis=0)

    # Row 0 is in twice: at the first step it leaves as if it were the row
    # before.
    at_start = max(n for n in range(1, many + 1) if (height - 1) % n == 0)
    _, columns = tf.while_loop(
        lambda row, _: row < height - 1,
        lambda row, columns: (
            row + at_start,
            columns + total(row, at_start),
        ),
        (0, columns + total(tf.constant(0), 1)),
        maximum_iterations=(height - 1) // at_start,
    )
    steps = -(-rows_out // many)
    outputs = tuple(
        tf.TensorArray(
            dtype, steps, element_shape=[many * known if known else None]
        )
        for dtype in dtypes
    )

    def step(
        number: tf.Tensor, columns: tf.Tensor, *outputs: tf.TensorArray
    ) -> tuple[Any, ...]:
        rows = number
        if many > 1:
            # After the last row the same comes again, and is dropped.
            rows = tf.minimum(number * many + tf.range(many), rows_out - 1)
        # In one expression: what `emit` reads is the state of the loop, which
        # XLA would compute again for every neighbour if it were not stored.
        change = read(rows + height - 1) - read(tf.maximum(rows - 1, 0))
        if many == 1:
            columns += change
            values = emit(columns, rows)
        else:
            change = tf.reshape(change, [many, columns_in, levels])
            reached = columns + _running_sum(change, many)
            columns = reached[-1]
            values = emit(
                tf.reshape(reached, [many * columns_in, levels]), rows
            )
            values = tuple(
                _apart(value, many, columns_in, columns_out) for value in values
            )
        outputs = tuple(
            output.write(number, value)
            for output, value in zip(outputs, values, strict=True)
        )
        return number + 1, columns, *outputs

    _, _, *outputs = tf.while_loop(
        lambda number, *_: number < steps,
        step,
        (0, columns, *outputs),
        maximum_iterations=steps,
    )
    stacked = [output.stack() for output in outputs]
    if many == 1:
        return stacked
    return [tf.reshape(x, [-1, columns_out])[:rows_out] for x in stacked]


def _running_sum(x: tf.Tensor, size: int) -> tf.Tensor:
    """Add up the entries of the first axis, 8 of them, 64 of them ...

    XLA has no `tf.cumsum` of small integers.
    """
    shift = 1
    while shift < size:
        shifts = range(shift, min(size, shift * _RADIX), shift)
        earlier = [tf.pad(x[:-s], [[s, 0], [0, 0], [0, 0]]) for s in shifts]
        x = tf.add_n([x, *earlier])
        shift *= _RADIX
    return x


def _apart(
    values: tf.Tensor,
    rows: int,
    columns_in: int | tf.Tensor,
    columns_out: int | tf.Tensor,
) -> tf.Tensor:
    """Drop what windows across the ends of rows side by side have given."""
    values = tf.pad(values, [[0, columns_in - columns_out]])
    values = tf.reshape(values, [rows, columns_in])[:, :columns_out]
    return tf.reshape(values, [-1])


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
