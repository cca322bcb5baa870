"""The Gaussian filter and the saliency map against OpenCV and SciPy."""

import cv2
import numpy as np
import pytest
import tensorflow as tf

from ffa_keras.ops import gaussian_filter2d, saliency_map

OPENCV_BORDERS = {
    "EDGE": cv2.BORDER_REPLICATE,
    "REFLECT": cv2.BORDER_REFLECT_101,
}


@pytest.fixture
def image():
    return np.random.default_rng(0).integers(0, 256, (40, 60), dtype=np.uint8)


def _on_image(operation, image, *args, **kwargs):
    images = np.asarray(image)[None, ..., None]
    return operation(images, *args, **kwargs).numpy()[0, ..., 0]


@pytest.mark.parametrize("padding", [*OPENCV_BORDERS])
@pytest.mark.parametrize("window", [1, 3, 7, (5, 11)])
@pytest.mark.parametrize("sigma", [0.7, 1.4, 3.0])
def test_gaussian_equals_opencv(image, window, padding, sigma):
    height, width = (window, window) if isinstance(window, int) else window
    expected = cv2.GaussianBlur(
        image.astype(np.float32),
        (width, height),
        sigma,
        borderType=OPENCV_BORDERS[padding],
    )
    filtered = _on_image(gaussian_filter2d, image, window, sigma, padding)
    np.testing.assert_allclose(filtered, expected, atol=1e-3)


@pytest.mark.parametrize("window", [3, 7, 9, 21])
def test_default_sigma_follows_the_rule_of_opencv(image, window):
    # OpenCV's own default is a table for small windows: name the sigma.
    sigma = 0.3 * ((window - 1) * 0.5 - 1) + 0.8
    expected = cv2.GaussianBlur(image.astype(np.float32), [window] * 2, sigma)
    filtered = _on_image(gaussian_filter2d, image, window)
    np.testing.assert_allclose(filtered, expected, atol=1e-3)


@pytest.mark.parametrize("padding", [*OPENCV_BORDERS])
def test_gaussian_keeps_constants_on_images_below_the_window(padding):
    for shape in [(1, 1), (2, 5)]:
        image = np.full(shape, 90, np.float32)
        np.testing.assert_allclose(
            _on_image(gaussian_filter2d, image, 7, None, padding),
            image,
            rtol=1e-6,
        )


def test_gaussian_channels_do_not_mix(image):
    images = np.stack([image, 255 - image, image // 2], -1)[None]
    filtered = gaussian_filter2d(images)
    for c in range(3):
        np.testing.assert_allclose(
            filtered[0, ..., c],
            _on_image(gaussian_filter2d, images[0, ..., c]),
            atol=1e-4,
        )


@pytest.mark.parametrize(
    ("arguments", "received"),
    [
        ({"filter_shape": 6}, "6"),
        ({"padding": "SAME"}, "SAME"),
        ({"sigma": 0.0}, "0.0"),
        ({"images": np.zeros((5, 5), np.float32)}, r"\(5, 5\)"),
    ],
)
def test_bad_arguments_are_named(arguments, received):
    arguments = {"images": np.zeros((1, 5, 5, 1), np.float32), **arguments}
    with pytest.raises(ValueError, match=f"Received: .*{received}"):
        gaussian_filter2d(**arguments)


@pytest.mark.parametrize("gain", [1.0, 0.5])
def test_saliency_is_the_gaussian_above_the_median(image, gain):
    background = cv2.medianBlur(image, 51).astype(np.float32)
    smooth = cv2.GaussianBlur(image.astype(np.float32), (7, 7), 1.4)
    np.testing.assert_allclose(
        _on_image(saliency_map, image, gain),
        gain * (smooth - background),
        atol=1e-3,
    )


def test_saliency_of_a_bright_vessel_is_warm_and_of_its_surround_is_not():
    frame = np.full((90, 90), 40, np.uint8)
    frame[:, 43:47] = 160
    saliency = _on_image(saliency_map, frame)
    assert saliency[:, 44:46].min() > 60
    assert np.abs(saliency[:, :35]).max() < 1e-3


def _step(images, upstream):
    with tf.GradientTape() as tape:
        tape.watch(images)
        saliency = saliency_map(images, 2.0)
    return saliency, tape.gradient(saliency, images, upstream)


@pytest.mark.parametrize("jit_compile", [False, True])
def test_saliency_and_its_gradient_are_the_same_in_a_graph(image, jit_compile):
    images = tf.cast(image[None, ..., None], tf.float32)
    upstream = tf.random.stateless_normal(images.shape, [0, 1])
    compiled = tf.function(
        _step,
        input_signature=[tf.TensorSpec([None, None, None, 1])] * 2,
        jit_compile=jit_compile,
    )
    for eager, graph in zip(
        _step(images, upstream), compiled(images, upstream), strict=True
    ):
        np.testing.assert_allclose(eager, graph, atol=1e-3)


def test_saliency_gradient_of_a_flat_region_sums_to_zero():
    images = tf.fill([1, 60, 60, 1], 80.0)
    upstream = np.zeros(images.shape, np.float32)
    upstream[0, 30, 30] = 1
    _, gradient = _step(images, upstream)
    # A window's mean and median move alike when all its pixels do.
    assert tf.reduce_sum(gradient).numpy() == pytest.approx(0, abs=1e-5)
    assert gradient[0, 30, 30, 0] > 0


def test_saliency_descends():
    rng = np.random.default_rng(2)
    target = saliency_map(rng.uniform(0, 255, (1, 32, 32, 1)))
    images = tf.Variable(rng.uniform(0, 255, (1, 32, 32, 1)), dtype="float32")
    losses = []
    for _ in range(20):
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean((saliency_map(images) - target) ** 2)
        images.assign_sub(150 * tape.gradient(loss, images))
        losses.append(loss.numpy())
    assert losses[-1] < losses[0] / 2
