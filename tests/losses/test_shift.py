"""A target that lies some pixels off is compared where it fits best."""

import numpy as np
import pytest
import tensorflow as tf

from ffa_keras.losses import nearest_shift, pixel_loss, saliency_loss

SIZE, ROOM = 48, 8


def _scene(seed, batch=1):
    side = SIZE + 2 * ROOM
    values = np.random.default_rng(seed).uniform(-1, 1, (batch, side, side, 1))
    return values.astype(np.float32)


def _view(scene, dy=0, dx=0):
    top, left = ROOM + dy, ROOM + dx
    return tf.constant(scene[:, top : top + SIZE, left : left + SIZE])


@pytest.mark.parametrize("shift", [(0, 0), (3, -2), (-1, 3), (3, 3)])
def test_a_shifted_target_costs_nothing_within_the_tolerance(shift):
    scene = _scene(0)
    near, seen = nearest_shift(_view(scene), _view(scene, *shift), 3)
    assert float(pixel_loss(near, seen)[0]) == 0
    assert float(saliency_loss(near, seen)[0]) == 0


def test_a_shift_beyond_the_tolerance_costs():
    scene = _scene(0)
    near, seen = nearest_shift(_view(scene), _view(scene, 4, 0), 3)
    assert float(pixel_loss(near, seen)[0]) > 0.3


def test_each_image_of_a_batch_has_a_shift_of_its_own():
    scene = _scene(1, batch=2)
    moved = tf.concat([_view(scene, 2, 0)[:1], _view(scene, -1, 1)[1:]], 0)
    near, seen = nearest_shift(_view(scene), moved, 2)
    np.testing.assert_array_equal(pixel_loss(near, seen), [0, 0])


def test_exposure_does_not_decide_where_a_target_fits():
    scene, slope = _scene(2), np.linspace(0, 4, SIZE, dtype=np.float32)
    fake = 0.5 * _view(scene, -2, 1) + slope[:, None] + 3.0
    near, _ = nearest_shift(_view(scene), fake, 3)
    np.testing.assert_array_equal(near, _view(scene, -2, 1)[:, 3:-3, 3:-3])


def test_equal_shifts_leave_the_target_where_it_is():
    bars = tf.constant(np.arange(SIZE) % 2, tf.float32)[None, :, None, None]
    bars += tf.zeros([1, SIZE, SIZE, 1])
    near, _ = nearest_shift(bars, bars, 3)
    np.testing.assert_array_equal(near, bars[:, 3:-3, 3:-3])
    flat = tf.zeros_like(bars)
    near, _ = nearest_shift(_view(_scene(3)), flat, 1)
    assert near.shape == (1, SIZE - 2, SIZE - 2, 1)


def test_no_tolerance_changes_nothing():
    real, fake = _view(_scene(4)), _view(_scene(5))
    assert nearest_shift(real, fake, 0) == (real, fake)


def test_gradients_are_those_of_the_loss_at_the_shift_and_reach_the_fake():
    scene, noise = _scene(6), _scene(7)
    fake = _view(scene, 1, -1) + 0.01 * _view(noise)
    with tf.GradientTape() as tape:
        tape.watch(fake)
        loss = pixel_loss(*nearest_shift(_view(scene), fake, 2))
    gradient = tape.gradient(loss, fake).numpy()
    expected = np.zeros_like(gradient)
    middle = (slice(None), slice(2, -2), slice(2, -2))
    expected[middle] = np.sign(_view(noise).numpy()[middle]) / (SIZE - 4) ** 2
    np.testing.assert_allclose(gradient, expected, rtol=1e-6)


def test_xla_gives_the_same():
    real, fake = _view(_scene(8)), _view(_scene(9))
    compiled = tf.function(nearest_shift, jit_compile=True)
    for one, other in zip(
        compiled(real, fake, 2), nearest_shift(real, fake, 2), strict=True
    ):
        np.testing.assert_array_equal(one, other)
