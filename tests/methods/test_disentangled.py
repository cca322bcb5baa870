"""What the disentangled translation takes apart, on tiny phantoms."""

import math

import keras
import numpy as np
import pytest
import tensorflow as tf

from ffa_keras.methods import METHODS
from ffa_keras.methods.noise import Noise
from ffa_keras.methods.options import DisentangledOptions, term_weights
from ffa_keras.phantom import make_pair

SIDE, STEPS, LAST = 32, 200, 50


def test_noise_follows_from_the_step_the_image_and_the_draw():
    whole = Noise(7, tf.constant(5, tf.int64), 4)
    one, other = (whole.like(tf.zeros((4, 2, 3))) for _ in range(2))
    assert abs(float(tf.reduce_mean(one))) < 1
    assert len(np.unique(tf.concat([one, other], 0))) == 48
    again = Noise(7, tf.constant(5, tf.int64), 4).like(tf.zeros((4, 2, 3)))
    np.testing.assert_array_equal(again, one)
    later = Noise(7, tf.constant(6, tf.int64), 4).like(tf.zeros((4, 2, 3)))
    assert not np.intersect1d(later, one).size


@pytest.fixture(scope="module", params=[0.0, 1.0])
def trained(request):
    """A tiny system that learnt to put images together again.

    Its structures must, or need not, pass for those of the other kind. Also
    the mean loss of its structure discriminator in the last steps.
    """
    keras.utils.set_random_seed(0)
    weights = dict.fromkeys(
        (f"{term}_weight" for term in term_weights(DisentangledOptions())), 0.0
    )
    method = METHODS["disentangled"].build(
        DisentangledOptions(
            num_filters=4,
            discriminator_filters=2,
            num_codes=2,
            patch_height=SIDE,
            patch_width=SIDE,
            structure_steps=1,
            **{
                **weights,
                "reconstruction_weight": 10.0,
                "norm_weight": 0.01,
                "structure_weight": request.param,
            },
        )
    )
    rates = {"structure_discriminator": 1e-3}
    method.compile(
        lambda name: keras.optimizers.Adam(rates.get(name, 2e-3), beta_1=0.5)
    )
    pairs = [make_pair(seed, "normal", 96) for seed in range(8)]
    rng = np.random.default_rng(0)

    def patch(image):
        y, x = rng.integers(16, 48, 2)
        values = image[None, y : y + SIDE, x : x + SIDE] / 127.5 - 1
        return tf.constant(values.astype(np.float32))

    step = tf.function(method.train_step)
    for number in range(STEPS):
        if number == STEPS - LAST:
            for mean in method.train_means.values():
                mean.reset_state()
        fundus = pairs[rng.integers(4)].fundus
        # Exposures differ: that is what the appearance is for.
        ffa = pairs[4 + rng.integers(4)].ffa * rng.uniform(0.3, 1.0)
        logs = step({"fundus": patch(fundus), "ffa": patch(ffa)})
    told = float(logs["loss/structure_discriminator"])
    return method, told, bool(request.param)


@pytest.mark.slow
def test_the_structure_discriminator_is_left_with_chance(trained):
    """And tells the kinds apart where structures may differ."""
    _, told, alike = trained
    if alike:
        assert told == pytest.approx(math.log(2), abs=0.1)
    else:
        assert told < 0.5


@pytest.mark.slow
def test_another_appearance_is_another_exposure(trained):
    method, _, _ = trained
    ffa = make_pair(1, "normal", 96).ffa[None, 16:80, 16:80].astype(np.float32)
    dark, bright = (0.4 * ffa / 127.5 - 1, ffa / 127.5 - 1)
    structure = method.structure_of_ffa(tf.constant(bright))
    levels = []
    for exemplar in (dark, bright):
        mean, _ = method.generator.appearance_encoder(tf.constant(exemplar))
        answer = method.ffa_of(structure, mean, tf.constant(bright))
        levels.append(127.5 * float(tf.reduce_mean(answer) + 1))
    assert levels[1] - levels[0] > 30
