"""`ffa_keras.records.patches`, under its name of before."""

from ffa_keras.records.patches import *  # noqa: F403
