"""Three training steps on noise.

`python -m tests.training.replica_steps FOLDER METHOD...`

Writes the state of each method after them, trained on one and on two devices:
`FOLDER/METHOD-1` and `FOLDER/METHOD-2`.

A program of its own, since TensorFlow splits the CPU before it starts or not
at all.
"""

import sys
from unittest import mock

import keras
import tensorflow as tf

from ffa_keras.methods import METHODS
from ffa_keras.methods.system import System
from ffa_keras.training.config import TrainConfig, make_configs
from ffa_keras.training.doctor import measure
from ffa_keras.training.strategy import make_strategy, split_cpu

STEPS, BATCH = 3, 6


def _config(name: str) -> TrainConfig:
    # The least patch that `no_patchgan` takes; else a U-Net of pix2pix so
    # shallow that it drops nothing out: each replica draws its own.
    size = {"no_patchgan": 112, "disentangled": 32}.get(name, 56)
    configs = make_configs(
        METHODS,
        num_filters=4,
        num_blocks=1,
        discriminator_filters=4,
        perceptual_weight=0,
        saliency_weight=0.0 if name == "no_patchgan" else 1.0,
        pool_size=4,
        shift_tolerance=2,
        patch_height=size,
        patch_width=size,
        patch_stride=size,
    )
    return configs[name]


def _train(name: str, strategy: tf.distribute.Strategy) -> System:
    # In double: sums over replicas round otherwise, and where that moves an
    # activation over a kink, or what batch normalisation divides by is small,
    # float32 moves Adam's slots by up to half of their scale.
    prepare = measure.prepare_keras

    def in_double(config: TrainConfig) -> None:
        prepare(config)
        keras.config.set_dtype_policy("float64")

    keras.config.set_floatx("float64")
    with mock.patch.object(measure, "prepare_keras", in_double):
        return measure.train_on_noise(_config(name), strategy, STEPS, BATCH)


def main(folder: str, *names: str) -> None:
    split_cpu(2)
    tf.config.experimental.enable_op_determinism()
    one = tf.distribute.MirroredStrategy(["CPU:0"])
    for name in names:
        for number, strategy in enumerate((one, make_strategy(2)), 1):
            method = _train(name, strategy)
            path = f"{folder}/{name}-{number}"
            tf.train.Checkpoint(method=method).write(path)


if __name__ == "__main__":
    main(*sys.argv[1:])
