"""Align a fundus photograph with the FFA of the same eye."""

from ffa_keras.registration.register import (
    METHODS,
    RegistrationResult,
    judge_matrix,
    register_pair,
)
from ffa_keras.registration.through import register_through

__all__ = [
    "METHODS",
    "RegistrationResult",
    "judge_matrix",
    "register_pair",
    "register_through",
]
