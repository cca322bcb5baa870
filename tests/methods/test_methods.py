"""Each system by its name: networks, one step, going on after a stop."""

import dataclasses

import keras
import numpy as np
import pytest
import tensorflow as tf

from ffa_keras.errors import InputError
from ffa_keras.methods import METHODS
from ffa_keras.training.config import TrainConfig
from ffa_keras.training.loop import _untracked_variables

NAMES = list(METHODS)
SMALL = TrainConfig(
    num_filters=2,
    num_blocks=1,
    discriminator_filters=2,
    perceptual_weight=0.0,
    patch_height=96,
    patch_width=96,
    patch_stride=8,
    pool_size=2,
)


def _build(name, config=SMALL):
    keras.utils.set_random_seed(0)
    method = METHODS[name](dataclasses.replace(config, method=name))
    method.compile(lambda: keras.optimizers.Adam(1e-3))
    return method


def _batch(seed=0, size=1):
    rng = np.random.default_rng(seed)
    return {
        name: tf.constant(
            rng.uniform(-1, 1, (size, 96, 96, channels)), tf.float32
        )
        for name, channels in (("fundus", 3), ("ffa", 1))
    }


@pytest.fixture(scope="module")
def stepped():
    """Each small system with its variables before and after one step."""

    def step(name):
        method = _build(name)
        before = {v.path: v.numpy() for v in method.trainable_variables}
        logs = method.train_step(_batch())
        after = {v.path: v.numpy() for v in method.trainable_variables}
        return method, before, after, logs

    made = {}
    return lambda name: made.setdefault(name, step(name))


@pytest.mark.parametrize("name", NAMES)
def test_one_step_changes_every_trainable_variable(stepped, name):
    method, before, after, _ = stepped(name)
    assert len(before) == len(method.trainable_variables)
    owned = [v.path for n in method.optimizers for v in method.variables_of(n)]
    assert sorted(owned) == sorted(before)
    still = [k for k in before if np.array_equal(before[k], after[k])]
    assert not still


@pytest.mark.parametrize("name", NAMES)
def test_one_step_reports_finite_means_of_the_promised_names(stepped, name):
    method, _, _, logs = stepped(name)
    assert set(logs) == set(method.train_means)
    assert all(np.isfinite(float(value)) for value in logs.values())


@pytest.mark.parametrize(
    ("name", "terms"),
    [
        ("proposed", {"adversarial", "pixel", "saliency"}),
        ("no_saliency", {"adversarial", "pixel"}),
        ("no_patchgan", {"adversarial", "pixel", "saliency"}),
        ("pix2pix", {"adversarial", "pixel"}),
        ("cyclegan", {"adversarial", "cycle", "identity"}),
        ("unet_regression", set()),
        ("resnet_regression", set()),
    ],
)
def test_each_system_minimises_its_own_terms(name, terms):
    means = {m.removeprefix("loss/") for m in _build(name).train_means}
    assert means - {"generator", "discriminator"} == terms


def test_a_weight_of_0_on_a_term_leaves_only_the_others():
    config = dataclasses.replace(SMALL, identity_weight=0.0)
    assert "loss/identity" not in _build("cyclegan", config).train_means


@pytest.mark.slow
@pytest.mark.parametrize("name", ["pix2pix", "cyclegan"])
def test_a_restored_system_goes_on_to_the_last_bit(name, tmp_path):
    """Dropout and the pool of images stand where they stood."""

    def saved(method):
        return tf.train.Checkpoint(
            method=method, untracked=_untracked_variables(method)
        )

    first = _build(name)
    for step in range(3):
        first.train_step(_batch(step))
    path = saved(first).write(str(tmp_path / "state"))
    second = _build(name)
    saved(second).read(path).assert_consumed()
    for method in (first, second):
        method.train_step(_batch(3))
    for one, other in zip(first.variables, second.variables, strict=True):
        np.testing.assert_array_equal(one, other)


def test_no_patchgan_refuses_patches_its_discriminator_cannot_judge():
    config = dataclasses.replace(SMALL, patch_height=64)
    with pytest.raises(InputError, match="no_patchgan.*96x96"):
        _build("no_patchgan", config)


def test_a_system_whose_every_weight_is_0_is_refused():
    config = dataclasses.replace(
        SMALL, adversarial_weight=0.0, pixel_weight=0.0
    )
    with pytest.raises(InputError, match="no_saliency.*every loss weight"):
        _build("no_saliency", config)
