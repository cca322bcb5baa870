"""One measurement, in a process of its own: `measure.py TASK ORDER`.

Prints what was found as a line of JSON.
"""

import json
import platform
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from ffa_keras import __version__
from ffa_keras.errors import InputError
from ffa_keras.methods.networks import vgg19
from ffa_keras.methods.system import System
from ffa_keras.training.config import TrainConfig, make_config
from ffa_keras.training.devices import device_names, gpus_missed
from ffa_keras.training.steps import replicated_train_step
from ffa_keras.training.strategy import make_strategy, split_cpu
from ffa_keras.training.train import build_method, prepare_keras

# Noise: where a photograph is flat, many activations sit on the kink of a
# rectifier together, and rounding alone moves the weights.
_SIZE, _BATCH, _STEPS = 48, 6, 3
_TOLERANCE = 0.01


def devices(config: TrainConfig, steps: int) -> dict[str, Any]:
    """Return the devices, and the versions of what uses them."""
    return {
        "versions": {
            "ffa_keras": __version__,
            "TensorFlow": tf.__version__
            + (" with CUDA" if tf.test.is_built_with_cuda() else ""),
            "Keras": keras.__version__,
            "Python": platform.python_version(),
            "system": platform.platform(),
        },
        "seen": device_names(),
        "missed": gpus_missed(),
    }


def replicas(config: TrainConfig, steps: int) -> dict[str, Any]:
    """Return how far the weights of several replicas are from one's."""
    gpus = len(tf.config.list_physical_devices("GPU"))
    several, kind = (0, "GPU") if gpus > 1 else (2, "CPU")
    split_cpu(several)
    tf.config.experimental.enable_op_determinism()
    small = make_config(
        num_filters=4,
        num_blocks=1,
        discriminator_filters=4,
        perceptual_weight=0.0,
        patch_height=_SIZE,
        patch_width=_SIZE,
        patch_stride=_SIZE,
    )
    all_of_them = make_strategy(several)
    count = all_of_them.num_replicas_in_sync
    one, many = (
        train_on_noise(small, strategy, _STEPS, _BATCH * count)
        for strategy in (
            tf.distribute.MirroredStrategy([f"{kind}:0"]),
            all_of_them,
        )
    )
    return {
        "difference": max(
            float(np.abs(a - b).max() / max(np.abs(a).max(), 1e-2))
            for a, b in zip(one.get_weights(), many.get_weights(), strict=True)
        ),
        "tolerance": _TOLERANCE,
        "steps": _STEPS,
        "devices": [f"{kind}:{number}" for number in range(count)],
    }


def vgg(config: TrainConfig, steps: int) -> dict[str, Any]:
    """Return nothing if the VGG19 weights are at hand, else why not."""
    try:
        vgg19(config)
    except InputError as error:
        return {"failed": f"not at hand: {error}"}
    return {}


def step(config: TrainConfig, steps: int) -> dict[str, Any]:
    """Return the time of a training step on noise, and the memory it took."""
    split_cpu(config.replicas)
    strategy = make_strategy(config.replicas)
    count = strategy.num_replicas_in_sync
    seconds: list[float] = []
    train_on_noise(
        config, strategy, steps + 1, config.batch_size * count, seconds.append
    )
    gpus = [d.name for d in tf.config.list_logical_devices("GPU")]
    memory = tf.config.experimental.get_memory_info
    return {
        "replicas": count,
        "first_seconds": seconds[0],
        "seconds": float(np.median(seconds[1:])),
        "memory_mb": _peak_mb(),
        "device_memory_mb": {
            name.removeprefix("/device:"): memory(name)["peak"] / 2**20
            for name in gpus
        },
    }


def train_on_noise(
    config: TrainConfig,
    strategy: tf.distribute.Strategy,
    steps: int,
    batch_size: int,
    tell_seconds: Callable[[float], object] = lambda seconds: None,
) -> System:
    """Train a new system on noise, the same on any number of replicas.

    Args:
        config: settings of the system, and the size of the images.
        strategy: the devices.
        steps: how many.
        batch_size: images in a step, of all replicas together.
        tell_seconds: told how long each step took.

    Returns:
        The system.
    """
    prepare_keras(config)
    with strategy.scope():
        method = build_method(config, steps)
    train_step = replicated_train_step(strategy, method, config.jit_compile)
    count = strategy.num_replicas_in_sync
    rng = np.random.default_rng(0)
    for _ in range(steps):
        shape = (batch_size, config.patch_height, config.patch_width)
        images = {
            key: rng.uniform(-1, 1, (*shape, channels)).astype(np.float32)
            for key, channels in (("fundus", 3), ("ffa", 1))
        }

        def share(
            context: tf.distribute.experimental.ValueContext,
            images: dict[str, np.ndarray] = images,
        ) -> dict[str, tf.Tensor]:
            parts = {k: np.split(v, count) for k, v in images.items()}
            own = context.replica_id_in_sync_group
            return {k: tf.constant(part[own]) for k, part in parts.items()}

        batch = strategy.experimental_distribute_values_from_function(share)
        begin = time.perf_counter()
        train_step(batch, tf.constant(False)).numpy()
        tell_seconds(time.perf_counter() - begin)
    return method


def _peak_mb() -> float:
    """Return the most main memory this process ever held, MiB; 0 if unknown."""
    # Not getrusage: its peak is inherited from the parent.
    status = Path("/proc/self/status")
    for line in status.read_text().splitlines() if status.exists() else ():
        if line.startswith("VmHWM"):
            return int(line.split()[1]) / 1024
    return 0.0


TASKS = {f.__name__: f for f in (devices, replicas, vgg, step)}

if __name__ == "__main__":
    order = json.loads(sys.argv[2])
    found = TASKS[sys.argv[1]](make_config(**order["config"]), order["steps"])
    print(json.dumps(found))
