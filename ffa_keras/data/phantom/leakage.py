"""Late leakage of the four classes, and its faint cause in the fundus."""

import dataclasses

import cv2
import numpy as np

from ffa_keras.data.phantom.anatomy import Anatomy
from ffa_keras.data.phantom.fields import fractal_noise, spot, window_around
from ffa_keras.errors import InputError

# Share of full fluorescence from which a pixel counts as leaking.
_MASK_LEVEL = 0.3


@dataclasses.dataclass(frozen=True)
class Leakage:
    """What leaks, as fields on the canvas.

    Attributes:
        brightness: float32 [S, S], fluorescein that has leaked, 0 to 1.
        pallor: float32 [S, S], oedema or exudate that lightens the fundus.
        redness: float32 [S, S], blood that darkens the fundus.
        blocking: 0 to 1, how much fluorescence the blood hides.
        swelling: 0 to 1, how far the disc margin is blurred.
    """

    brightness: np.ndarray
    pallor: np.ndarray
    redness: np.ndarray
    blocking: float = 0.75
    swelling: float = 0.0

    @property
    def mask(self) -> np.ndarray:
        """Where it leaks: bool [S, S]."""
        return self.brightness > _MASK_LEVEL


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
    leakage = draw[category](rng, anatomy, size, canvas)
    for field in (leakage.brightness, leakage.pallor, leakage.redness):
        np.clip(field, 0, 1, out=field)
    return leakage


def _nothing(rng, anatomy, size, canvas) -> Leakage:
    return Leakage(*_fields(canvas))


def _optic_disc(rng, anatomy, size, canvas) -> Leakage:
    bright, pallor, red = _fields(canvas)
    radius = anatomy.disc_radius * rng.uniform(1.3, 1.8)
    _blob(rng, bright, anatomy.disc, radius, size, rng.uniform(0.35, 0.5), 0.8)
    height = rng.uniform(0.52, 0.7)
    _blob(rng, bright, anatomy.disc, 0.75 * radius, size, height, 0.75)
    bright += 0.1 * spot(anatomy.disc, 1.3 * radius, size, canvas)
    # Splinter haemorrhages lie along the nerve fibres at the margin.
    for _ in range(rng.integers(0, 5)):
        angle = rng.uniform(0, 2 * np.pi)
        out = np.array([np.cos(angle), np.sin(angle)])
        near = rng.uniform(0.75, 1.0)
        for step in np.linspace(near, near + rng.uniform(0.1, 0.3), 20):
            place = anatomy.disc + step * radius * out
            _dot(red, place, rng.uniform(0.001, 0.0022), size)
    red = cv2.GaussianBlur(red, (0, 0), max(0.4, 0.0015 * size))
    _blob(rng, pallor, anatomy.disc, radius, size, 0.35, 0.5)
    return Leakage(bright, pallor, 0.8 * red, swelling=rng.uniform(0.5, 1.0))


def _large_focal(rng, anatomy, size, canvas) -> Leakage:
    """One or two pools: of a new vessel's membrane, or cystoid around it."""
    bright, pallor, red = _fields(canvas)
    for _ in range(rng.integers(1, 3)):
        away = rng.normal(0, 0.09, 2).clip(-0.16, 0.16)
        if rng.random() < 0.35:
            _cystoid_pool(rng, bright, pallor, anatomy.fovea + away / 4, size)
        else:
            _membrane_pool(rng, (bright, pallor, red), anatomy, away, size)
    red = cv2.GaussianBlur(red, (0, 0), max(0.4, 0.002 * size))
    return Leakage(bright, pallor, red)


def _membrane_pool(rng, fields, anatomy, away, size) -> None:
    bright, pallor, red = fields
    centre, radius = anatomy.fovea + away, rng.uniform(0.055, 0.115)
    _blob(rng, bright, centre, radius, size, rng.uniform(0.5, 0.7), 0.75)
    for _ in range(rng.integers(2, 5)):
        place = centre + rng.normal(0, 0.35 * radius, 2)
        _blob(rng, bright, place, 0.45 * radius, size, 0.8, 0.8)
    _blob(rng, pallor, centre, 0.95 * radius, size, 0.42, 0.8)
    for _ in range(rng.integers(0, 4)):
        place = centre + rng.normal(0, 0.7 * radius, 2)
        blood = radius * rng.uniform(0.1, 0.28)
        _blob(rng, red, place, blood, size, 0.75, 0.35)
    _flecks(rng, pallor, centre, 1.2 * radius, size, rng.integers(8, 45))


