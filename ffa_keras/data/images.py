"""`ffa_keras.images.files`, under its name of before."""

from ffa_keras.images.files import *  # noqa: F403
