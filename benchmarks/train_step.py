"""A training step of the paper's system, ours and PyTorch's, side by side.

`python -m benchmarks.train_step` trains on the same random 256x256 image
(`--size`, `--batch_size`) in turns, each contender in a process of its own,
and prints a Markdown table: images/s, the ratio to PyTorch and peak memory.
`--parts` times what our step consists of instead. VGG19 has random weights,
which cost the same.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable

import numpy as np

from ffa_keras import cli  # isort: skip

from absl import flags

from benchmarks.memory import peak_mb

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
    from ffa_keras.losses.perceptual import _build_features, _layer_names

    rng, arrays = np.random.default_rng(0), {}
    weights = iter(_build_features().weights)
    for name in _layer_names():
        for kind in ("kernel", "bias"):
            shape = next(weights).shape
            arrays[f"{name}__{kind}"] = rng.normal(0, 0.03, shape)
    path = f"{folder}/vgg.npz"
    np.savez(path, **arrays)
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


def _our_system(jit_compile: bool, precision: str, saliency: float):
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

    from benchmarks.torch_system import System

    saliency, compiled = _TORCHS[name]
    images = [
        torch.tensor(v.transpose(0, 3, 1, 2).copy()) for v in _images().values()
    ]
    system = System(saliency)
    if compiled:
        system.losses = torch.compile(system.losses)
    return lambda: system.step(*images)


def _serve(name: str) -> None:
    """Do a step for every line that comes in."""
    make = _torch_step if name in _TORCHS else _our_step
    try:
        step = make(name)
        step()
    except ModuleNotFoundError as error:
        print(json.dumps({"skipped": f"no {error.name}"}), flush=True)
        return
    print(json.dumps({"memory": peak_mb()}), flush=True)
    for _ in sys.stdin:
        begin = time.perf_counter()
        step()
        print(json.dumps({"seconds": time.perf_counter() - begin}), flush=True)


class _Contender:
    """One system in its process."""

    def __init__(self, name: str):
        self.name, self.seconds = name, list[float]()
        more = _OURS[name][3] if name in _OURS else {}
        self._process = subprocess.Popen(
            [
                sys.executable, "-m", "benchmarks.train_step",
                f"--form={name}", f"--size={_SIZE.value}",
                f"--batch_size={_BATCH.value}",
            ],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL, text=True, env={**os.environ, **more},
        )  # fmt: skip
        self.first = self._reply()

    def _reply(self) -> dict:
        line = self._process.stdout.readline()
        return json.loads(line) if line else {"skipped": "it died"}

    def step(self) -> None:
        self._process.stdin.write("\n")
        self._process.stdin.flush()
        self.seconds.append(self._reply()["seconds"])

    def close(self) -> None:
        self._process.stdin.close()
        self._process.wait()


def _compare() -> None:
    contenders = []
    for name in _SYSTEMS.value or (*_OURS, *_TORCHS):
        contender = _Contender(name)
        if "skipped" in contender.first:
            print(f"{name}: skipped, {contender.first['skipped']}")
            contender.close()
        else:
            contenders.append(contender)
    for _ in range(_ROUNDS.value):
        for contender in contenders:
            contender.step()
    best = {c.name: _BATCH.value / min(c.seconds) for c in contenders}
    print("| System | images/s | Against PyTorch | Median s | Peak MB |")
    print("|---|---|---|---|---|")
    for contender in contenders:
        contender.close()
        name = contender.name
        ratio = f"{best[name] / best[_TORCH]:.2f}" if _TORCH in best else ""
        print(
            f"| {name} | {best[name]:.3f} | {ratio}"
            f" | {np.median(contender.seconds):.2f}"
            f" | {contender.first['memory']:.0f} |"
        )


def _print_parts() -> None:
    """Time each part of our step with its gradient, alone."""
    import tensorflow as tf

    from ffa_keras.losses import saliency_loss

    method = _our_system(False, "float32", 1.0)
    batch = {k: tf.constant(v) for k, v in _images().items()}
    fundus, real = batch["fundus"], batch["ffa"]
    fake = tf.constant(method.generator(fundus))
    optimizer = method.generator_optimizer
    variables = method.generator.trainable_variables
    zeros = [tf.zeros_like(v) for v in variables]

    def gradient(function, sources):
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
            lambda: method._perceptual_loss(real, fake), [fake]
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
            begin = time.perf_counter()
            part()
            if number:
                best[name] = min(best[name], time.perf_counter() - begin)
    print("| Part, with its gradient | s | Share |\n|---|---|---|")
    for name, seconds in best.items():
        share = seconds / best["whole step"]
        print(f"| {name} | {seconds:.3f} | {100 * share:.1f} % |")


def main() -> None:
    """Serve one contender, time the parts, or compare all."""
    if _FORM.value:
        _serve(_FORM.value)
    elif _PARTS.value:
        _print_parts()
    else:
        _compare()


if __name__ == "__main__":
    cli.run(main)
