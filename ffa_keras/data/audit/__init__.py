"""`ffa_keras.records.audit`, under its name of before."""

from ffa_keras.records.audit import *  # noqa: F403
