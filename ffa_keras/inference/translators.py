"""`ffa_keras.translation.forms`, under its name of before."""

from ffa_keras.translation.answers import MOST_PIXELS_WHOLE, Translator
from ffa_keras.translation.forms import fingerprint, load_translator

__all__ = ["MOST_PIXELS_WHOLE", "Translator", "fingerprint", "load_translator"]
