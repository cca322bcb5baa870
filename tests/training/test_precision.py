"""16-bit networks; float32 losses, saliency and weights."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from ffa_keras.losses import Step
from ffa_keras.training.config import make_config
from ffa_keras.training.train import build_method


@pytest.fixture(params=["mixed_float16", "mixed_bfloat16"])
def precision(request):
    keras.config.set_dtype_policy(request.param)
    yield request.param
    keras.config.set_dtype_policy("float32")


@pytest.fixture
def method(precision):
    keras.utils.set_random_seed(0)
    config = make_config(
        num_filters=4, num_blocks=1, discriminator_filters=4,
        perceptual_weight=0, precision=precision,
    )  # fmt: skip
    return build_method(config, 10)


def _batch():
    rng = np.random.default_rng(0)
    return {
        name: tf.constant(rng.uniform(-1, 1, (1, 32, 40, channels)), tf.float32)
        for name, channels in (("fundus", 3), ("ffa", 1))
    }


def test_networks_compute_in_16_bits(method, precision):
    layer = method.generator.network.layers[1]
    assert layer(tf.zeros((1, 16, 16, 3))).dtype == precision[6:]


def test_weights_and_terms_of_the_loss_stay_float32(method):
    batch = _batch()
    fake = method.generator(batch["fundus"])
    logits = method.discriminator((batch["fundus"], fake))
    assert fake.dtype == logits.dtype == tf.float32
    terms = method.terms(Step(batch["fundus"], batch["ffa"], fake, logits))
    assert set(terms) == {"adversarial", "pixel", "saliency"}
    for value in (*terms.values(), *method.weights):
        assert value.dtype in (tf.float32, "float32")


def test_float16_scales_its_losses_and_drops_steps_that_overflow(
    method, precision
):
    optimizer = method.generator_optimizer
    scaled = isinstance(optimizer, keras.optimizers.LossScaleOptimizer)
    assert scaled == (precision == "mixed_float16")
    if scaled:
        optimizer.dynamic_scale.assign(1e38)
    before = [v.numpy() for v in method.generator.trainable_variables]
    method.train_step(_batch())
    after = [v.numpy() for v in method.generator.trainable_variables]
    changed = [
        not np.array_equal(a, b) for a, b in zip(before, after, strict=True)
    ]
    assert any(changed) != scaled
    assert np.isfinite(np.concatenate([v.ravel() for v in after])).all()
    if scaled:
        assert float(optimizer.dynamic_scale) < 1e38
