"""A training step of the paper's system, ours and PyTorch's, side by side.

`python -m benchmarks.train_step` trains on the same random 256x256 image
(`--size`, `--batch_size`) in turns, each contender in a process of its own,
and prints a Markdown table: images/s, the ratio to PyTorch and peak memory.
`--parts` times what our step consists of instead. VGG19 has random weights,
which cost the same.
"""

import tempfile
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from ffa_keras import cli  # isort: skip

from absl import flags

from benchmarks.harness import (
    Contender,
    Reply,
    able,
    figure,
    peak_mb,
    serve,
    show_table,
    take_turns,
    timed,
)

if TYPE_CHECKING:
    from ffa_keras.methods.conditional_gan import ConditionalGan

_SIZE = flags.DEFINE_integer("size", 256, "side of the images, pixels")
_BATCH = flags.DEFINE_integer("batch_size", 1, "images in a step")
_ROUNDS = flags.DEFINE_integer("rounds", 5, "steps that are timed")
_PARTS = flags.DEFINE_bool("parts", False, "time the parts of our step")
_SYSTEMS = flags.DEFINE_list("systems", [], "which to compare; all if empty")
_FORM = flags.DEFINE_string("form", "", "serve one contender; internal")

_TORCH = "PyTorch"
# Name: (jit_compile, precision, weight of the saliency term, environment).
_OURS: dict[str, tuple[bool, str, float, dict[str, str]]] = {
    "ours": (False, "float32", 1.0, {}),
    "ours without saliency": (False, "float32", 0.0, {}),
    "ours without oneDNN": (
        False, "float32", 1.0, {"TF_ENABLE_ONEDNN_OPTS": "0"},
    ),
    "ours on one thread": (
        False, "float32", 1.0, {"TF_NUM_INTRAOP_THREADS": "1"},
    ),
    "ours in mixed_bfloat16": (False, "mixed_bfloat16", 1.0, {}),
    "ours under XLA": (True, "float32", 1.0, {}),
}  # fmt: skip
_TORCHS = {
    _TORCH: (True, False),
    "PyTorch without saliency": (False, False),
    "PyTorch compiled without saliency": (False, True),
}


def _vgg_file(folder: str) -> str:
    import keras

    path = f"{folder}/vgg.h5"
    keras.applications.VGG19(include_top=False, weights=None).save(path)
    return path


def _images() -> dict[str, np.ndarray]:
    from ffa_keras.phantom import make_pair

    pair = make_pair(0, "large_focal", _SIZE.value)
    return {
        name: np.repeat(
            getattr(pair, name)[None].astype(np.float32) / 127.5 - 1,
            _BATCH.value,
            0,
        )
        for name in ("fundus", "ffa")
    }


def _our_system(
    jit_compile: bool, precision: str, saliency: float
) -> "ConditionalGan":
    import keras

    from ffa_keras.methods import METHODS
    from ffa_keras.training.config import make_config

    keras.utils.set_random_seed(0)
    keras.config.set_dtype_policy(precision)
    with tempfile.TemporaryDirectory() as folder:
        config = make_config(
            vgg_weights=_vgg_file(folder),
            jit_compile=jit_compile,
            saliency_weight=saliency,
        )
        method = METHODS["proposed"].build(config)
    method.compile(lambda _: keras.optimizers.Adam(2e-4, beta_1=0.5))
    return method


def _our_step(name: str) -> Callable[[], object]:
    import tensorflow as tf

    jit_compile, precision, saliency, _ = _OURS[name]
    method = _our_system(jit_compile, precision, saliency)
    step = tf.function(method.train_step, jit_compile=jit_compile)
    batch = {k: tf.constant(v) for k, v in _images().items()}
    return lambda: [v.numpy() for v in step(batch).values()]


def _torch_step(name: str) -> Callable[[], object]:
    import torch

    from benchmarks.train_step.torch_system import System

    saliency, compiled = _TORCHS[name]
    images = [
        torch.tensor(v.transpose(0, 3, 1, 2).copy()) for v in _images().values()
    ]
    system = System(saliency, compiled)
    return lambda: system.step(*images)


