"""An exact, differentiable median filter for large windows.

The median is a sum over grey levels: the number of levels `v` for which most
of the window is brighter than `v`. Each level needs the window sums of a
binary image, which cost a few shifted additions whatever the window, and a few
levels are held at a time, so memory does not grow with the window either.
"""

import tensorflow as tf

from ffa_keras.ops.filters import check_window, pad_borders

_LEVELS = 256
# Levels in flight: enough to keep the cores busy, few enough for the caches.
_CHUNK = 16


def median_filter2d(
    images: tf.Tensor,
    filter_shape: int | tuple[int, int] = 51,
    padding: str = "EDGE",
) -> tf.Tensor:
    """Replace every pixel by the median of the window around it.

    Args:
        images: uint8 or float tensor [B, H, W, C], grey levels 0-255. Floats
            are rounded to the nearest grey level first, so the result is
            within half a grey level of their median.
        filter_shape: odd height and width of the window, or one for both.
            Defaults to `51`, the paper's.
        padding: `"EDGE"` repeats border pixels as `cv2.medianBlur` does,
            `"REFLECT"` mirrors as TensorFlow Addons does.

    Returns:
        Tensor [B, H, W, C] of the input's dtype, integral grey levels. The
        gradient is the subgradient of the median: it goes to the pixels of
        the window that hold the median, in equal shares.

    Raises:
        ValueError: a side of the window is even, or the padding unknown.
    """
    shape = check_window(filter_shape, padding)
    images = tf.convert_to_tensor(images)
    if images.dtype == tf.uint8:
        return tf.cast(
            _median(pad_borders(images, shape, padding), shape), tf.uint8
        )
    images = tf.cast(images, tf.float32)
    return _differentiable_median(pad_borders(images, shape, padding), shape)


def _differentiable_median(padded: tf.Tensor, shape: tuple[int, int]):
    @tf.custom_gradient
    def median(padded):
        levels = tf.clip_by_value(tf.round(padded), 0.0, _LEVELS - 1.0)
        levels = tf.cast(levels, tf.uint8)
        medians = _median(levels, shape)

        def gradient(upstream):
            return _spread(upstream, levels, medians, shape)

        return tf.cast(medians, tf.float32), gradient

    return median(padded)


def _median(padded: tf.Tensor, shape: tuple[int, int]) -> tf.Tensor:
    """Return the int16 medians of the VALID windows of uint8 images."""
    majority = shape[0] * shape[1] // 2 + 1
    padded = tf.cast(padded, tf.int16)

    def add_chunk(first, medians):
        levels = first + tf.constant([*range(_CHUNK)], tf.int16)
        brighter = padded[None] > levels[:, None, None, None, None]
        counts = _window_sums(tf.cast(brighter, tf.int16), shape)
        above = tf.cast(counts >= majority, tf.int16)
        return first + _CHUNK, medians + tf.reduce_sum(above, axis=0)

    size = tf.shape(padded)
    out = [size[0], size[1] - shape[0] + 1, size[2] - shape[1] + 1, size[3]]
    _, medians = tf.while_loop(
        lambda first, _: first < _LEVELS,
        add_chunk,
        (tf.constant(0, tf.int16), tf.zeros(out, tf.int16)),
        maximum_iterations=_LEVELS // _CHUNK,
        parallel_iterations=1,
        shape_invariants=(tf.TensorShape([]), tf.TensorShape([None] * 4)),
    )
    medians = tf.reshape(medians, out)
    return medians


def _spread(upstream, levels, medians, shape):
    """Return each window's gradient to the pixels that hold its median."""
    levels = tf.cast(levels, tf.int16)
    border = [[0, 0], [shape[0] - 1] * 2, [shape[1] - 1] * 2, [0, 0]]

    def chunk_levels(first):
        return (first + tf.constant([*range(_CHUNK)], tf.int16))[
            :, None, None, None, None
        ]

    def add_ties(first, ties):
        chunk = chunk_levels(first)
        counts = _window_sums(tf.cast(levels[None] == chunk, tf.int16), shape)
        here = tf.cast(medians[None] == chunk, tf.int16)
        return first + _CHUNK, ties + tf.reduce_sum(counts * here, 0)

    def add_gradient(first, total):
        chunk = chunk_levels(first)
        sent = tf.where(medians[None] == chunk, shares[None], 0.0)
        sent = tf.pad(sent, [[0, 0], *border])
        received = _window_sums(sent, shape)
        here = tf.cast(levels[None] == chunk, tf.float32)
        return first + _CHUNK, total + tf.reduce_sum(received * here, 0)

    def over_levels(body, zeros):
        return tf.while_loop(
            lambda first, _: first < _LEVELS,
            body,
            (tf.constant(0, tf.int16), zeros),
            maximum_iterations=_LEVELS // _CHUNK,
            parallel_iterations=1,
            shape_invariants=(tf.TensorShape([]), tf.TensorShape([None] * 4)),
        )[1]

    ties = over_levels(add_ties, tf.zeros_like(medians))
    shares = upstream / tf.cast(tf.maximum(ties, 1), tf.float32)
    return tf.reshape(
        over_levels(add_gradient, tf.zeros(tf.shape(levels))), tf.shape(levels)
    )


def _window_sums(x: tf.Tensor, shape: tuple[int, int]) -> tf.Tensor:
    """Return the sums over all VALID windows of [L, B, H, W, C]."""
    for axis, size in ((2, shape[0]), (3, shape[1])):
        x = _running_sum(x, size, axis)
    return x


def _running_sum(x: tf.Tensor, size: int, axis: int) -> tf.Tensor:
    """Return sums of `size` neighbours by doubling: log2(size) additions."""
    out = tf.shape(x)[axis] - size + 1
    total = None
    offset, width = 0, 1
    while True:
        if size & width:
            part = _shifted(x, offset, out, axis)
            total = part if total is None else total + part
            offset += width
        width *= 2
        if width > size:
            return total
        length = tf.shape(x)[axis] - width // 2
        x = _shifted(x, 0, length, axis) + _shifted(x, width // 2, length, axis)


def _shifted(x: tf.Tensor, start: int, length: tf.Tensor, axis: int):
    where = [slice(None)] * 5
    where[axis] = slice(start, start + length)
    return x[tuple(where)]
