"""Align a fundus photograph with the FFA of the same eye."""

from ffa_keras.registration.register import (
    METHODS,
    RegistrationResult,
    register_pair,
)

__all__ = ["METHODS", "RegistrationResult", "register_pair"]
