"""The widths of a generator's intervals, as `intervals.json` holds them."""

import json
from pathlib import Path

import numpy as np

from ffa_keras.errors import InputError

LEVELS = 256
WIDTHS = "half_width_by_grey_level"


def read_half_widths(file: str | Path, generator: str) -> np.ndarray:
    """Read how far off a pixel may be, by the grey level of the answer.

    Args:
        file: `intervals.json` of an evaluation.
        generator: fingerprint of the model that answers.

    Returns:
        float64 [256], grey levels.

    Raises:
        InputError: the file cannot be read, or is of another model.
    """
    try:
        held = json.loads(Path(file).read_text(encoding="utf-8"))
        owner, widths = held["generator"], np.array(held[WIDTHS], float)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(
            f"{file}: no intervals; give the intervals.json of an evaluation"
        ) from error
    if widths.shape != (LEVELS,) or not (widths >= 0).all():
        raise InputError(f"{file}: no intervals of {LEVELS} grey levels")
    if owner != generator:
        raise InputError(
            f"{file}: intervals of another model, or of answers that were"
            " averaged otherwise; evaluate this one"
        )
    return widths
