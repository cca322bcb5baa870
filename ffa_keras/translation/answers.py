"""What all forms of a generator share: limits, checks, and their answer.

NumPy only: a form that runs without TensorFlow is loaded without it.
"""

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from ffa_keras.errors import InputError
from ffa_keras.sums import read_metadata
from ffa_keras.translation.endpoint import FIELD_DIAMETER
from ffa_keras.translation.scale import SMALLEST_SIDE, at_field

# Fundus uint8 [H, W, 3], RGB, to FFA uint8 [H, W, 1].
Translator = Callable[[np.ndarray], np.ndarray]

# Above, what cannot work in strips refuses: it would need 14 gigabytes.
MOST_PIXELS_WHOLE = 2**22
# What a model must answer before any photograph is read.
PROBE = np.full((SMALLEST_SIDE, SMALLEST_SIDE + 8, 3), 128, np.uint8)


def of_endpoint(run: Callable[[np.ndarray], Any], model: Path) -> Translator:
    """Return the translator of an endpoint that speaks grey levels.

    Args:
        run: fundus float32 [1, H, W, 3] to FFA float32 [1, H, W, 1], 0-255,
            a NumPy array or a tensor.
        model: its file or folder, which may say what scale it knows.
    """

    def native(fundus: np.ndarray) -> np.ndarray:
        ffa = run(fundus[None].astype(np.float32))
        check_answer(ffa, fundus)
        check_finite(ffa)
        # As `ops.to_picture`, to the last bit.
        return np.rint(np.clip(np.asarray(ffa)[0], 0, 255)).astype(np.uint8)

    diameter = int(read_metadata(model).get(FIELD_DIAMETER, 0))
    inner = bounded(native)
    return bounded(lambda fundus: at_field(inner, fundus, diameter), math.inf)


def bounded(
    translator: Translator, most_pixels: float = MOST_PIXELS_WHOLE
) -> Translator:
    """Return the same, but for photographs too small or too large for it.

    Args:
        translator: of photographs that are large enough.
        most_pixels: of a photograph.
    """

    def answer(fundus: np.ndarray) -> np.ndarray:
        height, width, _ = fundus.shape
        if min(height, width) < SMALLEST_SIDE:
            raise InputError(
                f"{width}x{height} pixels: too small, give at least"
                f" {SMALLEST_SIDE} a side"
            )
        if height * width > most_pixels:
            raise InputError(
                f"{width}x{height} pixels: more than {most_pixels} need a"
                " model that works in strips; name the run folder or .keras"
                " file of a ResNet generator"
            )
        return translator(fundus)

    return answer


def check_answer(answer: Any, fundus: np.ndarray) -> None:
    """Refuse what a model answered if it cannot be an angiogram.

    Args:
        answer: of the model to a batch of this one photograph; a NumPy array
            or a tensor, if it is sound.
        fundus: uint8 [H, W, 3].

    Raises:
        InputError: it is not floating point, or not [1, H, W, 1].
    """
    height, width, _ = fundus.shape
    # TensorFlow's types and NumPy's have the same names.
    kind = getattr(getattr(answer, "dtype", None), "name", "no tensor")
    shape = list(getattr(answer, "shape", []))
    if "float" not in kind or shape != [1, height, width, 1]:
        raise InputError(
            f"answers {kind} {shape} to a photograph of {width}x{height}"
            f" pixels, where float [1, {height}, {width}, 1] is an angiogram;"
            " name a generator that ffa_keras has trained or exported"
        )


def check_finite(answer: Any) -> None:
    """Refuse what a model answered if it holds values that are no numbers.

    Args:
        answer: NumPy array or tensor, floating point.

    Raises:
        InputError: it does.
    """
    if not np.isfinite(answer).all():
        raise InputError(
            "answers values that are no numbers; the model is damaged or its"
            " training diverged, name another"
        )
