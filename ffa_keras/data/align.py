"""`ffa_keras.preparation.align`, under its name of before."""

from ffa_keras.preparation.align import *  # noqa: F403
