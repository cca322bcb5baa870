"""Train every system alike and judge them side by side."""

from ffa_keras.evaluation.compare.comparison import compare

__all__ = ["compare"]
