"""`ffa_keras.records.unpaired`, under its name of before."""

from ffa_keras.records.unpaired import *  # noqa: F403
