"""`ffa_keras.images.checks`, under its name of before."""

from ffa_keras.images.checks import *  # noqa: F403
