"""Each system by its name: networks, one step, going on after a stop."""

import dataclasses
import functools

import keras
import numpy as np
import pytest
import tensorflow as tf

from ffa_keras import losses
from ffa_keras.errors import InputError
from ffa_keras.methods import METHODS, Method
from ffa_keras.methods.options import Pix2PixOptions, ResnetOptions
from ffa_keras.settings import setting
from ffa_keras.training.checkpoints import untracked_variables
from ffa_keras.training.config import config_class
from ffa_keras.training.train import build_method

NAMES = list(METHODS)
SMALL = {
    "num_filters": 2,
    "num_blocks": 1,
    "discriminator_filters": 2,
    "perceptual_weight": 0.0,
    "pool_size": 2,
}
# The least that every discriminator judges.
SIDES = dict.fromkeys(NAMES, 32) | {"no_patchgan": 96, "pix2pixhd": 48}


def _options(name, **settings):
    options = METHODS[name].options
    known = {field.name for field in dataclasses.fields(options)}
    side = {"patch_height": SIDES[name], "patch_width": SIDES[name]}
    wanted = {**SMALL, **side, **settings}
    return options(**{k: v for k, v in wanted.items() if k in known})


def _build(name, optimizer=keras.optimizers.Adam, **settings):
    keras.utils.set_random_seed(0)
    method = METHODS[name].build(_options(name, **settings))
    method.compile(lambda _: optimizer(1e-3))
    return method


def _batch(name, seed=0):
    rng = np.random.default_rng(seed)
    size = (1, SIDES[name], SIDES[name])
    return {
        kind: tf.constant(rng.uniform(-1, 1, (*size, channels)), tf.float32)
        for kind, channels in (("fundus", 3), ("ffa", 1))
    }


@pytest.fixture(scope="module")
def stepped():
    """Each small system with its variables before and after one step."""

    @functools.cache
    def step(name):
        method = _build(name)
        before = {v.path: v.numpy() for v in method.trainable_variables}
        logs = method.train_step(_batch(name))
        after = {v.path: v.numpy() for v in method.trainable_variables}
        return method, before, after, logs

    return step


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
        ("pix2pixhd", {"adversarial", "matching"}),
        ("cyclegan", {"adversarial", "cycle", "identity"}),
        (
            "disentangled",
            {
                "adversarial",
                "structure",
                "cycle",
                "reconstruction",
                "code",
                "divergence",
                "norm",
            },
        ),
        ("unet_regression", set()),
        ("resnet_regression", set()),
    ],
)
def test_each_system_minimises_its_own_terms(name, terms):
    method = _build(name)
    means = {m.removeprefix("loss/") for m in method.train_means}
    assert means - method.optimizers.keys() == terms


def test_a_weight_of_0_on_a_term_leaves_only_the_others():
    method = _build("cyclegan", identity_weight=0.0)
    assert "loss/identity" not in method.train_means


class _Likeness:
    """Stands for the perceptual loss: no VGG19 is needed."""

    def __init__(self, weights):
        self.scale = len(weights)

    def __call__(self, real, fake):
        return self.scale * losses.squared_loss(real, fake)


def _another(field):
    """Return a value of the option that is not its default."""
    if field.metadata["choices"]:
        return field.metadata["choices"][-1]
    if isinstance(field.default, str):
        return "25" if field.default.isdecimal() else "elsewhere.npz"
    return SMALL.get(field.name, field.default) + type(field.default)(0.75 + 1)


def _after_a_step(name, **settings):
    method = _build(name, keras.optimizers.SGD, **settings)
    for kernel in method.trainable_variables:
        if len(kernel.shape) > 1:
            # Gradients are as small as the first weights.
            kernel.assign(8 * kernel)
    method.train_step(_batch(name))
    return [v.numpy() for v in method.variables]


@pytest.fixture(scope="module")
def plain_step():
    """The variables of each system after a step of plain options."""
    return functools.cache(
        functools.partial(_after_a_step, perceptual_weight=1.0)
    )


