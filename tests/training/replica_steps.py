"""Three training steps on given images: `replica_steps.py METHOD REPLICAS OUT`.

A program of its own, since TensorFlow splits the CPU before it starts or not
at all. The images are noise: where a photograph is flat, many activations sit
on the kink of a rectifier together, and rounding alone moves all of them.
"""

import sys

import keras
import numpy as np
import tensorflow as tf

from ffa_keras.training.config import TrainConfig
from ffa_keras.training.strategy import make_strategy, split_cpu
from ffa_keras.training.train import build_method

STEPS, BATCH, HEIGHT, WIDTH = 3, 6, 64, 72


def main(name: str, replicas: int, output: str) -> None:
    split_cpu(replicas)
    strategy = make_strategy(replicas)
    keras.utils.set_random_seed(0)
    tf.config.experimental.enable_op_determinism()
    with strategy.scope():
        method = build_method(
            TrainConfig(
                method=name,
                num_filters=4,
                num_blocks=1,
                discriminator_filters=4,
                perceptual_weight=0,
                # A U-Net of pix2pix so shallow that it drops nothing out:
                # each replica draws its own.
                patch_height=48,
                patch_width=48,
                patch_stride=48,
            ),
            STEPS,
        )

    @tf.function
    def train_step(batch):
        strategy.run(method.train_step, args=(batch,))

    rng = np.random.default_rng(0)
    for _ in range(STEPS):
        shape = (BATCH, HEIGHT, WIDTH)
        images = {
            key: rng.uniform(-1, 1, (*shape, channels)).astype(np.float32)
            for key, channels in (("fundus", 3), ("ffa", 1))
        }

        def share(context, images=images):
            part = slice(context.replica_id_in_sync_group, None, replicas)
            return {k: tf.constant(v[part]) for k, v in images.items()}

        train_step(strategy.experimental_distribute_values_from_function(share))
    checkpoint = tf.train.Checkpoint(method=method)
    checkpoint.write(output)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), sys.argv[3])
