"""An exact, differentiable median filter whose cost hardly knows the window.

The median of a window is the first grey level at or below which most of the
window lies. So the filter slides histograms down the image: one cumulative
histogram for each column, kept current by adding the row that enters the window
and subtracting the row that leaves it, and sums of neighbouring columns, built
from partial sums that neighbours share. The gradient slides the same way over
the shares that each window sends back.

It goes one row at a time, or on a GPU as many as a few steps take, and holds
the histograms of those only. All of it is plain arithmetic on [columns, 256]
arrays, so it runs wherever TensorFlow does, and XLA fuses it.
"""

from typing import Any

import tensorflow as tf

from ffa_keras.ops.filters import check_images, check_window, pad_borders
from ffa_keras.ops.sliding import (
    EmitRows,
    bytes_at_once,
    from_rows,
    sizes,
    slide,
    sum_neighbours,
    to_rows,
)

GRADIENTS = ("subgradient", "stop")

_LEVELS = 256


def median_filter2d(
    images: tf.Tensor,
    filter_shape: int | tuple[int, int] = 51,
    padding: str = "EDGE",
    gradient: str = "subgradient",
) -> tf.Tensor:
    """Replace every pixel by the median of the window around it.

    Args:
        images: uint8, int32 or float tensor [B, H, W, C], grey levels 0-255;
            any of the sizes may be unknown. Floats are rounded to the nearest
            grey level, so that the result is within half a grey level of
            their median; values outside 0-255 are clipped. int32 is slower:
            it is for TensorFlow Lite, which cannot count in smaller integers.
        filter_shape: odd height and width of the window, or one for both; the
            image may be smaller. Defaults to `51`, the paper's.
        padding: `"EDGE"` repeats border pixels as `cv2.medianBlur` does,
            `"REFLECT"` mirrors without repeating the border pixel, as
            TensorFlow Addons does.
        gradient: `"subgradient"` sends the gradient of a window to those of
            its pixels that hold the median, in equal shares; `"stop"` sends
            none.

    Returns:
        Tensor [B, H, W, C] of the input's dtype, integral grey levels.

    Raises:
        ValueError: an argument is not among these; the message says what was
            received.
    """
    window = check_window(filter_shape, padding)
    if gradient not in GRADIENTS:
        raise ValueError(
            f"gradient must be one of {GRADIENTS}."
            f" Received: gradient={gradient!r}"
        )
    images = tf.convert_to_tensor(images)
    check_images(images)
    if images.dtype.is_integer:
        levels = tf.clip_by_value(images, 0, _LEVELS - 1)
        levels = pad_borders(levels, window, padding)
        return _slide_median(levels, *window, bytes_at_once())
    padded = pad_borders(tf.cast(images, tf.float32), window, padding)
    if gradient == "stop":
        levels = _quantize(tf.stop_gradient(padded))
        medians = _slide_median(levels, *window, bytes_at_once())
    else:
        medians = _differentiable_median(padded, window)
    return tf.cast(medians, images.dtype)


def _quantize(images: tf.Tensor) -> tf.Tensor:
    levels = tf.clip_by_value(tf.round(images), 0.0, _LEVELS - 1.0)
    return tf.cast(levels, tf.uint8)


def _differentiable_median(
    padded: tf.Tensor, window: tuple[int, int]
) -> tf.Tensor:
    at_once = bytes_at_once()

    @tf.custom_gradient
    def median(padded: tf.Tensor) -> Any:
        levels = _quantize(padded)
        medians, ties = _slide_median_and_ties(levels, *window, at_once)

        def gradient(upstream: tf.Tensor) -> tf.Tensor:
            shares = upstream / tf.cast(ties, tf.float32)
            return _slide_shares(shares, medians, levels, *window, at_once)

        return tf.cast(medians, tf.float32), gradient

    return median(padded)


@tf.function(autograph=False, reduce_retracing=True)
def _slide_median(
    levels: tf.Tensor, height: int, width: int, at_once: int
) -> tf.Tensor:
    """Return the medians of the windows that fit into the images.

    Args:
        levels: uint8 or int32 tensor [B, H, W, C].
        height: of the window.
        width: of the window.
        at_once: bytes of histograms that one step may hold.

    Returns:
        Tensor [B, H - height + 1, W - width + 1, C] of the dtype of `levels`.
    """

    def emit(counts: tf.Tensor, _: tf.Tensor) -> tuple[tf.Tensor, ...]:
        return (tf.cast(_first_majority(counts, height * width), dtype),)

    dtype = levels.dtype
    return _slide_counts(levels, height, width, emit, (dtype,), at_once)[0]


@tf.function(autograph=False, reduce_retracing=True)
def _slide_median_and_ties(
    levels: tf.Tensor, height: int, width: int, at_once: int
) -> tuple[tf.Tensor, tf.Tensor]:
    """Return as well how many pixels of each window hold its median, int32."""

    def emit(counts: tf.Tensor, _: tf.Tensor) -> tuple[tf.Tensor, ...]:
        medians = _first_majority(counts, height * width)
        below = _pick(counts, tf.maximum(medians - 1, 0))
        below = tf.where(medians > 0, below, 0)
        ties = _pick(counts, medians) - below
        return tf.cast(medians, tf.uint8), ties

    medians, ties = _slide_counts(
        levels, height, width, emit, (tf.uint8, tf.int32), at_once
    )
    return medians, ties


