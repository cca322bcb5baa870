"""The generator: size, range, any input size, and the way to disk and back."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from ffa_keras.models import ResnetGenerator


def _fundus(height, width, batch=1, seed=0):
    generator = np.random.default_rng(seed)
    return generator.uniform(-1, 1, (batch, height, width, 3)).astype("float32")


@pytest.fixture(scope="module")
def small():
    keras.utils.set_random_seed(0)
    return ResnetGenerator(num_filters=4, num_blocks=1)


def test_paper_size_has_11_38_million_parameters():
    model = ResnetGenerator()
    model.build((None, None, None, 3))
    assert round(model.count_params() / 1e6, 2) == 11.38


@pytest.mark.parametrize("height, width", [(16, 16), (17, 31), (97, 130)])
def test_any_size_comes_back_as_one_channel_in_tanh_range(small, height, width):
    ffa = small(_fundus(height, width)).numpy()
    assert ffa.shape == (1, height, width, 1)
    assert ffa.dtype == np.float32
    assert np.abs(ffa).max() <= 1


def test_padding_to_a_multiple_of_four_is_a_reflection(small):
    fundus = _fundus(32, 30)
    padded = np.pad(fundus, ((0, 0), (0, 0), (0, 2), (0, 0)), mode="reflect")
    np.testing.assert_allclose(
        small(fundus), small(padded)[:, :, :30], atol=1e-6
    )


def test_an_image_does_not_depend_on_its_batch(small):
    batch = _fundus(32, 32, batch=3)
    alone = tf.concat([small(batch[i : i + 1]) for i in range(3)], 0)
    np.testing.assert_allclose(small(batch), alone, atol=1e-5)


def test_training_and_inference_agree_without_dropout(small):
    fundus = _fundus(32, 32)
    np.testing.assert_array_equal(
        small(fundus, training=True), small(fundus, training=False)
    )


def test_dropout_acts_in_training_only():
    model = ResnetGenerator(num_filters=4, num_blocks=1, dropout=0.5)
    fundus = _fundus(32, 32)
    still = model(fundus)
    np.testing.assert_array_equal(model(fundus), still)
    assert np.abs(model(fundus, training=True) - still).max() > 1e-3


def test_keras_file_round_trip_gives_the_same_pixels(small, tmp_path):
    fundus = _fundus(21, 34)
    before = small(fundus).numpy()
    small.save(tmp_path / "generator.keras")
    loaded = keras.saving.load_model(tmp_path / "generator.keras")
    assert loaded.get_config() == small.get_config()
    np.testing.assert_array_equal(loaded(fundus), before)


def test_the_blur_can_be_left_out_as_in_the_paper(tmp_path):
    model = ResnetGenerator(
        num_filters=4, num_blocks=1, upsampling="transposed"
    )
    fundus = _fundus(21, 34)
    ffa = model(fundus).numpy()
    kinds = [type(layer) for layer in model.network.layers]
    assert kinds.count(keras.layers.Conv2DTranspose) == 2
    model.save(tmp_path / "generator.keras")
    loaded = keras.saving.load_model(tmp_path / "generator.keras")
    np.testing.assert_array_equal(loaded(fundus), ffa)
    smooth = ResnetGenerator(num_filters=4, num_blocks=1)
    smooth.build((None, None, None, 3))
    smooth.set_weights(model.get_weights())
    assert np.abs(smooth(fundus) - ffa).max() > 1e-3


def test_mixed_precision_still_answers_in_float32(small):
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        model = ResnetGenerator(num_filters=4, num_blocks=1)
        ffa = model(_fundus(32, 32))
    finally:
        keras.config.set_dtype_policy("float32")
    assert ffa.dtype == tf.float32


def test_every_weight_gets_a_gradient(small):
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(small(_fundus(32, 32)) ** 2)
    gradients = tape.gradient(loss, [v.value for v in small.trainable_weights])
    assert all(np.abs(g).max() > 0 for g in gradients)
