"""An exact, differentiable median filter whose cost hardly knows the window.

The median is a sum over grey levels: the number of levels `v` for which most
pixels of the window are brighter than `v`. A loop walks down the rows and
keeps, for every column and level, how many of the window's rows are brighter
(one row enters, one leaves). Adding neighbouring columns by doubling gives the
counts of all windows of the row, so a row takes a few additions of small
integers that stay in the cache, whatever the window.

The gradient walks the same way. Its sums are kept in integers too: what enters
leaves again exactly, and no rounding error gathers on the way down.
"""

import tensorflow as tf

from ffa_keras.ops.filters import check_window, pad_borders

_LEVELS = 256
# Rows that a GPU walks down: many short strips side by side keep it busy. A
# CPU walks down the whole image, so that one row's counts stay in its cache.
_GPU_STRIP = 32


def median_filter2d(
    images: tf.Tensor,
    filter_shape: int | tuple[int, int] = 51,
    padding: str = "EDGE",
    gradient: str = "subgradient",
) -> tf.Tensor:
    """Replace every pixel by the median of the window around it.

    Plain TensorFlow operations; several times faster when the caller compiles
    them with XLA (`tf.function(jit_compile=True)`).

    Args:
        images: uint8 or float tensor [B, H, W, C], grey levels 0-255. Floats
            are rounded to the nearest grey level first, so the result is
            within half a grey level of their median.
        filter_shape: odd height and width of the window, or one for both.
            Defaults to `51`, the paper's.
        padding: `"EDGE"` repeats border pixels as `cv2.medianBlur` does,
            `"REFLECT"` mirrors as TensorFlow Addons does.
        gradient: `"subgradient"` sends the gradient to the pixels of the
            window that hold the median, in equal shares; `"stop"` sends none.

    Returns:
        Tensor [B, H, W, C] of integral grey levels: uint8 for uint8 images,
        else float32.

    Raises:
        ValueError: a side of the window is even, or the padding or the kind of
            gradient unknown.
    """
    shape = check_window(filter_shape, padding)
    if gradient not in ("subgradient", "stop"):
        raise ValueError(
            "gradient must be 'subgradient' or 'stop'. Received:"
            f" gradient={gradient!r}"
        )
    images = tf.convert_to_tensor(images)
    if images.dtype == tf.uint8:
        return _plain_median(images, shape, padding)
    levels = tf.clip_by_value(tf.round(images), 0, _LEVELS - 1)
    levels = tf.cast(tf.stop_gradient(levels), tf.uint8)
    if gradient == "stop":
        return tf.cast(_plain_median(levels, shape, padding), tf.float32)

    padded_levels = pad_borders(levels, shape, padding)

    @tf.custom_gradient
    def median(padded_images):
        del padded_images  # its grey levels are at hand
        planes = _to_planes(padded_levels)
        medians, ties = _medians(planes, shape)

        def spread(upstream):
            shares = _to_planes(upstream) / tf.cast(ties, tf.float32)
            received = _spread(planes, medians, shares, shape)
            return _from_planes(received, tf.shape(padded_levels))

        medians_4d = _from_planes(medians, tf.shape(levels))
        return tf.cast(medians_4d, tf.float32), spread

    return median(pad_borders(tf.cast(images, tf.float32), shape, padding))


def _plain_median(
    levels: tf.Tensor, shape: tuple[int, int], padding: str
) -> tf.Tensor:
    planes = _to_planes(pad_borders(levels, shape, padding))
    return _from_planes(_medians(planes, shape)[0], tf.shape(levels))


