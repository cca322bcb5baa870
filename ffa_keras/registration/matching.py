"""Bilateral matching of descriptors."""

import numpy as np


def mutual_matches(
    first: np.ndarray, second: np.ndarray, ratio: float
) -> np.ndarray:
    """Match descriptors that choose each other clearly.

    Args:
        first: float32 [N, D], of unit length.
        second: float32 [M, D], of unit length.
        ratio: the angle to the nearest must be below this times the angle to
            the second nearest, both ways.

    Returns:
        int [K, 2], indices into `first` and `second`.
    """
    if min(len(first), len(second)) < 2:
        return np.zeros((0, 2), int)
    angle = np.arccos(np.clip(first @ second.T, -1, 1))
    forward, forward_clear = _nearest(angle, ratio)
    backward, backward_clear = _nearest(angle.T, ratio)
    index = np.arange(len(first))
    chosen = (
        (backward[forward] == index) & forward_clear & backward_clear[forward]
    )
    return np.stack([index[chosen], forward[chosen]], -1)


def _nearest(angle: np.ndarray, ratio: float) -> tuple[np.ndarray, np.ndarray]:
    """Return the nearest column of each row and whether it is clear."""
    two = np.partition(angle, 1, axis=1)[:, :2]
    return angle.argmin(1), two[:, 0] < ratio * two[:, 1]
