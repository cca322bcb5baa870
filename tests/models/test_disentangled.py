"""Structure and appearance: sizes, any input, and the way to disk and back."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from ffa_keras.models import (
    AppearanceDecoder,
    AppearanceEncoder,
    DisentangledGenerator,
    ImageNormalization,
    MultiscaleDiscriminator,
    StructureDiscriminator,
    structure_encoder,
)


def _image(height, width, channels=3, seed=0):
    rng = np.random.default_rng(seed)
    shape = (1, height, width, channels)
    return rng.uniform(-1, 1, shape).astype(np.float32)


@pytest.fixture(scope="module")
def small():
    keras.utils.set_random_seed(0)
    generator = DisentangledGenerator(num_filters=2, num_codes=3)
    generator.build((None, None, None, 3))
    return generator


def _millions(network, input_shape):
    network.build(input_shape)
    return round(network.count_params() / 1e6, 2)


def test_the_networks_are_as_large_as_those_of_drit():
    """Counted by hand from the layers of DRIT."""
    images, structure = (None, None, None, 3), (None, None, None, 256)
    assert _millions(structure_encoder(64), images) == 3.92
    assert _millions(structure_encoder(64), (None, None, None, 1)) == 3.91
    assert _millions(AppearanceEncoder(), images) == 1.34
    assert _millions(AppearanceDecoder(64, 8, 1), structure) == 4.19
    assert _millions(MultiscaleDiscriminator(), images) == 8.27
    assert _millions(StructureDiscriminator(64, 54), structure) == 10.68
    # From a photograph to an answer, and 1.34 to read another appearance.
    generator = DisentangledGenerator()
    assert _millions(generator, images) == 11.82
    read = generator.appearance_encoder.count_params()
    assert round((generator.count_params() - read) / 1e6, 1) == 10.5


@pytest.mark.parametrize("height, width", [(16, 16), (17, 31), (50, 70)])
def test_any_size_comes_back_as_one_channel_in_tanh_range(small, height, width):
    ffa = small(_image(height, width)).numpy()
    assert ffa.shape == (1, height, width, 1)
    assert np.abs(ffa).max() <= 1


def test_the_answer_has_the_mean_appearance_unless_another_is_given(small):
    fundus = _image(32, 32)
    still = small(fundus).numpy()
    mean = np.full((1, 3), 0.5, np.float32)
    given = small(fundus, mean).numpy()
    assert np.abs(given - still).max() > 1e-6
    small.mean_appearance.assign(mean[0])
    np.testing.assert_array_equal(small(fundus), given)
    small.mean_appearance.assign(np.zeros(3))


def test_a_generator_comes_back_from_disk_with_its_mean_appearance(
    small, tmp_path
):
    small.mean_appearance.assign([1.0, -2.0, 3.0])
    small.save(tmp_path / "generator.keras")
    again = keras.saving.load_model(tmp_path / "generator.keras", compile=False)
    np.testing.assert_array_equal(again.mean_appearance, [1.0, -2.0, 3.0])
    fundus = _image(21, 30)
    np.testing.assert_array_equal(again(fundus), small(fundus))
    one, other = (
        model.appearance_encoder(_image(32, 32, 1))[0]
        for model in (again, small)
    )
    np.testing.assert_array_equal(one, other)


def test_image_normalisation_keeps_what_sets_channels_apart():
    x = _image(8, 8, 4) + np.arange(4, dtype=np.float32)
    layer = ImageNormalization()
    expected = (x - x.mean()) / np.sqrt(x.var() + 1e-5)
    np.testing.assert_allclose(layer(x), expected, atol=1e-5)


@pytest.mark.parametrize(
    "side, verdicts",
    # The sides of DRIT, by hand; below 54 a layer of stride 2 less.
    [(54, 1), (64, 2), (72, 3), (90, 5), (48, 6), (16, 3), (5, 2), (4, 1)],
)
def test_the_structure_discriminator_has_as_many_strides_as_fit(side, verdicts):
    network = StructureDiscriminator(1, side)
    structure = tf.zeros((1, side, side + 4, 8))
    assert network(structure).shape[1] == verdicts


@pytest.mark.parametrize("side, scales", [(16, 1), (32, 2), (64, 3)])
def test_image_discriminators_judge_at_several_scales(side, scales):
    network = MultiscaleDiscriminator(1, scales)
    verdicts = network(_image(side, side + 32))
    assert [v.shape[1] for v in verdicts] == [
        side // 16 // 2**n for n in range(scales)
    ]