@tf.function(autograph=False, reduce_retracing=True)
def _slide_shares(
    shares: tf.Tensor,
    medians: tf.Tensor,
    levels: tf.Tensor,
    height: int,
    width: int,
    at_once: int,
) -> tf.Tensor:
    """Send the share of each window to its pixels that hold its median.

    A pixel receives from the windows that contain it, which are as many as a
    window has pixels: what it receives is itself a window sum, over histograms
    of shares.

    Args:
        shares: float32 tensor [B, H, W, C].
        medians: uint8 tensor [B, H, W, C].
        levels: uint8 tensor [B, H + height - 1, W + width - 1, C].
        height: of the window.
        width: of the window.
        at_once: bytes of histograms that one step may hold.

    Returns:
        float32 tensor of the shape of `levels`.
    """
    margin = [[0, 0], [height - 1] * 2, [width - 1] * 2, [0, 0]]
    shares = tf.pad(shares, margin)
    share_rows = to_rows(shares)
    median_rows = to_rows(tf.pad(medians, margin))
    level_rows = to_rows(
        tf.pad(levels, [[0, 0], [0, 0], [0, width - 1], [0, 0]])
    )
    rows_out = sizes(levels)[1]
    columns_out = sizes(share_rows)[1] - width + 1

    def read(rows: tf.Tensor) -> tf.Tensor:
        here = _flat(median_rows, rows)[:, None] == _all_levels(tf.uint8)
        return tf.where(here, _flat(share_rows, rows)[:, None], 0.0)

    def emit(columns: tf.Tensor, rows: tf.Tensor) -> tuple[tf.Tensor, ...]:
        sums = sum_neighbours(columns, width)
        wanted = _flat(level_rows, rows)[: sizes(sums)[0]]
        return (_pick(sums, tf.cast(wanted, tf.int32)),)

    start = tf.zeros([sizes(share_rows)[1], _LEVELS])
    shape_out = rows_out, columns_out
    entries = at_once // tf.float32.size
    (received,) = slide(
        read, emit, start, height, shape_out, (tf.float32,), entries
    )
    batch, _, columns, channels = sizes(shares)
    return from_rows(received, [batch, rows_out, columns, channels], width)


def _slide_counts(
    levels: tf.Tensor,
    height: int,
    width: int,
    emit: EmitRows,
    dtypes: tuple[tf.DType, ...],
    at_once: int,
) -> list[tf.Tensor]:
    """Slide cumulative histograms; `emit` sees those of the windows."""
    rows = to_rows(levels)
    batch, rows_in, columns_in, channels = sizes(levels)
    # The smallest integers that can count a window, unless all are int32.
    small = levels.dtype == tf.uint8
    column_type = tf.uint8 if small and height < 2**8 else tf.int32
    window_type = tf.uint16 if small and height * width < 2**16 else tf.int32

    def read(numbers: tf.Tensor) -> tf.Tensor:
        reached = _flat(rows, numbers)[:, None] <= _all_levels(levels.dtype)
        return tf.cast(reached, column_type)

    def emit_sums(columns: tf.Tensor, row: tf.Tensor) -> tuple[tf.Tensor, ...]:
        columns = tf.cast(columns, window_type)
        return emit(sum_neighbours(columns, width), row)

    start = tf.zeros([sizes(rows)[1], _LEVELS], column_type)
    rows_out = rows_in - height + 1
    shape_out = rows_out, sizes(rows)[1] - width + 1
    entries = at_once // window_type.size
    outputs = slide(read, emit_sums, start, height, shape_out, dtypes, entries)
    shape = [batch, rows_out, columns_in, channels]
    return [from_rows(output, shape, width) for output in outputs]


def _flat(rows: tf.Tensor, numbers: tf.Tensor) -> tf.Tensor:
    """Return rows by their numbers, side by side, or one by its own."""
    found = tf.gather(rows, numbers)
    return tf.reshape(found, [-1]) if numbers.shape.rank else found


def _first_majority(counts: tf.Tensor, total: int) -> tf.Tensor:
    """Return the first level whose count is most of `total`, int32."""
    most = tf.cast(counts > total // 2, tf.int32)
    return _LEVELS - tf.reduce_sum(most, axis=-1)


def _pick(x: tf.Tensor, levels: tf.Tensor) -> tf.Tensor:
    """Return `x[i, levels[i]]`; counts come back as int32."""
    picked = tf.gather(x, levels, batch_dims=1)
    return picked if x.dtype.is_floating else tf.cast(picked, tf.int32)


def _all_levels(dtype: tf.DType) -> tf.Tensor:
    return tf.cast(tf.range(_LEVELS), dtype)
