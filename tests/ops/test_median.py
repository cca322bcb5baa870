"""The median against OpenCV and SciPy, its gradient against brute force."""

import cv2
import numpy as np
import pytest
import scipy.ndimage
import tensorflow as tf
from hypothesis import given, settings, strategies as st

from ffa_keras.ops import median_filter2d

SCIPY_MODES = {"EDGE": "nearest", "REFLECT": "mirror"}


def _oracle(image, window, padding):
    """Median of a [H, W] image by SciPy."""
    return scipy.ndimage.median_filter(image, window, mode=SCIPY_MODES[padding])


def _filtered(image, *args, **kwargs):
    """Median of a [H, W] image by the op."""
    image = np.asarray(image)[None, ..., None]
    return median_filter2d(image, *args, **kwargs).numpy()[0, ..., 0]


def _gradient(filtered, images, upstream):
    images = tf.convert_to_tensor(images)
    with tf.GradientTape() as tape:
        tape.watch(images)
        outputs = filtered(images)
    return tape.gradient(outputs, images, upstream)


def _brute_force(images, window, padding, upstream):
    """Gradient of the median of [H, W] grey levels, one window at a time."""
    height, width = images.shape
    rows = _border(height, window, padding)
    columns = _border(width, window, padding)
    gradient = np.zeros(images.shape)
    for y in range(height):
        for x in range(width):
            at = np.ix_(rows[y : y + window], columns[x : x + window])
            values = images[at]
            ties = values == np.median(values)
            np.add.at(gradient, at, ties * upstream[y, x] / ties.sum())
    return gradient


