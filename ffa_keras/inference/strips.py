"""Moved to `ffa_keras.translation.strips`; this name lasts one release more."""

from ffa_keras.translation.strips import translate_in_strips

__all__ = ["translate_in_strips"]
