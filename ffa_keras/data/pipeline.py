"""`ffa_keras.records.pipeline`, under its name of before."""

from ffa_keras.records.dataset import *  # noqa: F403
from ffa_keras.records.pipeline import *  # noqa: F403
