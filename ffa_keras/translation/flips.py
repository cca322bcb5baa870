"""Average the answers to a photograph over its flips and quarter turns.

A retina looks as much like one mirrored or turned; what a generator answers to
only one of the eight positions is its own invention.
"""

from collections.abc import Callable

import numpy as np

AVERAGED = "averaged over flips and turns"


def over_flips(
    translate: Callable[[np.ndarray], np.ndarray],
) -> Callable[[np.ndarray], np.ndarray]:
    """Return the translator whose answer is the mean over eight positions.

    Args:
        translate: fundus uint8 [H, W, 3], RGB, to FFA uint8 [H, W, 1].

    Returns:
        The same kind of function; it takes eight times as long.
    """

    def averaged(fundus: np.ndarray) -> np.ndarray:
        height, width, _ = fundus.shape
        total = np.zeros((height, width, 1), np.float32)
        for quarters in range(4):
            turned = np.rot90(fundus, quarters)
            for mirror in (1, -1):
                answer = translate(np.ascontiguousarray(turned[:, ::mirror]))
                total += np.rot90(answer[:, ::mirror], -quarters)
        return np.rint(total / 8).astype(np.uint8)

    return averaged
