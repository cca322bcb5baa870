"""A Keras generator, in memory or in its file, as a translator."""

import math
from collections.abc import Sequence
from pathlib import Path

import keras
import numpy as np

from ffa_keras.models import ResnetGenerator
from ffa_keras.ops import from_grey_levels
from ffa_keras.translation.answers import (
    MOST_PIXELS_WHOLE,
    PROBE,
    Translator,
    bounded,
    check_finite,
)
from ffa_keras.translation.appearance import (
    appearance_spread,
    take_appearance,
)
from ffa_keras.translation.scale import at_field
from ffa_keras.translation.strips import translate_in_strips
from ffa_keras.translation.whole import trained_diameter, translate_native

# Above, a Keras generator works in strips: at once it takes more than three
# gigabytes a megapixel.
MOST_PIXELS_AT_ONCE = 2**20


def load(file: Path, exemplar: np.ndarray | None = None) -> Translator:
    """Return the translator of a file, as `forms.load_translator` does.

    Args:
        file: `.keras`.
        exemplar: as of `load_translator`.
    """
    generator = keras.saving.load_model(file, compile=False)
    if exemplar is not None:
        take_appearance(generator, exemplar)
    check_finite(generator(from_grey_levels(PROBE[None])))
    in_strips = isinstance(generator, ResnetGenerator)
    most_pixels = math.inf if in_strips else MOST_PIXELS_WHOLE
    return bounded(translator_of(generator), most_pixels)


def load_spread(file: Path) -> Translator:
    """Return what draws the spread, as `forms.load_spread` does.

    Args:
        file: `.keras`.
    """
    generator = keras.saving.load_model(file, compile=False)
    spread = bounded(appearance_spread(generator))
    diameter = trained_diameter(generator)
    return lambda fundus: at_field(spread, fundus, diameter)


def translator_of(
    generator: keras.Model, at_once: int = MOST_PIXELS_AT_ONCE
) -> Translator:
    """Return the translator of a generator in memory, whole or in strips.

    Args:
        generator: fundus [B, H, W, 3] to FFA [B, H, W, 1], both in [-1, 1].
        at_once: pixels of a photograph above which a `ResnetGenerator` works
            in strips; others take any photograph as a whole.
    """

    def native(fundus: np.ndarray) -> np.ndarray:
        if takes_strips(generator, fundus.shape, at_once):
            return translate_in_strips(generator, fundus)
        return translate_native(generator, fundus)

    diameter = trained_diameter(generator)
    return lambda fundus: at_field(native, fundus, diameter)


def takes_strips(
    generator: keras.Model,
    shape: Sequence[int],
    at_once: int = MOST_PIXELS_AT_ONCE,
) -> bool:
    """Return whether a generator translates a photograph in strips.

    Args:
        generator: the model.
        shape: of the photograph, [H, W, 3].
        at_once: as for `translator_of`.
    """
    large = shape[0] * shape[1] > at_once
    return large and isinstance(generator, ResnetGenerator)
