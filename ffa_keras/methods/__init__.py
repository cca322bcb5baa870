"""The losses of each system, and the systems by name.

A system is a `system.System`: a `generator`, `train_step`, `test_step`,
`optimizers` by name, and the running means `train_means` and
`validation_means`. All its state lies in variables, so a run that is resumed
goes on to the last bit.
"""

from ffa_keras.methods.options import METHODS, Method

__all__ = ["METHODS", "Method"]
