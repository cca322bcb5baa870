"""The learning rate over a run (paper, section 3)."""

import keras
import tensorflow as tf


class ConstantThenLinear(keras.optimizers.schedules.LearningRateSchedule):
    """Constant at first, then linear to zero.

    Args:
        learning_rate: the constant rate.
        constant_steps: steps at the constant rate.
        decay_steps: steps of the decay; the rate is zero from
            `constant_steps + decay_steps` on. With 0 it never decays.
    """

    def __init__(
        self, learning_rate: float, constant_steps: int, decay_steps: int
    ):
        self.learning_rate = learning_rate
        self.constant_steps = constant_steps
        self.decay_steps = decay_steps

    def __call__(self, step: tf.Tensor) -> tf.Tensor:
        """Return the rate at a step, float32 scalar.

        Args:
            step: optimizer iterations so far, integer scalar.
        """
        rate = tf.constant(self.learning_rate, tf.float32)
        if not self.decay_steps:
            return rate
        past = tf.cast(step, tf.float32) - self.constant_steps
        share = past / self.decay_steps
        return rate * (1.0 - tf.clip_by_value(share, 0.0, 1.0))
