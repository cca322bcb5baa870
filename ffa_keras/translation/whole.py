"""Translate a photograph as a whole, from grey levels to grey levels."""

import keras
import numpy as np

from ffa_keras.ops import from_grey_levels, to_grey_levels, to_picture
from ffa_keras.translation.answers import check_answer
from ffa_keras.translation.scale import at_field


def translate(generator: keras.Model, fundus: np.ndarray) -> np.ndarray:
    """Translate one photograph, at the scale that the generator knows.

    Args:
        generator: fundus [B, H, W, 3] to FFA [B, H, W, 1], both in [-1, 1].
        fundus: uint8 [H, W, 3], RGB; H and W at least 16.

    Returns:
        uint8 [H, W, 1].

    Raises:
        InputError: the answer is no picture of the photograph's size.
    """
    return at_field(
        lambda picture: translate_native(generator, picture),
        fundus,
        trained_diameter(generator),
    )


def trained_diameter(generator: keras.Model | None) -> int:
    """Return the field of view that a generator knows, pixels; 0 if any.

    Args:
        generator: the model.
    """
    return int(getattr(generator, "field_diameter", 0))


def translate_native(generator: keras.Model, fundus: np.ndarray) -> np.ndarray:
    """Translate one photograph at its native size.

    Args:
        generator: fundus [B, H, W, 3] to FFA [B, H, W, 1], both in [-1, 1].
        fundus: uint8 [H, W, 3], RGB; H and W at least 16.

    Returns:
        uint8 [H, W, 1].

    Raises:
        InputError: the answer is no picture of the photograph's size.
    """
    answer = generator(from_grey_levels(fundus[None]))
    check_answer(answer, fundus)
    return to_picture(to_grey_levels(answer))[0].numpy()