def _border(length, window, padding):
    """Pixel that stands at each place of a padded line."""
    mode = "edge" if padding == "EDGE" else "reflect"
    return np.pad(np.arange(length), window // 2, mode=mode)


@st.composite
def _images(draw):
    """Noise, constant, binary and smooth images, 1-80 pixels a side."""
    shape = draw(st.tuples(st.integers(1, 80), st.integers(1, 80)))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    low, high = sorted(draw(st.tuples(*[st.integers(0, 255)] * 2)))
    kind = draw(
        st.sampled_from(["noise", "constant", "binary", "extremes", "ramp"])
    )
    image = {
        "noise": rng.integers(low, high + 1, shape),
        "constant": np.full(shape, high),
        "binary": rng.choice([low, high], shape),
        "extremes": rng.choice([0, 255], shape),
        "ramp": np.linspace(low, high, shape[0] * shape[1]).reshape(shape),
    }[kind]
    return image.astype(np.uint8)


_ODD = st.integers(0, 30).map(lambda half: 2 * half + 1)


@pytest.mark.slow
@settings(max_examples=200)
@given(_images(), st.tuples(_ODD, _ODD), st.sampled_from([*SCIPY_MODES]))
def test_uint8_median_is_exact(image, window, padding):
    np.testing.assert_array_equal(
        _filtered(image, window, padding), _oracle(image, window, padding)
    )


@pytest.mark.parametrize("padding", [*SCIPY_MODES])
@pytest.mark.parametrize("window", [(1, 1), (1, 61), (15, 1), (9, 17)])
@pytest.mark.parametrize("levels", [[7], [0, 255], range(256)])
def test_uint8_median_is_exact_on_chosen_images(padding, window, levels):
    image = np.random.default_rng(0).choice(levels, (16, 21)).astype(np.uint8)
    np.testing.assert_array_equal(
        _filtered(image, window, padding), _oracle(image, window, padding)
    )


@pytest.mark.parametrize("window", [3, 21, 51])
def test_default_border_is_that_of_opencv(window):
    rng = np.random.default_rng(0)
    image = rng.integers(0, 256, (60, 73), dtype=np.uint8)
    np.testing.assert_array_equal(
        _filtered(image, window), cv2.medianBlur(image, window)
    )


@pytest.mark.parametrize("window", [(255, 3), (257, 3), (301, 303)])
def test_counts_of_large_windows_do_not_overflow(window):
    image = np.full((20, 30), 7, np.uint8)
    image[0, 0] = 200
    np.testing.assert_array_equal(
        _filtered(image, window), _oracle(image, window, "EDGE")
    )


@settings(max_examples=25)
@given(_images(), st.integers(0, 2**32 - 1))
def test_float_median_is_within_half_a_grey_level(image, seed):
    noise = np.random.default_rng(seed).uniform(-0.5, 0.5, image.shape)
    image = np.clip(image + noise, 0, 255)
    exact = _oracle(image, 9, "EDGE")
    error = _filtered(image.astype(np.float32), 9) - exact
    assert np.abs(error).max() <= 0.5 + 1e-4


def test_values_outside_the_grey_levels_are_clipped():
    image = np.float32([[-40, 300], [900, 400]])
    assert (_filtered(image, 3) <= 255).all()
    assert _filtered(image - 1000, 3).max() == 0


def test_batches_and_channels_do_not_mix():
    rng = np.random.default_rng(1)
    images = rng.integers(0, 256, (3, 17, 19, 4), dtype=np.uint8)
    filtered = median_filter2d(images, 7).numpy()
    for b in range(3):
        for c in range(4):
            np.testing.assert_array_equal(
                filtered[b, ..., c], _oracle(images[b, ..., c], 7, "EDGE")
            )


@pytest.mark.parametrize(
    "dtype", ["uint8", "int32", "float16", "float32", "float64"]
)
def test_dtype_and_shape_are_kept(dtype):
    images = tf.cast(tf.fill([2, 5, 6, 3], 9), dtype)
    filtered = median_filter2d(images, 3)
    assert filtered.dtype == dtype
    np.testing.assert_array_equal(filtered, images)


def _specs(dtype):
    return [tf.TensorSpec([None, None, None, None], dtype)]


@pytest.mark.parametrize("jit_compile", [False, True])
@pytest.mark.parametrize("dtype", [tf.uint8, tf.float32])
def test_sizes_may_be_unknown(jit_compile, dtype):
    filtered = tf.function(
        lambda x: median_filter2d(x, 9, "REFLECT"),
        input_signature=_specs(dtype),
        jit_compile=jit_compile,
    )
    rng = np.random.default_rng(2)
    for shape in ([1, 3, 30, 1], [2, 12, 5, 2]):
        images = rng.integers(0, 256, shape, dtype=np.uint8)
        expected = median_filter2d(images, 9, "REFLECT")
        np.testing.assert_array_equal(
            filtered(tf.cast(images, dtype)), expected
        )


def test_runs_inside_a_dataset_and_a_saved_model(tmp_path):
    rng = np.random.default_rng(3)
    images = rng.integers(0, 256, (2, 14, 15, 1), dtype=np.uint8)
    expected = median_filter2d(images, 5).numpy()
    dataset = tf.data.Dataset.from_tensor_slices(images).batch(1)
    mapped = dataset.map(lambda x: median_filter2d(x, 5)).unbatch()
    np.testing.assert_array_equal([*mapped.as_numpy_iterator()], expected)

    module = tf.Module()
    module.median = tf.function(
        lambda x: median_filter2d(x, 5), input_signature=_specs(tf.uint8)
    )
    tf.saved_model.save(module, tmp_path)
    loaded = tf.saved_model.load(tmp_path)
    np.testing.assert_array_equal(loaded.median(images), expected)


@pytest.mark.parametrize("padding", [*SCIPY_MODES])
@pytest.mark.parametrize("levels", [3, 256])
@pytest.mark.parametrize("jit_compile", [False, True])
def test_gradient_equals_brute_force(padding, levels, jit_compile):
    rng = np.random.default_rng(levels)
    image = rng.integers(0, levels, (9, 11)).astype(np.float32)
    upstream = rng.normal(size=image.shape).astype(np.float32)
    step = tf.function(
        lambda x, u: _gradient(lambda x: median_filter2d(x, 5, padding), x, u),
        jit_compile=jit_compile,
    )
    gradient = step(image[None, ..., None], upstream[None, ..., None])
    np.testing.assert_allclose(
        gradient[0, ..., 0],
        _brute_force(image, 5, padding, upstream),
        atol=1e-5,
    )


def test_gradient_equals_that_of_sorted_patches():
    rng = np.random.default_rng(5)
    # No two pixels are equal, so sorting has one true gradient as well.
    images = rng.permutation(256)[: 12 * 15].reshape(1, 12, 15, 1)
    images = images.astype(np.float32)
    upstream = rng.normal(size=(1, 8, 11, 1)).astype(np.float32)

    def by_sorting(x):
        patches = tf.image.extract_patches(
            x, [1, 5, 5, 1], [1] * 4, [1] * 4, "VALID"
        )
        return tf.sort(patches, axis=-1)[..., 12:13]

    expected = _gradient(by_sorting, images, upstream)
    gradient = _gradient(
        lambda x: median_filter2d(x, 5)[:, 2:-2, 2:-2], images, upstream
    )
    np.testing.assert_allclose(gradient, expected, atol=1e-5)


def test_gradient_equals_finite_differences_where_it_is_smooth():
    rng = np.random.default_rng(6)
    # Three grey levels apart, a pixel moves by one without passing another.
    image = 3.0 * rng.permutation(85)[:80].reshape(1, 8, 10, 1)
    image = image.astype(np.float32)
    upstream = rng.normal(size=image.shape).astype(np.float32)
    gradient = _gradient(lambda x: median_filter2d(x, 3), image, upstream)
    for y, x in np.ndindex(8, 10):
        move = np.zeros_like(image)
        move[0, y, x] = 1
        change = median_filter2d(image + move, 3) - median_filter2d(
            image - move, 3
        )
        slope = tf.reduce_sum(change * upstream) / 2
        np.testing.assert_allclose(gradient[0, y, x, 0], slope, atol=1e-5)


@pytest.mark.parametrize("shape", [(1, 1), (2, 3), (40, 9)])
def test_gradient_is_neither_lost_nor_made(shape):
    rng = np.random.default_rng(7)
    images = rng.integers(0, 99, (2, *shape, 2)).astype(np.float32)
    upstream = rng.normal(size=images.shape).astype(np.float32)
    gradient = _gradient(lambda x: median_filter2d(x, 51), images, upstream)
    np.testing.assert_allclose(
        tf.reduce_sum(gradient, (1, 2)), upstream.sum((1, 2)), atol=1e-4
    )


def test_gradient_of_a_flat_image_is_shared_by_the_window():
    images = np.full((1, 9, 9, 1), 30, np.float32)
    upstream = np.zeros_like(images)
    upstream[0, 4, 4] = 9
    expected = np.zeros_like(images)
    expected[0, 3:6, 3:6] = 1
    gradient = _gradient(lambda x: median_filter2d(x, 3), images, upstream)
    np.testing.assert_allclose(gradient, expected, atol=1e-6)


def test_gradient_can_be_stopped():
    images = np.full((1, 5, 5, 1), 30, np.float32)
    assert (
        _gradient(
            lambda x: median_filter2d(x, 3, gradient="stop"), images, images
        )
        is None
    )


@pytest.mark.parametrize(
    ("arguments", "received"),
    [
        ({"filter_shape": 4}, "4"),
        ({"filter_shape": (3, 0)}, r"\(3, 0\)"),
        ({"filter_shape": (3, 3, 3)}, r"\(3, 3, 3\)"),
        ({"filter_shape": 2.5}, "2.5"),
        ({"padding": "CONSTANT"}, "CONSTANT"),
        ({"gradient": "true"}, "true"),
        ({"images": np.zeros((5, 5), np.uint8)}, r"\(5, 5\)"),
    ],
)
def test_bad_arguments_are_named(arguments, received):
    arguments = {"images": np.zeros((1, 5, 5, 1), np.uint8), **arguments}
    with pytest.raises(ValueError, match=f"Received: .*{received}"):
        median_filter2d(**arguments)
