"""Image files in a graph: looked through before they are decoded."""

import tensorflow as tf

from ffa_keras.images.checks import MAX_SCANS
from ffa_keras.translation.answers import MOST_PIXELS_WHOLE
from ffa_keras.translation.scale import SMALLEST_SIDE

# Encoders write 8 kB a chunk, 4 megapixels of 16 bits are 3000 of them.
_MOST_CHUNKS = 2**14


def decode(content: tf.Tensor) -> tf.Tensor:
    """Return the picture of an image file, if it can be told to be harmless.

    Args:
        content: string [], a PNG, JPEG, BMP or GIF file.

    Returns:
        uint8 [H, W, 3], RGB; for JPEG files the very pixels of OpenCV. In a
        graph that runs it, `InvalidArgumentError` for a file that claims more
        pixels than a network takes, or that takes more to decode than these.
    """
    checks = [*assert_size(_claimed_size(content)), _assert_sound(content)]
    with tf.control_dependencies(checks):
        content = tf.identity(content)
    fundus = tf.cond(
        tf.io.is_jpeg(content),
        lambda: tf.io.decode_jpeg(
            content, channels=3, dct_method="INTEGER_ACCURATE"
        ),
        lambda: tf.io.decode_image(
            content, channels=3, expand_animations=False
        ),
    )
    fundus.set_shape([None, None, 3])
    return fundus


def _claimed_size(content: tf.Tensor) -> tf.Tensor:
    """Return height and width as the head of a file has it, int64 [2].

    A file of a kilobyte can claim gigabytes, which decoding would allocate.
    """
    head = tf.strings.substr(content + bytes(32), 0, 32)

    def integers(at: int, kind: tf.DType, little: bool) -> tf.Tensor:
        raw = tf.strings.substr(head, at, 2 * kind.size)
        size = tf.io.decode_raw(raw, kind, little_endian=little)
        return tf.abs(tf.cast(size, tf.int64))

    return tf.case(
        [
            (
                tf.io.is_jpeg(content),
                lambda: tf.cast(
                    tf.image.extract_jpeg_shape(content)[:2], tf.int64
                ),
            ),
            (_starts(head, b"\x89PNG"), lambda: integers(16, tf.int32, False)),
            (_starts(head, b"BM"), lambda: integers(18, tf.int32, True)),
            (_starts(head, b"GIF8"), lambda: integers(6, tf.uint16, True)),
        ],
        # No image: decoding says so.
        default=lambda: tf.fill([2], tf.constant(SMALLEST_SIDE, tf.int64)),
    )


def assert_size(size: tf.Tensor) -> list[tf.Operation]:
    """Refuse sizes that a network cannot take.

    Args:
        size: int64 [..., H, W]; at most 4 megapixels in all.

    Returns:
        What has to run first.
    """
    return [
        tf.debugging.assert_greater_equal(
            tf.reduce_min(size[-2:]),
            tf.constant(SMALLEST_SIDE, tf.int64),
            f"too small: give at least {SMALLEST_SIDE} pixels a side",
        ),
        tf.debugging.assert_less_equal(
            tf.reduce_prod(size),
            tf.constant(MOST_PIXELS_WHOLE, tf.int64),
            f"too large: at most {MOST_PIXELS_WHOLE} pixels at once; translate"
            " larger photographs with ffa_keras.inference, in strips",
        ),
    ]


def _assert_sound(content: tf.Tensor) -> tf.Operation:
    """Refuse a file that takes more to decode than its pixels do."""
    return tf.debugging.assert_equal(
        tf.cond(
            tf.io.is_jpeg(content),
            lambda: _scans(content) <= MAX_SCANS,
            lambda: tf.cond(
                _starts(content, b"\x89PNG"),
                lambda: _chunks_fit(content),
                lambda: True,
            ),
        ),
        True,
        "damaged, or written to harm: save the image again",
    )


def _scans(content: tf.Tensor) -> tf.Tensor:
    """Return how many scans a JPEG file may have; decoding takes as long."""
    return tf.size(tf.strings.split(content, sep=b"\xff\xda")) - 1


def _chunks_fit(content: tf.Tensor) -> tf.Tensor:
    """Whether a PNG file holds every chunk whose length it gives.

    TensorFlow allocates what a chunk claims, up to 2 GB, before it reads.
    """
    length = tf.strings.length(content)

    def at_chunk(at: tf.Tensor, last: tf.Tensor) -> tf.Tensor:
        return ~last & (at <= length - 12)

    def go_on(at: tf.Tensor, _: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        head = tf.strings.substr(content, at, 8)
        claimed = tf.io.decode_raw(head, tf.int32, little_endian=False)[0]
        # A negative length and one past the end are as wrong as each other.
        fits = (claimed >= 0) & (claimed <= length - 12 - at)
        end = tf.equal(tf.strings.substr(head, 4, 4), b"IEND")
        return tf.where(fits, at + 12 + claimed, length + 1), end & fits

    at, last = tf.while_loop(
        at_chunk,
        go_on,
        (tf.constant(8), tf.constant(False)),
        maximum_iterations=_MOST_CHUNKS,
    )
    return last & (at <= length)


def _starts(content: tf.Tensor, mark: bytes) -> tf.Tensor:
    head = tf.strings.substr(content + bytes(len(mark)), 0, len(mark))
    return tf.equal(head, mark)
