"""Fields on the canvas: smooth noise, and windows around a place.

Noise is drawn from a spawned generator: how much of it a picture needs depends
on its size, and what is drawn afterwards must not.
"""

import cv2
import numpy as np


def smooth_noise(
    rng: np.random.Generator, size: int, grain: float
) -> np.ndarray:
    """Return a smooth random field.

    Args:
        rng: source of randomness.
        size: side of the field, pixels.
        grain: size of its features, pixels.

    Returns:
        float32 array [size, size] of about zero mean and unit variance.
    """
    rng = rng.spawn(1)[0]
    cells = max(4, round(size / max(grain, 1.0)) + 3)
    grid = rng.standard_normal((cells, cells), dtype=np.float32)
    field = cv2.resize(grid, (size, size), interpolation=cv2.INTER_CUBIC)
    return field / (field.std() + 1e-6)


def fractal_noise(
    rng: np.random.Generator, size: int, grain: float, octaves: int = 4
) -> np.ndarray:
    """Return noise with features of many sizes.

    Args:
        rng: source of randomness.
        size: side of the field, pixels.
        grain: size of the largest features, pixels.
        octaves: number of sizes, each half the one before.

    Returns:
        float32 array [size, size] of about zero mean and unit variance.
    """
    rng = rng.spawn(1)[0]
    total = np.zeros((size, size), np.float32)
    for octave in range(octaves):
        step = grain / 2**octave
        if step < 1:
            break
        total += 0.6**octave * smooth_noise(rng, size, step)
    return total / (total.std() + 1e-6)


def window_around(
    centre: np.ndarray, reach: float, size: int, canvas: int
) -> tuple[tuple[slice, slice], np.ndarray, np.ndarray]:
    """Return the part of the canvas near a place, to paint only there.

    Args:
        centre: (x, y) in units of the picture's side, canvas centre at (0, 0).
        reach: half the side of the window, likewise.
        size: pixels in the picture's side, the unit of length.
        canvas: side of the canvas, pixels.

    Returns:
        Slices of rows and columns, and the float32 offsets from the centre in
        x [1, columns] and y [rows, 1], units of the picture's side.
    """
    slices, offsets = [], []
    for at in (centre[1], centre[0]):
        middle = at * size + canvas / 2
        first = int(np.clip(middle - reach * size, 0, canvas))
        last = int(np.clip(middle + reach * size + 1, first, canvas))
        slices.append(slice(first, last))
        offset = (np.arange(first, last, dtype=np.float32) - middle) / size
        offsets.append(offset.astype(np.float32))
    rows, columns = slices
    return (rows, columns), offsets[1][None, :], offsets[0][:, None]


def spot(
    centre: np.ndarray, sigma: float, size: int, canvas: int
) -> np.ndarray:
    """Return a Gaussian spot.

    Args:
        centre: (x, y) in units of the picture's side, canvas centre at (0, 0).
        sigma: its standard deviation, likewise.
        size: pixels in the picture's side, the unit of length.
        canvas: side of the canvas, pixels.

    Returns:
        float32 array [canvas, canvas], 1 at the centre.
    """
    at = (np.arange(canvas, dtype=np.float32) - canvas / 2) / size
    x, y = (np.exp(-(((at - c) / sigma) ** 2) / 2) for c in centre)
    return np.outer(y, x).astype(np.float32)
