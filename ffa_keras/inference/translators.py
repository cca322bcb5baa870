"""Moved to `ffa_keras.translation.forms`; this name lasts one release more."""

from ffa_keras.translation.forms import (
    MOST_PIXELS_WHOLE,
    fingerprint,
    load_translator,
)
from ffa_keras.translation.whole import Translator

__all__ = ["MOST_PIXELS_WHOLE", "Translator", "fingerprint", "load_translator"]
