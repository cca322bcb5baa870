"""`ffa_keras.phantom`, under its name of before."""

from ffa_keras.phantom import *  # noqa: F403
