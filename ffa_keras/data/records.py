"""`ffa_keras.records.dataset`, under its name of before."""

from ffa_keras.records.dataset import *  # noqa: F403
