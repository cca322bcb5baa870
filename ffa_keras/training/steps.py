"""The step of training and that of validation, on all devices."""

from collections.abc import Callable
from typing import Any

import keras
import tensorflow as tf

from ffa_keras.methods.system import System
from ffa_keras.translation.keras_model import takes_strips, translator_of
from ffa_keras.translation.scale import to_field
from ffa_keras.translation.whole import trained_diameter


def replicated_train_step(
    strategy: tf.distribute.Strategy, method: System, jit_compile: bool
) -> Callable[[dict[str, Any], tf.Tensor], tf.Tensor]:
    """Return the training step on all devices.

    Args:
        strategy: the devices.
        method: the compiled system, made in the strategy's scope.
        jit_compile: whether XLA compiles the step.

    Returns:
        Function of a distributed batch, and whether this worker asks for a
        stop, to the health of the step, an int32 vector: how many replicas ask
        for a stop, then on how many each of `train_means` is not finite.
    """

    def step(batch: dict[str, tf.Tensor], stop: tf.Tensor) -> tf.Tensor:
        means = method.train_step(batch)
        values = [means[name] for name in method.train_means]
        bad = ~tf.math.is_finite(tf.stack(values))
        signs = tf.concat([stop[None], bad], 0)
        return tf.distribute.get_replica_context().all_reduce(
            tf.distribute.ReduceOp.SUM, tf.cast(signs, tf.int32)
        )

    @tf.function(reduce_retracing=True, jit_compile=jit_compile)
    def run(batch: Any, stop: tf.Tensor) -> tf.Tensor:
        health = strategy.run(step, args=(batch, stop))
        return strategy.experimental_local_results(health)[0]

    return run


def replicated_test_step(
    strategy: tf.distribute.Strategy, method: System
) -> Callable[[dict[str, Any]], None]:
    """Return the step of validation on all devices.

    Args:
        strategy: the devices.
        method: the system, made in the strategy's scope.

    Returns:
        Function of a distributed batch that adds to `validation_means`.
    """

    @tf.function(reduce_retracing=True)
    def run(batch: Any) -> None:
        strategy.run(method.test_step, args=(batch,))

    return run


def with_predictions(
    strategy: tf.distribute.Strategy,
    generator: keras.Model,
    batch: dict[str, Any],
) -> dict[str, tf.Tensor]:
    """Add what the generator makes of frames that it does not take as they are.

    Such are too large to be translated as a whole, or have another field of
    view than it knows: these are translated as evaluation does.

    Args:
        strategy: the devices.
        generator: fundus to FFA.
        batch: as `System.test_step` takes it, distributed; an image each.

    Returns:
        The batch, with `fake` if a frame of it is such a one.
    """
    local = strategy.experimental_local_results(batch["fundus"])
    frames = [fundus[0].numpy() for fundus in local]
    diameter = trained_diameter(generator)
    if not any(
        takes_strips(generator, frame.shape)
        or to_field(frame, diameter) is not frame
        for frame in frames
    ):
        return batch
    translate = translator_of(generator)
    fakes = iter([translate(frame)[None] for frame in frames])
    values = strategy.experimental_distribute_values_from_function(
        lambda _: tf.constant(next(fakes))
    )
    return {**batch, "fake": values}
