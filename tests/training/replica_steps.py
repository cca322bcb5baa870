"""Three training steps on given images: `replica_steps.py FOLDER METHOD...`.

Writes the state of each method after them, trained on one and on two devices:
`FOLDER/METHOD-1` and `FOLDER/METHOD-2`.

A program of its own, since TensorFlow splits the CPU before it starts or not
at all. The images are noise and small: where a photograph is flat, many
activations sit on the kink of a rectifier together, and among many pixels one
is near enough to another grey level, so that rounding alone moves the weights.
"""

import sys

import keras
import numpy as np
import tensorflow as tf

from ffa_keras.methods import METHODS
from ffa_keras.training.config import TrainConfig, make_configs
from ffa_keras.training.strategy import make_strategy, split_cpu
from ffa_keras.training.train import build_method

STEPS, BATCH = 3, 6


def _config(name: str) -> TrainConfig:
    # The least patch that `no_patchgan` takes; else a U-Net of pix2pix so
    # shallow that it drops nothing out: each replica draws its own.
    size = 96 if name == "no_patchgan" else 48
    saliency = 0.0 if name == "no_patchgan" else 1.0
    configs = make_configs(
        METHODS,
        num_filters=4,
        num_blocks=1,
        discriminator_filters=4,
        perceptual_weight=0,
        saliency_weight=saliency,
        patch_height=size,
        patch_width=size,
        patch_stride=size,
    )
    return configs[name]


def _train(name: str, strategy: tf.distribute.Strategy, output: str) -> None:
    replicas = strategy.num_replicas_in_sync
    keras.utils.set_random_seed(0)
    config = _config(name)
    with strategy.scope():
        method = build_method(config, STEPS)

    @tf.function
    def train_step(batch):
        strategy.run(method.train_step, args=(batch,))

    rng = np.random.default_rng(0)
    for _ in range(STEPS):
        shape = (BATCH, config.patch_height + 16, config.patch_width + 24)
        images = {
            key: rng.uniform(-1, 1, (*shape, channels)).astype(np.float32)
            for key, channels in (("fundus", 3), ("ffa", 1))
        }

        def share(context, images=images):
            part = slice(context.replica_id_in_sync_group, None, replicas)
            return {k: tf.constant(v[part]) for k, v in images.items()}

        train_step(strategy.experimental_distribute_values_from_function(share))
    tf.train.Checkpoint(method=method).write(f"{output}-{replicas}")


def main(folder: str, *names: str) -> None:
    split_cpu(2)
    tf.config.experimental.enable_op_determinism()
    one = tf.distribute.MirroredStrategy(["CPU:0"])
    for name in names:
        for strategy in (one, make_strategy(2)):
            _train(name, strategy, f"{folder}/{name}")


if __name__ == "__main__":
    main(*sys.argv[1:])
