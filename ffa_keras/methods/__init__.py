"""The train_step of each system, and the systems by name.

A system is a `keras.Model` with a `generator`, `train_step`, `test_step`, and
the running means `train_means` and `validation_means`.
"""

from ffa_keras.methods.conditional_gan import ConditionalGan, proposed

METHODS = {"proposed": proposed}

__all__ = ["METHODS", "ConditionalGan"]
