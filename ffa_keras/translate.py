"""`ffa_keras.translation.whole`, under its name of before."""

from ffa_keras.translation.whole import translate

__all__ = ["translate"]
