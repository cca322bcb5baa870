"""`ffa_keras.images.pictures`, under its name of before."""

from ffa_keras.images.pictures import *  # noqa: F403
