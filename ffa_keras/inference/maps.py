"""Maps that go with an answer, as pictures of its size."""

from collections.abc import Callable
from pathlib import Path

import numpy as np

from ffa_keras.evaluation.half_widths import read_half_widths
from ffa_keras.ops import picture_saliency
from ffa_keras.translation.forms import fingerprint

_ZERO = 128

# Draws a map of an answer: uint8 [H, W, 1] to uint8 [H, W, 1].
Draw = Callable[[np.ndarray], np.ndarray]


def draw_saliency(ffa: np.ndarray) -> np.ndarray:
    """Return what stands out in an answer (paper, Eq. 1), as a picture.

    Args:
        ffa: uint8 [H, W, 1].

    Returns:
        uint8 [H, W, 1]: 128 where nothing does, one more or less for each
        grey level, cut at 0 and 255.
    """
    saliency = _ZERO + picture_saliency(ffa)
    return np.rint(np.clip(saliency, 0, 255)).astype(np.uint8)


def interval_map(file: str | Path, model: str | Path) -> Draw:
    """Return what draws how far off each pixel of an answer may be.

    Args:
        file: `intervals.json` of an evaluation of the model.
        model: as `load_translator` takes it.

    Returns:
        Function from an answer, uint8 [H, W, 1], to the half widths of its
        intervals, uint8 [H, W, 1], grey levels, cut at 255.

    Raises:
        InputError: the file cannot be read, or is of another model.
    """
    widths = read_half_widths(file, fingerprint(model))
    table = np.rint(np.minimum(widths, 255)).astype(np.uint8)
    return lambda ffa: table[ffa]
