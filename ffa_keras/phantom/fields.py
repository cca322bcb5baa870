"""Fields on the canvas: smooth noise, spots, and windows around a place.

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
    rng: np.random.Generator, size: int, grain: float, octaves: int
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


def blurred(
    field: np.ndarray, sigma: float, size: int, least: float = 0.4
) -> np.ndarray:
    """Return a field seen out of focus.

    Args:
        field: [canvas, canvas], or with channels.
        sigma: of the blur, in units of the picture's side.
        size: pixels in the picture's side, the unit of length.
        least: the blur of a small picture, pixels.
    """
    return cv2.GaussianBlur(field, (0, 0), max(least, sigma * size))


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


def blob(
    rng: np.random.Generator,
    field: np.ndarray,
    centre: np.ndarray,
    radius: float,
    size: int,
    height: float,
    softness: float,
) -> None:
    """Raise a field to an irregular spot.

    Args:
        rng: source of randomness.
        field: float32 [canvas, canvas], changed in place.
        centre: (x, y) in units of the picture's side, canvas centre at (0, 0).
        radius: of the spot, likewise.
        size: pixels in the picture's side, the unit of length.
        height: what the field is raised to, 0 to 1.
        softness: over how many radii the spot fades.
    """
    reach = radius * (1.6 + softness)
    window, x, y = window_around(centre, reach, size, field.shape[0])
    stretch, angle = rng.uniform(0.8, 1.25), rng.uniform(0, np.pi)
    cos, sin = np.float32(np.cos(angle)), np.float32(np.sin(angle))
    u = (x * cos + y * sin) * np.float32(stretch)
    v = (y * cos - x * sin) / np.float32(stretch)
    distance = np.hypot(u, v) / np.float32(radius)
    outline = fractal_noise(rng, max(distance.shape), 0.8 * radius * size, 3)
    outline = outline[: distance.shape[0], : distance.shape[1]]
    fall = (distance - 1 + 0.13 * outline) * (4 / softness)
    inside = 1 / (1 + np.exp(fall.clip(-30, 30)))
    inside *= (height + 0.03 * outline) * (distance < 1.6 + softness)
    np.maximum(field[window], inside, out=field[window])


def dot(
    field: np.ndarray,
    centre: np.ndarray,
    radius: float,
    size: int,
    height: float = 1.0,
) -> None:
    """Set a disc of a field, smooth at its edge.

    Args:
        field: float32 [canvas, canvas], changed in place.
        centre: (x, y) in units of the picture's side, canvas centre at (0, 0).
        radius: of the disc, likewise; one finer than a pixel is fainter, not
            smaller.
        size: pixels in the picture's side, the unit of length.
        height: what the disc is set to, 0 to 1. Defaults to `1`.
    """
    pixels = radius * size
    height *= min(1.0, pixels / 0.8)
    shift = 4
    at = (np.asarray(centre) * size + field.shape[0] / 2 - 0.5) * 2**shift
    middle = tuple(int(c) for c in np.round(at))
    thick = max(2**shift // 2, round(pixels * 2**shift))
    cv2.circle(field, middle, thick, height, cv2.FILLED, cv2.LINE_AA, shift)
