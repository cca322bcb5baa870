"""From a photograph to an FFA image, both in grey levels."""

import keras
import numpy as np

from ffa_keras.ops import from_grey_levels, to_grey_levels


def translate(generator: keras.Model, fundus: np.ndarray) -> np.ndarray:
    """Translate one photograph at its native size.

    Args:
        generator: fundus [B, H, W, 3] to FFA [B, H, W, 1], both in [-1, 1].
        fundus: uint8 [H, W, 3], RGB; H and W at least 16.

    Returns:
        uint8 [H, W, 1].
    """
    ffa = to_grey_levels(generator(from_grey_levels(fundus[None])))[0]
    return np.rint(np.clip(ffa, 0, 255)).astype(np.uint8)
