"""The U-Nets of the rivals: published sizes, any input size, disk and back."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from ffa_keras.models import Pix2PixGenerator, ResnetGenerator, UnetGenerator


def _fundus(height, width, batch=1, seed=0):
    generator = np.random.default_rng(seed)
    return generator.uniform(-1, 1, (batch, height, width, 3)).astype("float32")


@pytest.fixture(scope="module")
def small():
    keras.utils.set_random_seed(0)
    return {
        "unet": UnetGenerator(num_filters=2),
        "pix2pix": Pix2PixGenerator(num_filters=2, depth=5),
    }


def _parameters(model, channels):
    model.build((None, None, None, channels))
    return model.count_params()


def test_unet_has_the_parameters_of_ronneberger_2015():
    """Counted layer by layer from the figure of the paper, one class."""
    widths = [64, 128, 256, 512, 1024]
    expected = 0
    for before, width in zip([3, *widths], widths, strict=False):
        expected += 9 * before * width + width + 9 * width**2 + width
    for width in widths[:-1]:
        expected += 4 * 2 * width * width + width  # up-convolution
        expected += 9 * 2 * width * width + width + 9 * width**2 + width
    expected += 64 + 1
    assert _parameters(UnetGenerator(), 3) == expected
    assert round(expected / 1e6, 2) == 31.03


def test_pix2pix_has_54_414_million_parameters_as_published():
    """The authors' program prints 54.414 M, for three output channels."""
    two_channels_more = 2 * (4 * 4 * 2 * 64 + 1)
    total = _parameters(Pix2PixGenerator(), 3) + two_channels_more
    assert round(total / 1e6, 3) == 54.415
    # Ours alone: biases of the first convolution and of the bottleneck.
    assert round((total - 64 - 512) / 1e6, 3) == 54.414


def test_the_way_back_of_cyclegan_answers_in_three_channels():
    keras.utils.set_random_seed(0)
    model = ResnetGenerator(num_filters=2, num_blocks=1, channels=3)
    answer = model(np.zeros((1, 17, 21, 1), np.float32))
    assert answer.shape == (1, 17, 21, 3)


@pytest.mark.parametrize("name", ["unet", "pix2pix"])
@pytest.mark.parametrize("height, width", [(16, 16), (17, 31), (70, 41)])
def test_any_size_comes_back_as_one_channel(small, name, height, width):
    ffa = small[name](_fundus(height, width)).numpy()
    assert ffa.shape == (1, height, width, 1)
    assert ffa.dtype == np.float32
    assert np.abs(ffa).max() <= 1


@pytest.mark.parametrize("name, multiple", [("unet", 16), ("pix2pix", 32)])
def test_padding_is_a_reflection(small, name, multiple):
    fundus = _fundus(multiple, multiple - 3)
    padded = np.pad(fundus, ((0, 0), (0, 0), (0, 3), (0, 0)), mode="reflect")
    np.testing.assert_allclose(
        small[name](fundus), small[name](padded)[:, :, :-3], atol=1e-5
    )


@pytest.mark.parametrize("name", ["unet", "pix2pix"])
def test_keras_file_round_trip_gives_the_same_pixels(small, name, tmp_path):
    model, fundus = small[name], _fundus(21, 34)
    before = model(fundus).numpy()
    model.save(tmp_path / "generator.keras")
    loaded = keras.saving.load_model(tmp_path / "generator.keras")
    assert loaded.get_config() == model.get_config()
    np.testing.assert_array_equal(loaded(fundus), before)


@pytest.mark.parametrize("depth, dropouts", [(5, 0), (6, 1), (7, 2), (8, 3)])
def test_dropout_follows_the_innermost_transposed_convolutions(depth, dropouts):
    model = Pix2PixGenerator(num_filters=1, depth=depth)
    found = [
        layer.rate
        for block in model.decoder
        for layer in block.layers
        if isinstance(layer, keras.layers.Dropout)
    ]
    assert found == [0.5] * dropouts


def test_dropout_acts_in_training_only():
    keras.utils.set_random_seed(0)
    model = Pix2PixGenerator(num_filters=2, depth=6)
    fundus = _fundus(64, 64)
    still = model(fundus)
    np.testing.assert_array_equal(model(fundus), still)
    assert np.abs(model(fundus, training=True) - still).max() > 1e-4


@pytest.mark.parametrize("name", ["unet", "pix2pix"])
def test_every_weight_gets_a_gradient(small, name):
    model = small[name]
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(model(_fundus(64, 64)) ** 2)
    gradients = tape.gradient(loss, [v.value for v in model.trainable_weights])
    assert all(g is not None for g in gradients)
