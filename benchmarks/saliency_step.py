"""The share of the saliency term in a training step of the paper's model."""

import time

import keras
import tensorflow as tf

from ffa_keras.losses import saliency_loss
from ffa_keras.methods.conditional_gan import ConditionalGan
from ffa_keras.models import PatchDiscriminator, ResnetGenerator

_SIZE = 256
_ROUNDS = 5


def _seconds(call) -> float:
    begin = time.perf_counter()
    call()
    return time.perf_counter() - begin


def print_share() -> None:
    """Time steps without the perceptual term, and the saliency term alone.

    The perceptual term needs VGG19 weights and only adds to the step, so the
    share that is printed is an upper bound.
    """
    keras.utils.set_random_seed(0)
    gan = ConditionalGan(
        ResnetGenerator(),
        PatchDiscriminator(),
        {"adversarial": 1.0, "pixel": 100.0, "saliency": 1.0},
    )
    gan.compile(lambda _: keras.optimizers.Adam(2e-4, beta_1=0.5))
    fundus = tf.random.uniform([1, _SIZE, _SIZE, 3], -1.0, 1.0)
    ffa = tf.random.uniform([1, _SIZE, _SIZE, 1], -1.0, 1.0)
    fake = tf.random.uniform([1, _SIZE, _SIZE, 1], -1.0, 1.0)
    step = tf.function(gan.train_step)

    def term():
        with tf.GradientTape() as tape:
            tape.watch(fake)
            loss = saliency_loss(ffa, fake)
        return tape.gradient(loss, fake)

    calls = {
        "training step": lambda: step({"fundus": fundus, "ffa": ffa}),
        "saliency term, graph": tf.function(term),
        "saliency term, XLA": tf.function(term, jit_compile=True),
    }
    for call in calls.values():
        call()
    best = {name: float("inf") for name in calls}
    for _ in range(_ROUNDS):
        for name, call in calls.items():
            best[name] = min(best[name], _seconds(call))
    whole = best["training step"]
    print(f"{_SIZE}x{_SIZE}, batch 1, best of {_ROUNDS}")
    for name, seconds in best.items():
        print(f"{name}: {seconds:.3f} s, {100 * seconds / whole:.1f} %")
