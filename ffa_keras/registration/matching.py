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
    likeness = first @ second.T
    forward, forward_clear = _nearest(likeness, ratio)
    backward, backward_clear = _nearest(np.ascontiguousarray(likeness.T), ratio)
    index = np.arange(len(first))
    chosen = (
        (backward[forward] == index) & forward_clear & backward_clear[forward]
    )
    return np.stack([index[chosen], forward[chosen]], -1)


def _nearest(
    likeness: np.ndarray, ratio: float
) -> tuple[np.ndarray, np.ndarray]:
    """Return the nearest column of each row and whether it is clear."""
    rows = np.arange(len(likeness))
    nearest = likeness.argmax(1)
    best = likeness[rows, nearest]
    likeness[rows, nearest] = -1
    angle, next_angle = (
        np.arccos(np.clip(cosine, -1, 1)) for cosine in (best, likeness.max(1))
    )
    likeness[rows, nearest] = best
    return nearest, angle < ratio * next_angle
