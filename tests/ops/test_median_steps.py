"""On a GPU the filter goes in a few steps of many rows, to the same answer."""

import re

import cv2
import numpy as np
import pytest
import tensorflow as tf

from ffa_keras.ops import median, median_filter2d, sliding

_KERNELS = re.compile(r" (?:fusion|reduce|reduce-window|gather|scatter|dot)\(")


@pytest.fixture
def as_on_a_gpu(monkeypatch):
    """The rows that a GPU would take at once, on this machine's processor."""

    def hold(at_once=sliding.BYTES_ON_GPU):
        monkeypatch.setattr(median, "bytes_at_once", lambda: at_once)

    return hold


def _forward_and_backward(images, upstream, window=51):
    with tf.GradientTape() as tape:
        tape.watch(images)
        medians = median_filter2d(images, window)
    return medians, tape.gradient(medians, images, upstream)


def test_a_processor_takes_one_row_at_a_time():
    assert sliding.bytes_at_once() == 0


# Rows that 5 at once divide, do not divide, or that are fewer.
@pytest.mark.parametrize(
    "shape", [(2, 20, 17, 1), (1, 23, 9, 2), (1, 3, 31, 1)]
)
@pytest.mark.parametrize("window", [(7, 5), (1, 3), (9, 1)])
def test_many_rows_at_once_give_what_one_row_gives(as_on_a_gpu, shape, window):
    rng = np.random.default_rng(0)
    images = tf.constant(rng.integers(0, 9, shape), tf.float32)
    upstream = tf.constant(rng.normal(size=shape), tf.float32)
    wanted = _forward_and_backward(images, upstream, window)
    columns = shape[0] * shape[3] * (shape[2] + window[1] - 1)
    as_on_a_gpu(10 * columns * 256)
    got = _forward_and_backward(images, upstream, window)
    np.testing.assert_array_equal(got[0], wanted[0])
    np.testing.assert_allclose(got[1], wanted[1], atol=1e-5)


def test_sizes_may_be_unknown(as_on_a_gpu):
    as_on_a_gpu()
    filtered = tf.function(
        lambda x: median_filter2d(x, 9),
        input_signature=[tf.TensorSpec([None, None, None, 1], tf.uint8)],
    )
    image = np.random.default_rng(0).integers(0, 256, (45, 31), np.uint8)
    np.testing.assert_array_equal(
        filtered(image[None, ..., None])[0, ..., 0], cv2.medianBlur(image, 9)
    )


@pytest.mark.parametrize(
    "step, most_steps, most_kernels",
    [
        (lambda x: median_filter2d(x), 12, 250),
        (lambda x: _forward_and_backward(x, x), 36, 750),
    ],
    ids=["forward", "forward and backward"],
)
def test_at_512_pixels_a_few_dozen_steps_follow_one_another(
    as_on_a_gpu, monkeypatch, step, most_steps, most_kernels
):
    trips = []
    loop = tf.while_loop

    def noted(*arguments, maximum_iterations):
        trips.append(maximum_iterations)
        return loop(*arguments, maximum_iterations=maximum_iterations)

    monkeypatch.setattr(tf, "while_loop", noted)
    as_on_a_gpu()
    # Traced anew, for this size alone.
    for name in ("_slide_median_and_ties", "_slide_shares"):
        plain = getattr(median, name).python_function
        monkeypatch.setattr(median, name, tf.function(plain, autograph=False))
    compiled = tf.function(step, jit_compile=True, autograph=False)
    images = tf.zeros([1, 512, 512, 1])
    hlo = compiled.experimental_get_compiler_ir(images)("optimized_hlo")
    bodies = re.findall(r"body=%?([\w.-]+)", hlo)
    assert len(bodies) == len(trips) >= 2
    kernels = [
        trip * len(_KERNELS.findall(_block(hlo, body)))
        for trip, body in zip(trips, bodies, strict=True)
    ]
    assert min(kernels) > 0
    assert sum(trips) <= most_steps
    assert sum(kernels) <= most_kernels, (trips, kernels)


def _block(hlo: str, name: str) -> str:
    """Return the body of a computation of a compiled program."""
    found = re.search(rf"^%?{re.escape(name)} .*\{{\n((?:  .*\n)+)", hlo, re.M)
    return found.group(1)
