"""`ffa_keras.records.audit`, under its name of before."""

from ffa_keras.records.audit.leaks import *  # noqa: F403