def _load(name: str) -> tuple[Reply, Callable[[], Reply]]:
    step = (_torch_step if name in _TORCHS else _our_step)(name)
    step()
    return {"memory": peak_mb()}, lambda: {"seconds": timed(step)}


def _contender(name: str) -> Contender:
    flagged = [f"--size={_SIZE.value}", f"--batch_size={_BATCH.value}"]
    return Contender(
        name,
        ["benchmarks.train_step", f"--form={name}", *flagged],
        _OURS[name][3] if name in _OURS else {},
    )


def _compare() -> None:
    names = _SYSTEMS.value or (*_OURS, *_TORCHS)
    contenders = able(_contender(name) for name in names)
    take_turns(contenders, _ROUNDS.value)
    best = {c.name: _BATCH.value / min(c.seconds) for c in contenders}
    show_table(
        ("System", "images/s", "Against PyTorch", "Median s", "Peak MB"),
        (
            (
                c.name, best[c.name],
                figure(best[c.name] / best[_TORCH], 2)
                if _TORCH in best
                else "",
                figure(np.median(c.seconds), 2), figure(c.ready["memory"], 0),
            )
            for c in contenders
        ),
    )  # fmt: skip


def _print_parts() -> None:
    """Time each part of our step with its gradient, alone."""
    import tensorflow as tf

    from ffa_keras.losses import PerceptualLoss, saliency_loss

    method = _our_system(False, "float32", 1.0)
    with tempfile.TemporaryDirectory() as folder:
        perceptual_loss = PerceptualLoss(_vgg_file(folder))
    batch = {k: tf.constant(v) for k, v in _images().items()}
    fundus, real = batch["fundus"], batch["ffa"]
    fake = tf.constant(method.generator(fundus))
    optimizer = method.generator_optimizer
    variables = method.generator.trainable_variables
    zeros = [tf.zeros_like(v) for v in variables]

    def gradient(
        function: Callable[[], tf.Tensor], sources: list
    ) -> list[tf.Tensor]:
        with tf.GradientTape() as tape:
            tape.watch(fake)
            value = function()
        return tape.gradient(value, sources)

    discriminator = method.discriminator
    parts = {
        "whole step": lambda: method.train_step(batch),
        "generator": lambda: gradient(
            lambda: method.generator(fundus, training=True),
            [v.value for v in variables],
        ),
        "discriminator, both images": lambda: gradient(
            lambda: (
                tf.reduce_sum(discriminator((fundus, fake)))
                + tf.reduce_sum(discriminator((fundus, real)))
            ),
            [fake, *(v.value for v in discriminator.trainable_variables)],
        ),
        "VGG19 term": lambda: gradient(
            lambda: perceptual_loss(real, fake), [fake]
        ),
        "saliency term": lambda: gradient(
            lambda: saliency_loss(real, fake), [fake]
        ),
        "optimizer of the generator": lambda: optimizer.apply_gradients(
            zip(zeros, variables, strict=True)
        ),
    }
    compiled = {name: tf.function(part) for name, part in parts.items()}
    best = dict.fromkeys(parts, float("inf"))
    for number in range(_ROUNDS.value + 1):
        for name, part in compiled.items():
            seconds = timed(part)
            if number:
                best[name] = min(best[name], seconds)
    show_table(
        ("Part, with its gradient", "s", "Share of the step"),
        (
            (name, seconds, f"{100 * seconds / best['whole step']:.1f} %")
            for name, seconds in best.items()
        ),
        "parts",
    )


def main() -> None:
    """Serve one contender, time the parts, or compare all."""
    if _FORM.value:
        serve(lambda: _load(_FORM.value))
    elif _PARTS.value:
        _print_parts()
    else:
        _compare()


if __name__ == "__main__":
    cli.run(main)
