"""The loss terms against hand-worked answers and NumPy float64."""

import numpy as np
import tensorflow as tf

from ffa_keras.losses import (
    discriminator_adversarial_loss,
    discriminator_least_squares_loss,
    generator_adversarial_loss,
    generator_least_squares_loss,
    pixel_loss,
    saliency_loss,
    squared_loss,
    structural_loss,
)
from ffa_keras.ops import saliency_map


def _images(seed, batch=2, size=24):
    values = np.random.default_rng(seed).uniform(-1, 1, (batch, size, size, 1))
    return tf.constant(values, tf.float32)


def _logit(probability):
    return np.log(probability / (1 - probability))


def test_generator_adversarial_loss_is_minus_log_of_the_probability():
    logits = tf.constant(_logit(np.array([0.25, 0.5]))[:, None, None, None])
    np.testing.assert_allclose(
        generator_adversarial_loss(tf.cast(logits, tf.float32)),
        -np.log([0.25, 0.5]),
        rtol=1e-6,
    )


def test_discriminator_adversarial_loss_is_the_mean_of_both_halves():
    real = tf.fill([1, 3, 3, 1], tf.constant(_logit(0.9), tf.float32))
    fake = tf.fill([1, 3, 3, 1], tf.constant(_logit(0.2), tf.float32))
    np.testing.assert_allclose(
        discriminator_adversarial_loss(real, fake),
        [-(np.log(0.9) + np.log(0.8)) / 2],
        rtol=1e-6,
    )


def test_adversarial_losses_stay_finite_for_a_certain_discriminator():
    certain = tf.fill([1, 2, 2, 1], -1e4)
    with tf.GradientTape() as tape:
        tape.watch(certain)
        loss = generator_adversarial_loss(certain)
    assert np.isfinite(loss).all()
    assert np.isfinite(tape.gradient(loss, certain)).all()


def test_pixel_loss_is_the_mean_absolute_difference_of_each_image():
    real, fake = _images(0), _images(1)
    expected = np.abs(real.numpy().astype(float) - fake).mean((1, 2, 3))
    np.testing.assert_allclose(pixel_loss(real, fake), expected, rtol=1e-6)


def test_saliency_loss_is_the_squared_difference_in_grey_levels():
    real, fake = _images(0), _images(1)
    maps = [saliency_map((x + 1) * 127.5) for x in (real, fake)]
    expected = np.square(maps[0] - maps[1]).mean((1, 2, 3))
    loss = saliency_loss(real, fake)
    np.testing.assert_allclose(loss, expected, rtol=1e-5)
    assert (loss.numpy() > 10).all()


def test_saliency_loss_ignores_a_brighter_background():
    real = _images(0) * 0.5
    shift = saliency_loss(real, real + 20 / 127.5)
    np.testing.assert_allclose(shift, [0, 0], atol=1e-3)


def _disc(radius, size=192, level=200.0):
    """A grey level image with a bright disc, [-1, 1]."""
    y, x = np.mgrid[:size, :size] - size / 2
    picture = np.where(np.hypot(y, x) < radius, level, 80.0)
    return tf.constant(picture[None, ..., None] / 127.5 - 1, tf.float32)


def test_several_windows_count_alike():
    real, fake = _disc(20), _disc(20, level=150.0)
    alone = [saliency_loss(real, fake, (side,)) for side in (25, 51)]
    both = saliency_loss(real, fake, (25, 51))
    np.testing.assert_allclose(both, np.mean(alone, axis=0), rtol=1e-5)


def test_only_a_wide_window_sees_that_a_large_leak_is_missing():
    """A disc of 120 pixels fills the paper's window and stands out nowhere."""
    real, fake = _disc(60), _disc(60, level=80.0)
    missed = saliency_loss(real, fake)
    seen = saliency_loss(real, fake, (151,))
    # 120 grey levels over 30 % of the pixels are 4418; of the disc the narrow
    # window sees the rim.
    assert float(seen[0]) > 0.8 * 4418
    assert float(missed[0]) < 0.4 * 4418


def test_a_wide_window_on_a_reduced_image_sees_a_soft_leak_as_well():
    y, x = np.mgrid[:128, :128] - 64
    blob = np.exp(-(y**2 + x**2) / 2 / 20**2)[None, ..., None]
    real, fake = (
        tf.constant((60 + height * blob) / 127.5 - 1, tf.float32)
        for height in (150, 100)
    )
    maps = [saliency_map((x + 1) * 127.5, window=101) for x in (real, fake)]
    exact = np.square(maps[0] - maps[1]).mean((1, 2, 3))
    loss = saliency_loss(real, fake, (101,))
    np.testing.assert_allclose(loss, exact, rtol=0.1)


def test_saliency_gradient_reaches_the_generated_image_only():
    real, fake = _images(0), _images(1)
    with tf.GradientTape() as tape:
        tape.watch([real, fake])
        loss = saliency_loss(real, fake)
    to_real, to_fake = tape.gradient(loss, [real, fake])
    assert to_real is None
    assert np.abs(to_fake).max() > 0


def test_least_squares_losses_are_distances_from_1_and_0():
    real = tf.reshape(tf.constant([0.5, 1.0, 2.0, 1.5]), [1, 2, 2, 1])
    fake = tf.reshape(tf.constant([0.0, 0.5, -1.0, 1.0]), [1, 2, 2, 1])
    # Real: (.25 + 0 + 1 + .25) / 4. Fake from 0: 2.25 / 4; from 1: 5.25 / 4.
    np.testing.assert_allclose(
        discriminator_least_squares_loss(real, fake), [(0.375 + 0.5625) / 2]
    )
    np.testing.assert_allclose(generator_least_squares_loss(fake), [1.3125])


def test_squared_loss_is_the_mean_squared_difference_of_each_image():
    real, fake = _images(0), _images(1)
    expected = np.square(real.numpy().astype(float) - fake).mean((1, 2, 3))
    np.testing.assert_allclose(squared_loss(real, fake), expected, rtol=1e-6)


def test_structural_loss_is_what_tensorflows_ssim_falls_short_of_1():
    real, fake = _images(0), _images(1)
    expected = 1 - tf.image.ssim((real + 1) * 127.5, (fake + 1) * 127.5, 255.0)
    np.testing.assert_allclose(structural_loss(real, fake), expected, rtol=1e-4)
    np.testing.assert_allclose(structural_loss(real, real), [0, 0], atol=1e-6)
