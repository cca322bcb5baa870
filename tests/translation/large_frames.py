"""Validate large frames as a whole and in strips; print both as JSON.

python -m tests.translation.large_frames REPLICAS
"""

import json
import sys
from unittest import mock

from ffa_keras import cli  # noqa: F401  before TensorFlow

import keras  # isort: skip
import numpy as np
import tensorflow as tf

from ffa_keras.methods import METHODS
from ffa_keras.models import ResnetGenerator
from ffa_keras.phantom import make_pair
from ffa_keras.training.config import make_config
from ffa_keras.training.steps import replicated_test_step, with_predictions
from ffa_keras.translation.keras_model import translator_of

HEIGHT, WIDTH = 1100, 1000


def _frames():
    for seed in range(2):
        pair = make_pair(seed, "normal", HEIGHT)
        yield {
            "fundus": pair.fundus[None, :, :WIDTH],
            "ffa": pair.ffa[None, :, :WIDTH],
            "valid_mask": np.full((1, HEIGHT, WIDTH, 1), 255, np.uint8),
            "weight": np.ones(1, np.float32),
        }


def main(replicas: int) -> None:
    """Judge two frames as the step does, rounded as a whole, and in strips."""
    (cpu,) = tf.config.list_physical_devices("CPU")
    tf.config.set_logical_device_configuration(
        cpu, [tf.config.LogicalDeviceConfiguration()] * replicas
    )
    strategy = tf.distribute.get_strategy()
    if replicas > 1:
        names = [c.name for c in tf.config.list_logical_devices("CPU")]
        strategy = tf.distribute.MirroredStrategy(names)
    keras.utils.set_random_seed(3)
    with strategy.scope():
        method = METHODS["unet_regression"].build(
            make_config("unet_regression", num_filters=4)
        )
        method.generator = ResnetGenerator(4, 1)
        method.generator.build((None, None, None, 3))
    frames = list(_frames())
    spec = {k: tf.TensorSpec([*v.shape], v.dtype) for k, v in frames[0].items()}
    step = replicated_test_step(strategy, method)
    found = []

    def in_strips(batch):
        return with_predictions(strategy, method.generator, batch)

    def rounded(batch):
        def whole(generator):
            return translator_of(generator, at_once=HEIGHT * WIDTH)

        with mock.patch("ffa_keras.training.steps.translator_of", whole):
            return in_strips(batch)

    for prepare in (lambda batch: batch, rounded, in_strips):
        data = strategy.distribute_datasets_from_function(
            lambda _: tf.data.Dataset.from_generator(
                lambda: iter(frames), output_signature=spec
            )
        )
        given = []
        for batch in data:
            batch = prepare(batch)
            given.append("fake" in batch)
            step(batch)
        means = method.validation_means.items()
        figures = {name: float(mean.result()) for name, mean in means}
        found.append({"fake": all(given), **figures})
        for _, mean in means:
            mean.reset_state()
    print(json.dumps(found))


if __name__ == "__main__":
    main(int(sys.argv[1]))
