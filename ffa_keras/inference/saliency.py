"""The saliency map of an answer: of the maps the one that needs TensorFlow."""

import numpy as np

from ffa_keras.inference.maps import Map
from ffa_keras.ops import picture_saliency

_ZERO = 128


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


SALIENCY_MAP = Map(
    lambda _, ffa: draw_saliency(ffa),
    "Saliency of the synthetic FFA: 128 is 0, one grey level each",
)
