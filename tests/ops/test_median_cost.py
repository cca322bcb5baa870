"""Memory and gradients at full size, real frames, TensorFlow Lite."""

import json

import cv2
import numpy as np
import pytest
import tensorflow as tf
from ai_edge_litert.interpreter import Interpreter

from ffa_keras.ops import median_filter2d, saliency_map

# Peak resident memory that one call adds to a process that has already run
# the same function on a small image.
_MEMORY = """
import json, resource, sys
import tensorflow as tf
from ffa_keras.ops import median_filter2d

window, gradient, jit_compile = json.loads(sys.argv[1])

@tf.function(jit_compile=jit_compile)
def step(images):
    with tf.GradientTape() as tape:
        tape.watch(images)
        outputs = median_filter2d(images, window)
    return tape.gradient(outputs, images) if gradient else outputs

def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024

step(tf.random.uniform([1, 16, 16, 1], maxval=255.0))
images = tf.random.uniform([1, 512, 512, 1], maxval=255.0)
before = peak()
step(images).numpy()
print(peak() - before)
"""


@pytest.mark.slow
@pytest.mark.parametrize("jit_compile", [False, True])
@pytest.mark.parametrize("window", [51, 101])
def test_memory_does_not_grow_with_the_window(run_program, window, jit_compile):
    done = run_program("-c", _MEMORY, json.dumps([window, True, jit_compile]))
    assert float(done.stdout.split()[-1]) < 300


@pytest.mark.slow
@pytest.mark.real_data
def test_median_is_exact_on_real_angiograms(real_photographs):
    frames = real_photographs / "fa_only"
    paths = sorted(p for p in frames.glob("**/*.*") if p.suffix == ".jpg")
    filtered = tf.function(median_filter2d, jit_compile=True)
    assert len(paths) == 50
    for path in paths:
        frame = cv2.imread(str(path), cv2.IMREAD_GRAYSCALE)
        np.testing.assert_array_equal(
            filtered(frame[None, ..., None])[0, ..., 0],
            cv2.medianBlur(frame, 51),
        )


def test_gradient_at_full_size_is_neither_lost_nor_made():
    rng = np.random.default_rng(0)
    images = tf.constant(rng.integers(0, 256, (1, 512, 512, 1)), tf.float32)
    upstream = tf.constant(rng.normal(size=images.shape), tf.float32)

    @tf.function(jit_compile=True)
    def gradient(images, upstream):
        with tf.GradientTape() as tape:
            tape.watch(images)
            outputs = median_filter2d(images)
        return tape.gradient(outputs, images, upstream)

    received = gradient(images, upstream)
    # Histograms of shares are kept by adding and subtracting: no drift.
    assert tf.reduce_sum(received).numpy() == pytest.approx(
        tf.reduce_sum(upstream).numpy(), abs=0.05
    )


@pytest.mark.parametrize(
    "operation",
    [
        lambda x: median_filter2d(x, 9),
        lambda x: median_filter2d(x, (3, 5), "REFLECT"),
        saliency_map,
    ],
)
def test_int32_converts_to_builtins_of_tensorflow_lite(operation):
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (1, 20, 24, 1), dtype=np.int32)
    model = tf.function(
        operation, input_signature=[tf.TensorSpec(images.shape, tf.int32)]
    )
    converter = tf.lite.TFLiteConverter.from_concrete_functions(
        [model.get_concrete_function()], tf.Module()
    )
    interpreter = Interpreter(model_content=converter.convert())
    interpreter.allocate_tensors()
    interpreter.set_tensor(interpreter.get_input_details()[0]["index"], images)
    interpreter.invoke()
    outputs = interpreter.get_tensor(
        interpreter.get_output_details()[0]["index"]
    )
    np.testing.assert_allclose(
        outputs, operation(images.astype(np.uint8)), atol=1e-3
    )
