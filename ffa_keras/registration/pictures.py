"""Pictures by which a person judges a registration."""

import cv2
import numpy as np

from ffa_keras.registration.retina import field_of_view
from ffa_keras.registration.vessels import (
    grey_levels,
    vessel_map,
    vessel_polarity,
)

_TILES = 12
_LONG_SIDE = 800


def checkerboard(aligned: np.ndarray, ffa: np.ndarray) -> np.ndarray:
    """Alternate tiles of the aligned photograph and of the FFA.

    Args:
        aligned: uint8 [H, W, 3], RGB.
        ffa: uint8 [H, W, 1].

    Returns:
        uint8 [H, W, 3], 12 tiles along the longer side.
    """
    row, column = np.indices(ffa.shape[:2])
    side = -(-max(ffa.shape[:2]) // _TILES)
    odd = (row // side + column // side) % 2 == 1
    return np.where(odd[..., None], ffa, aligned)


def vessel_overlay(aligned: np.ndarray, ffa: np.ndarray) -> np.ndarray:
    """Draw the vessels of the photograph in magenta, of the FFA in green.

    Args:
        aligned: uint8 [H, W, 3], RGB, black where the photograph ends.
        ffa: uint8 [H, W, 1].

    Returns:
        uint8 RGB, its longer side at most 800; where the vessels coincide they
        are white.
    """
    scale = min(1.0, _LONG_SIDE / max(ffa.shape[:2]))
    photograph, angiogram = (
        grey_levels(image, scale) for image in (aligned, ffa)
    )
    mask = field_of_view(photograph)
    theirs = vessel_map(photograph, mask, -1)
    mask = field_of_view(angiogram)
    ours = vessel_map(angiogram, mask, vessel_polarity(angiogram, mask))
    layers = cv2.merge([theirs, ours, theirs])
    return np.rint(255 * layers).astype(np.uint8)


PICTURES = {"checkerboard": checkerboard, "overlay": vessel_overlay}