def _options_of_methods():
    """Yield each method with each of its options.

    An option that a method before it has, and what has as many networks as
    `disentangled`, is slow.
    """
    seen = set()
    for name, method in METHODS.items():
        for option in (f.name for f in dataclasses.fields(method.options)):
            # The field's diameter is for those who translate, and the
            # optimizers of these tests have a rate of their own.
            if option.endswith("learning_rate") or option in (
                "patch_height", "patch_width", "seed", "field_diameter",
            ):  # fmt: skip
                continue
            slow = option in seen or name == "disentangled"
            seen.add(option)
            marks = pytest.mark.slow if slow else ()
            yield pytest.param(name, option, marks=marks)


@pytest.mark.parametrize("name, option", _options_of_methods())
def test_every_option_of_a_method_changes_what_it_learns(
    plain_step, monkeypatch, name, option
):
    monkeypatch.setattr(losses, "PerceptualLoss", _Likeness)
    fields = {f.name: f for f in dataclasses.fields(METHODS[name].options)}
    value = 0.5 if option == "dropout" else _another(fields[option])
    changed = _after_a_step(name, **{"perceptual_weight": 1.0, option: value})
    plain = plain_step(name)
    assert [v.shape for v in changed] != [v.shape for v in plain] or any(
        # Rounding alone moves a weight by less.
        np.abs(one - other).max() > 1e-6
        for one, other in zip(changed, plain, strict=True)
    )


def test_a_method_may_have_learning_rates_of_its_own(monkeypatch):
    @dataclasses.dataclass(frozen=True)
    class Options(Pix2PixOptions, ResnetOptions):
        learning_rate: float = setting(1e-5, "of Adam")
        discriminator_learning_rate: float = setting(3e-5, "of its Adam")

    own = Method("conditional_gan:no_saliency", Options)
    monkeypatch.setitem(METHODS, "own", own)
    config = config_class("own")(num_filters=2, num_blocks=0)
    optimizers = build_method(config, 10).optimizers
    assert {k: float(v.learning_rate) for k, v in optimizers.items()} == {
        "generator": pytest.approx(1e-5),
        "discriminator": pytest.approx(3e-5),
    }


@pytest.mark.parametrize(
    "precision",
    [pytest.param("mixed_float16", marks=pytest.mark.slow), "mixed_bfloat16"],
)
@pytest.mark.parametrize("name", NAMES)
def test_every_system_trains_in_16_bits(name, precision):
    keras.config.set_dtype_policy(precision)
    try:
        logs = _build(name).train_step(_batch(name))
    finally:
        keras.config.set_dtype_policy("float32")
    for value in logs.values():
        assert value.dtype == tf.float32 and np.isfinite(float(value))


@pytest.mark.slow
@pytest.mark.parametrize("name", ["pix2pix", "cyclegan", "disentangled"])
def test_a_restored_system_goes_on_to_the_last_bit(name, tmp_path):
    """Dropout, noise and the pool of images stand where they stood."""

    def saved(method):
        return tf.train.Checkpoint(
            method=method, untracked=untracked_variables(method)
        )

    first = _build(name)
    for step in range(3):
        first.train_step(_batch(name, step))
    path = saved(first).write(str(tmp_path / "state"))
    second = _build(name)
    saved(second).read(path).assert_consumed()
    for method in (first, second):
        method.train_step(_batch(name, 3))
    for one, other in zip(first.variables, second.variables, strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize(
    "name, least",
    [
        ("proposed", 24),
        ("no_saliency", 24),
        ("no_patchgan", 96),
        ("pix2pix", 24),
        ("pix2pixhd", 48),
        ("cyclegan", 24),
        ("disentangled", 16),
    ],
)
def test_a_method_refuses_patches_its_discriminator_cannot_judge(name, least):
    _build(name, patch_height=least)
    with pytest.raises(InputError, match=f"at least {least}"):
        _build(name, patch_height=least - 1)


@pytest.mark.parametrize("name", ["unet_regression", "resnet_regression"])
def test_a_method_without_discriminator_takes_smaller_patches(name):
    method = _build(name, patch_height=16, patch_width=16)
    batch = {k: v[:, :16, :16] for k, v in _batch(name).items()}
    assert np.isfinite(float(method.train_step(batch)["loss/generator"]))
