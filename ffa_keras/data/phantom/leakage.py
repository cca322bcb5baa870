"""Late leakage of the four classes, and its faint cause in the fundus."""

import dataclasses

import cv2
import numpy as np

from ffa_keras.data.phantom.anatomy import Anatomy
from ffa_keras.data.phantom.fields import fractal_noise, window_around
from ffa_keras.errors import InputError

# Share of the strongest leakage from which a pixel counts as leaking.
_MASK_LEVEL = 0.3


@dataclasses.dataclass(frozen=True)
class Leakage:
    """What leaks, as fields on the canvas.

    Attributes:
        brightness: float32 [S, S], fluorescein that has leaked, 0 to 1.
        pallor: float32 [S, S], oedema or exudate that lightens the fundus.
        redness: float32 [S, S], blood that darkens the fundus.
        swelling: 0 to 1, how far the disc margin is blurred.
    """

    brightness: np.ndarray
    pallor: np.ndarray
    redness: np.ndarray
    swelling: float = 0.0

    @property
    def mask(self) -> np.ndarray:
        """Where it leaks: uint8 [S, S], 0 or 1."""
        return (self.brightness > _MASK_LEVEL).astype(np.uint8)


def leak(
    rng: np.random.Generator,
    category: str,
    anatomy: Anatomy,
    size: int,
    canvas: int,
) -> Leakage:
    """Draw the leakage of a class.

    Args:
        rng: source of randomness.
        category: `"normal"`, `"optic_disc"`, `"large_focal"` or
            `"punctate_focal"`.
        anatomy: the eye.
        size: pixels in the picture's side, the unit of length.
        canvas: side of the fields, pixels.

    Returns:
        The leakage; nothing for `"normal"`.

    Raises:
        InputError: no such class.
    """
    draw = {
        "normal": _nothing,
        "optic_disc": _optic_disc,
        "large_focal": _large_focal,
        "punctate_focal": _punctate_focal,
    }
    if category not in draw:
        raise InputError(
            f"category {category!r}: phantoms are of {', '.join(draw)}"
        )
    return draw[category](rng, anatomy, size, canvas)


def _nothing(rng, anatomy, size, canvas) -> Leakage:
    empty = np.zeros((canvas, canvas), np.float32)
    return Leakage(empty, empty, empty)


def _optic_disc(rng, anatomy, size, canvas) -> Leakage:
    radius = anatomy.disc_radius * rng.uniform(1.35, 1.9)
    bright = _blob(rng, anatomy.disc, radius, size, canvas, softness=0.35)
    bright *= rng.uniform(0.75, 1.0)
    red = np.zeros_like(bright)
    for _ in range(rng.integers(0, 4)):
        angle = rng.uniform(0, 2 * np.pi)
        spot = anatomy.disc + radius * 0.95 * np.array(
            [np.cos(angle), np.sin(angle)]
        )
        red += _blob(rng, spot, 0.012, size, canvas, softness=0.5)
    pallor = 0.35 * _blob(rng, anatomy.disc, radius, size, canvas, softness=0.5)
    return Leakage(bright, pallor, red.clip(0, 1), rng.uniform(0.5, 1.0))


def _large_focal(rng, anatomy, size, canvas) -> Leakage:
    bright = np.zeros((canvas, canvas), np.float32)
    pallor, red = bright.copy(), bright.copy()
    for _ in range(rng.integers(1, 3)):
        away = rng.normal(0, 0.11, 2)
        centre = anatomy.fovea + away
        radius = rng.uniform(0.055, 0.115)
        pool = _blob(rng, centre, radius, size, canvas, softness=0.38)
        bright = np.maximum(bright, pool * rng.uniform(0.75, 1.0))
        lesion = _blob(rng, centre, radius * 0.95, size, canvas, softness=0.45)
        pallor = np.maximum(pallor, 0.45 * lesion)
        for _ in range(rng.integers(2, 6)):
            spot = centre + rng.normal(0, radius * 0.6, 2)
            blood = _blob(
                rng, spot, radius * rng.uniform(0.12, 0.3), size, canvas, 0.35
            )
            red = np.maximum(red, 0.8 * blood)
        pallor += _flecks(rng, centre, 1.25 * radius, size, canvas, 26)
    return Leakage(bright, pallor.clip(0, 1), red)


def _punctate_focal(rng, anatomy, size, canvas) -> Leakage:
    count = int(rng.integers(28, 70))
    hubs = anatomy.fovea + rng.normal(0, 0.14, (4, 2))
    centres = hubs[rng.integers(0, 4, count)] + rng.normal(0, 0.06, (count, 2))
    dots = np.zeros((canvas, canvas), np.float32)
    halo = dots.copy()
    red = dots.copy()
    for centre in centres:
        radius = rng.uniform(0.0035, 0.0085)
        _dot(halo, centre, radius * rng.uniform(1.6, 2.6), size, canvas)
        _dot(dots, centre, radius, size, canvas)
        _dot(red, centre, radius * 0.75, size, canvas)
    halo = cv2.GaussianBlur(halo, (0, 0), max(0.6, 0.0045 * size))
    dots = cv2.GaussianBlur(dots, (0, 0), max(0.4, 0.0015 * size))
    bright = np.maximum(0.65 * halo, dots)
    red = cv2.GaussianBlur(red, (0, 0), max(0.4, 0.0012 * size))
    pallor = _flecks(rng, anatomy.fovea, 0.16, size, canvas, 18)
    pallor += 0.12 * cv2.GaussianBlur(halo, (0, 0), 0.01 * size)
    return Leakage(bright.clip(0, 1), pallor.clip(0, 1), 0.9 * red)


def _blob(rng, centre, radius, size, canvas, softness) -> np.ndarray:
    """Return an irregular spot: 1 inside, fading over `softness` radii."""
    field = np.zeros((canvas, canvas), np.float32)
    reach = radius * (2.0 + softness)
    window, x, y = window_around(centre, reach, size, canvas)
    stretch, angle = rng.uniform(0.8, 1.25), rng.uniform(0, np.pi)
    cos, sin = np.float32(np.cos(angle)), np.float32(np.sin(angle))
    u = (x * cos + y * sin) * np.float32(stretch)
    v = (y * cos - x * sin) / np.float32(stretch)
    distance = np.hypot(u, v) / np.float32(radius)
    if distance.size:
        outline = fractal_noise(
            rng, max(distance.shape), 0.8 * radius * size, 3
        )
        distance += 0.13 * outline[: distance.shape[0], : distance.shape[1]]
    field[window] = (0.5 - (distance - 1) / (2 * softness)).clip(0, 1) ** 1.3
    return field


def _flecks(rng, centre, radius, size, canvas, count) -> np.ndarray:
    """Return hard exudates: small sharp pale dots around a place."""
    flecks = np.zeros((canvas, canvas), np.float32)
    for _ in range(count):
        angle, reach = rng.uniform(0, 2 * np.pi), radius * rng.uniform(0.7, 1.1)
        spot = centre + reach * np.array([np.cos(angle), np.sin(angle)])
        _dot(flecks, spot, rng.uniform(0.0015, 0.0045), size, canvas)
    return 0.9 * cv2.GaussianBlur(flecks, (0, 0), max(0.4, 0.001 * size))


def _dot(field, centre, radius, size, canvas) -> None:
    shift = 4
    at = (np.asarray(centre) * size + canvas / 2) * 2**shift
    cv2.circle(
        field,
        tuple(int(c) for c in np.round(at)),
        max(2**shift // 2, round(radius * size * 2**shift)),
        1.0,
        cv2.FILLED,
        cv2.LINE_AA,
        shift,
    )