def _medians(
    planes: tf.Tensor, shape: tuple[int, int]
) -> tuple[tf.Tensor, tf.Tensor]:
    """Return the medians of all whole windows, and how many pixels hold them.

    Args:
        planes: uint8 tensor [N, H, W].
        shape: height and width of the window.

    Returns:
        uint8 and int32 tensors [N, H - height + 1, W - width + 1].
    """
    height, width = shape
    levels = _levels(tf.uint8)
    kind = _smallest_int(height)

    def encode(row):
        return tf.cast(row[..., None] > levels, kind)

    def answer(columns, _):
        # brighter[..., v]: pixels of the window above level v, falling in v.
        brighter = _window_sums(columns, width, height)
        most = brighter > height * width // 2
        median = tf.reduce_sum(tf.cast(most, tf.int32), -1)
        above = tf.where(most, tf.zeros_like(brighter), brighter)
        reach = tf.where(most, brighter, brighter.dtype.max)
        at_least = tf.minimum(
            tf.cast(tf.reduce_min(reach, -1), tf.int32), height * width
        )
        ties = at_least - tf.cast(tf.reduce_max(above, -1), tf.int32)
        return tf.cast(median, tf.uint8), ties

    return _walk((planes,), encode, answer, height, (tf.uint8, tf.int32))


def _spread(
    planes: tf.Tensor,
    medians: tf.Tensor,
    shares: tf.Tensor,
    shape: tuple[int, int],
) -> tf.Tensor:
    """Return what each pixel receives from the windows whose median it holds.

    Args:
        planes: uint8 tensor [N, H, W].
        medians: uint8 tensor [N, H - height + 1, W - width + 1].
        shares: float32 tensor like `medians`: what each window sends to every
            pixel that holds its median.
        shape: height and width of the window.

    Returns:
        float32 tensor [N, H, W].
    """
    height, width = shape
    levels = _levels(tf.uint8)
    # The largest scale at which no window's sum can overflow.
    largest = tf.maximum(tf.reduce_max(tf.abs(shares)), 1e-30)
    scale = 2.0**30 / (height * width) / largest
    whole = tf.cast(tf.round(shares * scale), tf.int32)
    border = [[0, 0], [height - 1] * 2, [width - 1] * 2]

    def encode(median, share):
        return tf.where(median[..., None] == levels, share[..., None], 0)

    def answer(columns, row):
        return (_sums_at(columns, tf.cast(row, tf.int32), width),)

    (received,) = _walk(
        (tf.pad(medians, border), tf.pad(whole, border)),
        encode,
        answer,
        height,
        (tf.int32,),
        planes,
    )
    return tf.cast(received, tf.float32) / scale


def _walk(entering, encode, answer, height, dtypes, answered=None):
    """Slide a window of rows down, keeping the sum of its encoded rows.

    Args:
        entering: tensors [N, R + height - 1, W] whose rows enter the window.
        encode: rows [N, W] to their part [N, W, levels] of the sum; rows of
            zeros to zeros.
        answer: `(sum, row of answered)` to the output rows [N, W'].
        height: rows in the window.
        dtypes: of the outputs.
        answered: tensor [N, R, W'] for `answer`; any if it needs none.

    Returns:
        Outputs [N, R, W'].
    """
    count = tf.shape(entering[0])[0]
    num_rows = tf.shape(entering[0])[1] - height + 1
    strip = _strip_rows(num_rows)
    rows = [_strips(x, strip, height - 1) for x in entering]
    answered = rows[0] if answered is None else _strips(answered, strip, 0)
    first = encode(*(x[: height - 1] for x in rows))
    # No row leaves at the first step: a row of zeros encodes to nothing.
    rows = [tf.pad(x, [[1, 0], [0, 0], [0, 0]]) for x in rows]
    outputs = tuple(tf.TensorArray(dtype, size=strip) for dtype in dtypes)

    def step(y, total, outputs):
        total += encode(*(x[y + height] for x in rows))
        total -= encode(*(x[y] for x in rows))
        values = answer(total, answered[y])
        outputs = tuple(
            array.write(y, value)
            for array, value in zip(outputs, values, strict=True)
        )
        return y + 1, total, outputs

    _, _, outputs = tf.while_loop(
        lambda y, *_: y < strip,
        step,
        (0, tf.reduce_sum(first, axis=0), outputs),
        maximum_iterations=strip,
        parallel_iterations=1,
    )
    return tuple(_join(array.stack(), count, num_rows) for array in outputs)


