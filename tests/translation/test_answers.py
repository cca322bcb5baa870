"""What the forms of a generator share, in NumPy, is what TensorFlow does."""

import numpy as np
import pytest
import tensorflow as tf

from ffa_keras.errors import InputError
from ffa_keras.ops import to_picture
from ffa_keras.translation.answers import check_answer, of_endpoint

FUNDUS = np.zeros((20, 30, 3), np.uint8)


@pytest.mark.parametrize("kind", [tf.constant, np.asarray])
def test_an_answer_is_rounded_as_tensorflow_rounds(kind, tmp_path):
    """Halves to even, and what is beyond the range cut off."""
    rng = np.random.default_rng(0)
    values = rng.uniform(-20, 275, (1, 20, 30, 1)).astype(np.float32)
    values[0, :10] = np.round(2 * values[0, :10]) / 2
    answer = of_endpoint(lambda batch: kind(values), tmp_path)(FUNDUS)
    assert answer.dtype == np.uint8
    np.testing.assert_array_equal(answer, to_picture(values)[0])


@pytest.mark.parametrize(
    "answer, words",
    [
        (tf.zeros((1, 20, 30, 1), tf.int32), r"int32 \[1, 20, 30, 1\] to a"),
        (np.zeros((1, 20, 30, 3), np.float32), r"float32 \[1, 20, 30, 3\] to"),
        (np.zeros((1, 20, 30, 1), np.complex64), "complex64"),
        ({"ffa": np.zeros((1, 20, 30, 1))}, "no tensor"),
    ],
)
def test_what_is_no_angiogram_is_refused(answer, words):
    with pytest.raises(InputError, match=f"answers {words}"):
        check_answer(answer, FUNDUS)


@pytest.mark.parametrize("kind", ["float16", "bfloat16", "float32", "float64"])
def test_any_floating_point_is_an_angiogram(kind):
    answer = tf.zeros((1, 20, 30, 1), kind)
    check_answer(answer, FUNDUS)
    check_answer(answer.numpy(), FUNDUS)
