"""Align a fundus photograph with the FFA of the same eye."""

from ffa_keras.registration.register import (
    METHODS,
    RegistrationResult,
    judge_matrix,
    register_pair,
)

__all__ = ["METHODS", "RegistrationResult", "judge_matrix", "register_pair"]