def _cystoid_pool(rng, bright, pallor, centre, size) -> None:
    """Add petals around the centre, as of cystoid macular oedema."""
    radius = rng.uniform(0.035, 0.055)
    petals = int(rng.integers(6, 10))
    start = rng.uniform(0, 2 * np.pi)
    for angle in start + 2 * np.pi * np.arange(petals) / petals:
        out = np.array([np.cos(angle), np.sin(angle)])
        place = centre + radius * rng.uniform(0.6, 1.2) * out
        petal = radius * rng.uniform(0.3, 0.6)
        _blob(rng, bright, place, petal, size, rng.uniform(0.55, 0.75), 0.7)
    _blob(rng, bright, centre, 1.9 * radius, size, 0.4, 0.6)
    _blob(rng, pallor, centre, 1.9 * radius, size, 0.34, 0.8)
    _flecks(rng, pallor, centre, 2.2 * radius, size, rng.integers(6, 20))


def _punctate_focal(rng, anatomy, size, canvas) -> Leakage:
    dots, pallor, red = _fields(canvas)
    halo = np.zeros_like(dots)
    count = int(rng.integers(40, 110))
    hubs = anatomy.fovea + rng.normal(0, 0.11, (5, 2)).clip(-0.2, 0.2)
    spread = rng.uniform(0.025, 0.075, 5)
    for hub in rng.integers(0, 5, count):
        centre = hubs[hub] + rng.normal(0, spread[hub], 2)
        radius = np.clip(rng.gamma(5.0, 0.0004), 0.001, 0.0045)
        _dot(halo, centre, radius * rng.uniform(1.5, 2.8), size, 0.8)
        _dot(dots, centre, radius, size, rng.uniform(0.6, 1.0))
        if rng.random() < 0.85:
            _dot(
                red, centre, max(radius, 0.0014), size, rng.uniform(0.35, 0.85)
            )
    halo = cv2.GaussianBlur(halo, (0, 0), max(0.6, 0.005 * size))
    dots = cv2.GaussianBlur(dots, (0, 0), max(0.4, 0.0014 * size))
    haze = cv2.GaussianBlur(halo, (0, 0), 0.016 * size)
    red = cv2.GaussianBlur(red, (0, 0), max(0.4, 0.0011 * size))
    for hub in hubs[: rng.integers(1, 4)]:
        _flecks(rng, pallor, hub, 0.06, size, rng.integers(0, 14))
    pallor += 0.3 * haze
    # The red dots are the leaking aneurysms themselves.
    bright = np.maximum(0.75 * halo + 0.4 * haze, dots)
    return Leakage(bright, pallor, red, blocking=0.0)


def _fields(canvas) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    bright = np.zeros((canvas, canvas), np.float32)
    return bright, bright.copy(), bright.copy()


def _blob(rng, field, centre, radius, size, height, softness) -> None:
    """Raise the field to an irregular spot, fading over `softness` radii."""
    reach = radius * (1.6 + softness)
    window, x, y = window_around(centre, reach, size, field.shape[0])
    stretch, angle = rng.uniform(0.8, 1.25), rng.uniform(0, np.pi)
    cos, sin = np.float32(np.cos(angle)), np.float32(np.sin(angle))
    u = (x * cos + y * sin) * np.float32(stretch)
    v = (y * cos - x * sin) / np.float32(stretch)
    distance = np.hypot(u, v) / np.float32(radius)
    side = max(distance.shape)
    outline = fractal_noise(rng, side, 0.8 * radius * size, 3)
    outline = outline[: distance.shape[0], : distance.shape[1]]
    inside = 1 / (1 + np.exp((distance - 1 + 0.13 * outline) * 4 / softness))
    inside *= (height + 0.03 * outline) * (distance < 1.6 + softness)
    np.maximum(field[window], inside, out=field[window])


def _flecks(rng, field, centre, radius, size, count) -> None:
    """Add hard exudates: small sharp pale grains, most on a ring's part."""
    flecks = np.zeros_like(field)
    middle = rng.uniform(0, 2 * np.pi)
    for _ in range(count):
        angle, reach = rng.normal(middle, 1.3), radius * rng.normal(1, 0.15)
        place = centre + reach * np.array([np.cos(angle), np.sin(angle)])
        grain = np.clip(rng.gamma(3.0, 0.0008), 0.0008, 0.006)
        _dot(flecks, place, grain, size, rng.uniform(0.5, 0.9))
    field += cv2.GaussianBlur(flecks, (0, 0), max(0.4, 0.0011 * size))


def _dot(field, centre, radius, size, height=1.0) -> None:
    # A dot finer than a pixel is fainter, not smaller.
    pixels = radius * size
    height *= min(1.0, pixels / 0.8)
    shift = 4
    at = (np.asarray(centre) * size + field.shape[0] / 2 - 0.5) * 2**shift
    middle = tuple(int(c) for c in np.round(at))
    thick = max(2**shift // 2, round(pixels * 2**shift))
    cv2.circle(field, middle, thick, height, cv2.FILLED, cv2.LINE_AA, shift)
