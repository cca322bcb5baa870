"""Maps that go with an answer, as pictures of its size."""

from collections.abc import Callable

import numpy as np

from ffa_keras.ops import picture_saliency

_ZERO = 128
_UNCERTAINTY_GAIN = 4
# Of the eight flips and quarter turns all but the photograph as it is.
_OTHER_VIEWS = [
    (mirrored, turns)
    for mirrored in (False, True)
    for turns in range(4)
    if mirrored or turns
]


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


def draw_uncertainty(
    translate: Callable[[np.ndarray], np.ndarray],
    fundus: np.ndarray,
    ffa: np.ndarray,
) -> np.ndarray:
    """Return how much the answer depends on how the photograph is turned.

    The standard deviation over the eight flips and quarter turns. Where it is
    high the network guesses; where it is low it may still be wrong.

    Args:
        translate: fundus uint8 [H, W, 3] to FFA uint8 [H, W, 1].
        fundus: uint8 [H, W, 3], RGB.
        ffa: uint8 [H, W, 1], the answer to the photograph as it is, which is
            one of the eight.

    Returns:
        uint8 [H, W, 1]: four grey levels for each of the deviation, cut at
        255.
    """
    total = ffa.astype(np.float32)
    squares = total**2
    for mirrored, turns in _OTHER_VIEWS:
        view = np.rot90(fundus[:, ::-1] if mirrored else fundus, turns)
        answer = np.rot90(translate(np.ascontiguousarray(view)), -turns)
        answer = answer[:, ::-1] if mirrored else answer
        total += answer
        squares += answer.astype(np.float32) ** 2
    variance = squares / 8 - (total / 8) ** 2
    deviation = _UNCERTAINTY_GAIN * np.sqrt(np.maximum(variance, 0))
    return np.rint(np.minimum(deviation, 255)).astype(np.uint8)