def _strip_rows(num_rows: tf.Tensor) -> tf.Tensor:
    if tf.config.list_physical_devices("GPU"):
        return tf.minimum(num_rows, _GPU_STRIP)
    return num_rows


def _strips(planes: tf.Tensor, strip: tf.Tensor, halo: int) -> tf.Tensor:
    """Cut [N, R + halo, W] into rows [strip + halo, N * strips, W]."""
    height = tf.shape(planes)[1]
    strips = -(-(height - halo) // strip)
    at = strip * tf.range(strips) + tf.range(strip + halo)[:, None]
    planes = tf.gather(planes, tf.minimum(at, height - 1), axis=1)
    planes = tf.transpose(planes, [1, 0, 2, 3])
    return tf.reshape(planes, [strip + halo, -1, tf.shape(planes)[3]])


def _join(rows: tf.Tensor, count: tf.Tensor, num_rows: tf.Tensor) -> tf.Tensor:
    """Put rows [strip, N * strips, W] together to [N, R, W]."""
    strip, _, width = tf.unstack(tf.shape(rows))
    planes = tf.reshape(rows, [strip, count, -1, width])
    planes = tf.transpose(planes, [1, 2, 0, 3])
    return tf.reshape(planes, [count, -1, width])[:, :num_rows]


def _window_sums(columns: tf.Tensor, width: int, bound: int) -> tf.Tensor:
    """Return the sums of `width` neighbours along axis 1, by doubling.

    Args:
        columns: integer tensor [N, W, levels].
        width: neighbours in a sum.
        bound: largest value in `columns`; decides how small an integer type
            holds each partial sum.

    Returns:
        Integer tensor [N, W - width + 1, levels].
    """
    out = tf.shape(columns)[1] - width + 1
    total, offset, size = None, 0, 1
    while True:
        if width & size:
            part = columns[:, offset : offset + out]
            if total is not None:
                part += tf.cast(total, part.dtype)
            total = part
            offset += size
        size *= 2
        if size > width:
            return total
        columns = tf.cast(columns, _smallest_int(bound * size))
        columns = columns[:, : -size // 2] + columns[:, size // 2 :]


def _sums_at(columns: tf.Tensor, level: tf.Tensor, width: int) -> tf.Tensor:
    """Return window sums along axis 1, at one level for each window.

    Args:
        columns: int32 tensor [N, W, levels].
        level: int32 tensor [N, W - width + 1].
        width: neighbours in a sum.

    Returns:
        int32 tensor [N, W - width + 1].
    """
    # Dense sums of small blocks, then one look-up a block: fewer passes than
    # dense sums of whole windows, fewer look-ups than one a column.
    block = max(1, round(width / 16))
    blocks = _window_sums(columns, block, 2**30)
    at = level + _LEVELS * tf.range(tf.shape(level)[1])

    def look_up(table, column):
        table = tf.reshape(table, [tf.shape(table)[0], -1])
        return tf.gather(table, at + _LEVELS * column, batch_dims=1)

    whole = width - width % block
    return tf.add_n(
        [look_up(blocks, column) for column in range(0, whole, block)]
        + [look_up(columns, column) for column in range(whole, width)]
    )


def _smallest_int(bound: int) -> tf.DType:
    if bound <= tf.uint8.max:
        return tf.uint8
    return tf.int16 if bound <= tf.int16.max else tf.int32


def _levels(dtype: tf.DType) -> tf.Tensor:
    return tf.cast(tf.range(_LEVELS), dtype)


def _to_planes(images: tf.Tensor) -> tf.Tensor:
    """Reshape [B, H, W, C] to [B * C, H, W]."""
    size = tf.shape(images)
    planes = tf.transpose(images, [0, 3, 1, 2])
    return tf.reshape(planes, [-1, size[1], size[2]])


def _from_planes(planes: tf.Tensor, size: tf.Tensor) -> tf.Tensor:
    """Reshape [B * C, H, W] to the [B, H, W, C] given by `size`."""
    batch, height, width, channels = tf.unstack(size)
    planes = tf.reshape(planes, [batch, channels, height, width])
    return tf.transpose(planes, [0, 2, 3, 1])
