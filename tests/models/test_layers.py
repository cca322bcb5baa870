"""Layers against NumPy."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from ffa_keras.models import (
    InstanceNormalization,
    ReflectionPadding2D,
    ResidualBlock,
    SmoothConv2DTranspose,
)


def _images(shape=(2, 9, 7, 3), seed=0):
    return np.random.default_rng(seed).normal(5, 3, shape).astype("float32")


def test_instance_normalization_equals_float64_numpy():
    images = _images()
    layer = InstanceNormalization(epsilon=1e-3)
    layer.build(images.shape)
    layer.set_weights([np.array([1, 2, -1.0]), np.array([0, 0.5, 3.0])])
    x = images.astype(np.float64)
    mean = x.mean((1, 2), keepdims=True)
    variance = x.var((1, 2), keepdims=True)
    expected = (x - mean) / np.sqrt(variance + 1e-3)
    expected = expected * [1, 2, -1.0] + [0, 0.5, 3.0]
    np.testing.assert_allclose(layer(images), expected, atol=1e-5)


def test_instance_normalization_of_a_flat_image_is_beta_with_finite_gradient():
    layer = InstanceNormalization()
    flat = tf.fill([1, 4, 4, 2], 7.0)
    with tf.GradientTape() as tape:
        tape.watch(flat)
        out = layer(flat)
        loss = tf.reduce_sum(out**2)
    np.testing.assert_array_equal(out, np.zeros((1, 4, 4, 2)))
    assert np.isfinite(tape.gradient(loss, flat)).all()


def test_instance_normalization_keeps_float32_moments_in_float16():
    # 300^2 overflows float16, so its variance would be infinite there.
    images = _images((1, 8, 8, 1)) + 300
    layer = InstanceNormalization(dtype="mixed_float16")
    exact = InstanceNormalization()(images)
    np.testing.assert_allclose(layer(images), exact, atol=0.2)


@pytest.mark.parametrize("padding", [1, 3])
def test_reflection_padding_equals_numpy(padding):
    images = _images()
    pad = ((0, 0), (padding, padding), (padding, padding), (0, 0))
    layer = ReflectionPadding2D(padding)
    expected = np.pad(images, pad, mode="reflect")
    np.testing.assert_array_equal(layer(images), expected)
    assert layer.compute_output_shape(images.shape) == expected.shape
    assert layer.compute_output_shape((None, None, 7, 3))[1:] == (
        None,
        7 + 2 * padding,
        3,
    )


def test_residual_block_with_a_silent_branch_is_the_identity():
    images = _images((1, 8, 8, 4))
    block = ResidualBlock(4)
    block.build(images.shape)
    norms = [w for w in block.weights if w.path.endswith("gamma")]
    norms[-1].assign(np.zeros(4))
    np.testing.assert_allclose(block(images), images, atol=1e-6)


@pytest.mark.parametrize(
    "layer",
    [
        InstanceNormalization(epsilon=0.5),
        ReflectionPadding2D(2),
        ResidualBlock(3, dropout=0.25),
        SmoothConv2DTranspose(3, use_bias=False),
    ],
)
def test_layers_round_trip_through_their_config(layer):
    copy = keras.saving.deserialize_keras_object(
        keras.saving.serialize_keras_object(layer)
    )
    assert type(copy) is type(layer)
    assert copy.get_config() == layer.get_config()


def test_smooth_transposed_convolution_is_a_bilinear_zoom_and_a_convolution():
    keras.utils.set_random_seed(0)
    layer = SmoothConv2DTranspose(4, use_bias=False)
    x = tf.random.normal((1, 9, 12, 3))
    smooth = layer(x).numpy()
    zoomed = np.zeros((1, 18, 24, 3))
    zoomed[:, ::2, ::2] = x
    for axis in (1, 2):
        before, after = np.roll(zoomed, 1, axis), np.roll(zoomed, -1, axis)
        zoomed = (before + 2 * zoomed + after) / 4
    kernel = tf.transpose(layer.kernel, [0, 1, 3, 2])[::-1, ::-1]
    expected = tf.nn.conv2d(zoomed.astype("float32"), kernel, 1, "SAME")
    # Output row r holds input row r / 2 through the first tap.
    expected = np.roll(expected, 1, (1, 2))
    inside = np.s_[:, 4:-4, 4:-4]
    np.testing.assert_allclose(smooth[inside], expected[inside], atol=1e-5)


def test_smooth_transposed_convolution_has_no_checkerboard():
    flat = tf.ones((1, 8, 8, 3))
    smooth = SmoothConv2DTranspose(4)(flat).numpy()[:, 3:-3, 3:-3]
    assert np.ptp(smooth, axis=(1, 2)).max() < 1e-5
    rough = keras.layers.Conv2DTranspose(4, 3, 2, padding="same")
    assert np.ptp(rough(flat).numpy()[:, 3:-3, 3:-3], axis=(1, 2)).max() > 0.1
