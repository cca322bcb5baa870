"""One training step of the proposed system, and what it adds up."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from ffa_keras import losses
from ffa_keras.methods.conditional_gan import ConditionalGan
from ffa_keras.models import PatchDiscriminator, ResnetGenerator

WEIGHTS = {
    "adversarial": 1.0,
    "pixel": 100.0,
    "perceptual": 0.0,
    "saliency": 1.0,
}


def _batch(size=2, seed=0):
    rng = np.random.default_rng(seed)
    return {
        "fundus": tf.constant(
            rng.uniform(-1, 1, (size, 32, 40, 3)), tf.float32
        ),
        "ffa": tf.constant(rng.uniform(-1, 1, (size, 32, 40, 1)), tf.float32),
    }


def _gan(weights=WEIGHTS, optimizer=keras.optimizers.Adam, rate=1e-3, **kwargs):
    keras.utils.set_random_seed(0)
    gan = ConditionalGan(
        ResnetGenerator(4, 1), PatchDiscriminator(4), weights, **kwargs
    )
    gan.compile(lambda _: optimizer(rate))
    return gan


def _changed(variables, before):
    return [
        variable.path
        for variable, old in zip(variables, before, strict=True)
        if not np.array_equal(variable, old)
    ]


def test_a_step_changes_every_trainable_variable_of_both_networks():
    gan = _gan()
    variables = gan.trainable_variables
    assert len(variables) == len(gan.generator.trainable_variables) + len(
        gan.discriminator.trainable_variables
    )
    before = [v.numpy() for v in variables]
    gan.train_step(_batch())
    assert len(_changed(variables, before)) == len(variables)


def test_a_step_changes_no_weight_of_vgg19():
    class Perceptual:
        features = keras.Sequential([keras.layers.Conv2D(2, 3)])

        def __call__(self, real, fake):
            square = tf.square(self.features(real) - self.features(fake))
            return tf.reduce_mean(square, axis=(1, 2, 3))

    gan = _gan({**WEIGHTS, "perceptual": 1.0}, perceptual_loss=Perceptual())
    gan.train_step(_batch())
    before = [w.numpy() for w in Perceptual.features.weights]
    gan.train_step(_batch())
    assert not _changed(Perceptual.features.weights, before)


def test_the_generator_descends_the_weighted_sum_of_eq_3():
    rate = 1e-4
    gan = _gan(optimizer=keras.optimizers.SGD, rate=rate)
    batch = _batch()
    variables = gan.generator.trainable_variables
    before = [v.numpy() for v in variables]
    with tf.GradientTape() as tape:
        fake = gan.generator(batch["fundus"])
        terms = (
            losses.generator_adversarial_loss(
                gan.discriminator((batch["fundus"], fake))
            )
            + 100 * losses.pixel_loss(batch["ffa"], fake)
            + losses.saliency_loss(batch["ffa"], fake)
        )
        objective = tf.reduce_mean(terms)
    gradients = tape.gradient(objective, [v.value for v in variables])
    gan.train_step(batch)
    for variable, old, gradient in zip(
        variables, before, gradients, strict=True
    ):
        np.testing.assert_allclose(
            old - variable, rate * gradient, rtol=2e-3, atol=2e-7
        )


def test_the_discriminator_does_not_teach_the_generator_its_own_loss():
    still = _gan(
        {**WEIGHTS, "adversarial": 0.0, "pixel": 0.0, "saliency": 1e-9}
    )
    before = [v.numpy() for v in still.generator.trainable_variables]
    still.compile(lambda _: keras.optimizers.SGD(1e-3))
    still.train_step(_batch())
    for variable, old in zip(
        still.generator.trainable_variables, before, strict=True
    ):
        np.testing.assert_allclose(variable, old, atol=1e-7)


def test_it_reports_every_term_as_a_mean_over_the_images():
    gan = _gan()
    batch = _batch()
    fake = gan.generator(batch["fundus"])
    expected = float(tf.reduce_mean(losses.pixel_loss(batch["ffa"], fake)))
    logs = gan.train_step(batch)
    assert set(logs) == {
        "loss/adversarial",
        "loss/pixel",
        "loss/saliency",
        "loss/generator",
        "loss/discriminator",
    }
    assert float(logs["loss/pixel"]) == pytest.approx(expected, rel=1e-5)
    total = (
        logs["loss/adversarial"]
        + 100 * logs["loss/pixel"]
        + logs["loss/saliency"]
    )
    assert float(logs["loss/generator"]) == pytest.approx(
        float(total), rel=1e-5
    )


def test_an_unequal_batch_weighs_images_equally():
    """One image counts the same whether its batch holds one or three."""
    rate = 1e-4
    weights = {**WEIGHTS, "saliency": 0.0}
    batch = _batch(3)

    def step(images):
        gan = _gan(weights, keras.optimizers.SGD, rate)
        before = [v.numpy() for v in gan.generator.trainable_variables]
        gan.train_step({k: v[images] for k, v in batch.items()})
        after = gan.generator.trainable_variables
        return [a - b for a, b in zip(after, before, strict=True)]

    alone = [step(slice(i, i + 1)) for i in range(3)]
    together = step(slice(0, 3))
    for parts, whole in zip(zip(*alone, strict=True), together, strict=True):
        np.testing.assert_allclose(sum(parts) / 3, whole, rtol=1e-2, atol=2e-7)


def test_validation_judges_inside_the_mask_and_leaves_padding_out():
    gan = _gan()
    rng = np.random.default_rng(0)
    frames = {
        "fundus": rng.integers(0, 256, (2, 33, 41, 3), np.uint8),
        "ffa": rng.integers(0, 256, (2, 33, 41, 1), np.uint8),
        "valid_mask": np.full((2, 33, 41, 1), 255, np.uint8),
        "weight": np.array([1, 0], np.float32),
    }
    logs = gan.test_step({k: tf.constant(v) for k, v in frames.items()})
    fake = (gan.generator(frames["fundus"][:1] / 127.5 - 1.0) + 1) * 127.5
    error = np.square(fake - frames["ffa"][:1].astype(float)).mean()
    assert float(logs["psnr"]) == pytest.approx(
        10 * np.log10(255**2 / error), abs=1e-3
    )


def test_a_term_without_a_function_is_an_error_even_at_weight_0():
    with pytest.raises(ValueError, match="no such loss term: leakage"):
        _gan({**WEIGHTS, "leakage": 0.0})


def test_each_network_may_have_an_optimizer_of_its_own():
    gan = _gan()
    rates = {"generator": 0.0, "discriminator": 0.1}
    gan.compile(lambda name: keras.optimizers.SGD(rates[name]))
    networks = gan.generator, gan.discriminator
    before = [[v.numpy() for v in n.trainable_variables] for n in networks]
    gan.train_step(_batch())
    still, moved = (
        _changed(network.trainable_variables, old)
        for network, old in zip(networks, before, strict=True)
    )
    assert not still and len(moved) == len(before[1])
