"""`ffa_keras.translation.strips`, under its name of before."""

from ffa_keras.translation.strips import translate_in_strips

__all__ = ["translate_in_strips"]
