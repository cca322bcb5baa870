"""Moved to `ffa_keras.translation.whole`; this name lasts one release more."""

from ffa_keras.translation.whole import translate

__all__ = ["translate"]
