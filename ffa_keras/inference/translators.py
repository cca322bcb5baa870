"""Moved to `ffa_keras.translation.forms`; this name lasts one release more."""

from ffa_keras.translation.answers import MOST_PIXELS_WHOLE, Translator
from ffa_keras.translation.forms import fingerprint, load_translator

__all__ = ["MOST_PIXELS_WHOLE", "Translator", "fingerprint", "load_translator"]
