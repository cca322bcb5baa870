"""The PatchGAN discriminator: size, receptive field, and what it looks at."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from ffa_keras.models import PatchDiscriminator


def _pair(size=70, seed=0):
    generator = np.random.default_rng(seed)
    fundus = generator.uniform(-1, 1, (1, size, size, 3)).astype("float32")
    ffa = generator.uniform(-1, 1, (1, size, size, 1)).astype("float32")
    return tf.constant(fundus), tf.constant(ffa)


@pytest.fixture(scope="module")
def small():
    keras.utils.set_random_seed(0)
    return PatchDiscriminator(num_filters=4)


def test_paper_size_has_2_77_million_parameters():
    model = PatchDiscriminator()
    model.build([(None, None, None, 3), (None, None, None, 1)])
    assert round(model.count_params() / 1e6, 2) == 2.77


def test_256_pixels_give_30_by_30_verdicts_as_in_pix2pix(small):
    assert small(_pair(256)).shape == (1, 30, 30, 1)


@pytest.mark.parametrize(
    "num_strided, side", [(2, 34), (3, 70), (4, 142), (5, 286)]
)
def test_a_verdict_sees_the_published_receptive_field(num_strided, side):
    """70 for PatchGAN; 286 for the regular discriminator, so all of 256."""
    # Without the normalisation, which looks at the whole image.
    model = PatchDiscriminator(num_filters=1, num_strided=num_strided)
    size = side + 2 ** (num_strided + 1)
    fundus, ffa = _pair(size)
    model((fundus, ffa))
    layers = [
        layer
        for layer in model.network.layers
        if "normalization" not in layer.name
    ]
    with tf.GradientTape() as tape:
        tape.watch(ffa)
        x = tf.concat([fundus, ffa], -1)
        for layer in layers:
            x = layer(x)
        middle = x.shape[1] // 2
        verdict = x[0, middle, middle, 0]
    touched = np.argwhere(np.abs(tape.gradient(verdict, ffa)[0, ..., 0]) > 0)
    assert tuple(np.ptp(touched, axis=0) + 1) == (side, side)


def test_pix2pix_patchgan_has_2_769_million_parameters_as_published():
    """The authors' program prints 2.769 M, for six input channels."""
    model = PatchDiscriminator(normalization="batch")
    model.build([(None, None, None, 3), (None, None, None, 3)])
    assert round(model.count_params() / 1e6, 3) == 2.769


def test_the_least_side_still_gives_a_verdict():
    for num_strided in (3, 5):
        model = PatchDiscriminator(1, num_strided)
        assert model(_pair(model.min_side)).shape[1] >= 1


def test_it_judges_an_image_alone():
    model = PatchDiscriminator(2)
    assert model((_pair()[1],)).shape == (1, 6, 6, 1)


@pytest.mark.parametrize("changed", [0, 1])
def test_it_judges_the_pair_not_the_ffa_alone(small, changed):
    pair = list(_pair())
    before = small(tuple(pair))
    pair[changed] = -pair[changed]
    assert np.abs(small(tuple(pair)) - before).max() > 1e-6


def test_keras_file_round_trip_gives_the_same_logits(small, tmp_path):
    pair = _pair()
    before = small(pair).numpy()
    small.save(tmp_path / "discriminator.keras")
    loaded = keras.saving.load_model(tmp_path / "discriminator.keras")
    np.testing.assert_array_equal(loaded(pair), before)
