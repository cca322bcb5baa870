"""Leakage of the four classes, and its faint cause in the fundus."""

import dataclasses

import cv2
import numpy as np

from ffa_keras.errors import InputError
from ffa_keras.phantom.anatomy import Anatomy
from ffa_keras.phantom.fields import blob, blurred, dot, spot

# Share of leaks whose cause cannot be seen in the photograph.
_HIDDEN = 0.1
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
        hidden: whether it leaks but the fundus shows no cause.
    """

    brightness: np.ndarray
    pallor: np.ndarray
    redness: np.ndarray
    blocking: float = 0.75
    swelling: float = 0.0
    hidden: bool = False

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
    if category not in _DRAW:
        raise InputError(
            f"category {category!r}: phantoms are of {', '.join(CATEGORIES)}"
        )
    leakage = _DRAW[category](rng, anatomy, size, canvas)
    for field in (leakage.brightness, leakage.pallor, leakage.redness):
        np.clip(field, 0, 1, out=field)
    if leakage.brightness.any() and rng.spawn(1)[0].random() < _HIDDEN:
        nothing = np.zeros_like(leakage.pallor)
        return Leakage(leakage.brightness, nothing, nothing, hidden=True)
    return leakage


def _nothing(
    rng: np.random.Generator, anatomy: Anatomy, size: int, canvas: int
) -> Leakage:
    return Leakage(*_fields(canvas))


def _optic_disc(
    rng: np.random.Generator, anatomy: Anatomy, size: int, canvas: int
) -> Leakage:
    bright, pallor, red = _fields(canvas)
    radius = anatomy.disc_radius * rng.uniform(1.3, 1.8)
    blob(rng, bright, anatomy.disc, radius, size, rng.uniform(0.35, 0.5), 0.8)
    height = rng.uniform(0.52, 0.7)
    blob(rng, bright, anatomy.disc, 0.75 * radius, size, height, 0.75)
    bright += 0.1 * spot(anatomy.disc, 1.3 * radius, size, canvas)
    # Splinter haemorrhages lie along the nerve fibres at the margin.
    for _ in range(rng.integers(0, 5)):
        angle = rng.uniform(0, 2 * np.pi)
        out = np.array([np.cos(angle), np.sin(angle)])
        near = rng.uniform(0.75, 1.0)
        for step in np.linspace(near, near + rng.uniform(0.1, 0.3), 20):
            place = anatomy.disc + step * radius * out
            dot(red, place, rng.uniform(0.001, 0.0022), size)
    red = blurred(red, 0.0015, size)
    blob(rng, pallor, anatomy.disc, radius, size, 0.35, 0.5)
    return Leakage(bright, pallor, 0.8 * red, swelling=rng.uniform(0.5, 1.0))


def _large_focal(
    rng: np.random.Generator, anatomy: Anatomy, size: int, canvas: int
) -> Leakage:
    """One or two pools: of a new vessel's membrane, or cystoid around it."""
    bright, pallor, red = _fields(canvas)
    for _ in range(rng.integers(1, 3)):
        away = rng.normal(0, 0.09, 2).clip(-0.16, 0.16)
        if rng.random() < 0.35:
            _cystoid_pool(rng, bright, pallor, anatomy.fovea + away / 4, size)
        else:
            _membrane_pool(rng, (bright, pallor, red), anatomy, away, size)
    red = blurred(red, 0.002, size)
    return Leakage(bright, pallor, red)


def _membrane_pool(
    rng: np.random.Generator,
    fields: tuple[np.ndarray, np.ndarray, np.ndarray],
    anatomy: Anatomy,
    away: np.ndarray,
    size: int,
) -> None:
    bright, pallor, red = fields
    centre, radius = anatomy.fovea + away, rng.uniform(0.055, 0.115)
    blob(rng, bright, centre, radius, size, rng.uniform(0.5, 0.7), 0.75)
    for _ in range(rng.integers(2, 5)):
        place = centre + rng.normal(0, 0.35 * radius, 2)
        blob(rng, bright, place, 0.45 * radius, size, 0.8, 0.8)
    blob(rng, pallor, centre, 0.95 * radius, size, 0.42, 0.8)
    for _ in range(rng.integers(0, 4)):
        place = centre + rng.normal(0, 0.7 * radius, 2)
        blood = radius * rng.uniform(0.1, 0.28)
        blob(rng, red, place, blood, size, 0.75, 0.35)
    _flecks(rng, pallor, centre, 1.2 * radius, size, int(rng.integers(8, 45)))


def _cystoid_pool(
    rng: np.random.Generator,
    bright: np.ndarray,
    pallor: np.ndarray,
    centre: np.ndarray,
    size: int,
) -> None:
    """Add petals around the centre, as of cystoid macular oedema."""
    radius = rng.uniform(0.035, 0.055)
    petals = int(rng.integers(6, 10))
    start = rng.uniform(0, 2 * np.pi)
    for angle in start + 2 * np.pi * np.arange(petals) / petals:
        out = np.array([np.cos(angle), np.sin(angle)])
        place = centre + radius * rng.uniform(0.6, 1.2) * out
        petal = radius * rng.uniform(0.3, 0.6)
        blob(rng, bright, place, petal, size, rng.uniform(0.55, 0.75), 0.7)
    blob(rng, bright, centre, 1.9 * radius, size, 0.4, 0.6)
    blob(rng, pallor, centre, 1.9 * radius, size, 0.34, 0.8)
    _flecks(rng, pallor, centre, 2.2 * radius, size, int(rng.integers(6, 20)))


def _punctate_focal(
    rng: np.random.Generator, anatomy: Anatomy, size: int, canvas: int
) -> Leakage:
    dots, pallor, red = _fields(canvas)
    halo = np.zeros_like(dots)
    count = int(rng.integers(40, 110))
    hubs = anatomy.fovea + rng.normal(0, 0.11, (5, 2)).clip(-0.2, 0.2)
    spread = rng.uniform(0.025, 0.075, 5)
    for hub in rng.integers(0, 5, count):
        centre = hubs[hub] + rng.normal(0, spread[hub], 2)
        radius = np.clip(rng.gamma(5.0, 0.0004), 0.001, 0.0045)
        dot(halo, centre, radius * rng.uniform(1.5, 2.8), size, 0.8)
        dot(dots, centre, radius, size, rng.uniform(0.6, 1.0))
        if rng.random() < 0.85:
            dot(red, centre, max(radius, 0.0014), size, rng.uniform(0.35, 0.85))
    halo = blurred(halo, 0.005, size, 0.6)
    dots = blurred(dots, 0.0014, size)
    haze = cv2.GaussianBlur(halo, (0, 0), 0.016 * size)
    red = blurred(red, 0.0011, size)
    for hub in hubs[: rng.integers(1, 4)]:
        _flecks(rng, pallor, hub, 0.06, size, int(rng.integers(0, 14)))
    pallor += 0.3 * haze
    # The red dots are the leaking aneurysms themselves.
    bright = np.maximum(0.75 * halo + 0.4 * haze, dots)
    return Leakage(bright, pallor, red, blocking=0.0)


def _fields(canvas: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    bright = np.zeros((canvas, canvas), np.float32)
    return bright, bright.copy(), bright.copy()


def _flecks(
    rng: np.random.Generator,
    field: np.ndarray,
    centre: np.ndarray,
    radius: float,
    size: int,
    count: int,
) -> None:
    """Add hard exudates: small sharp pale grains, most on a ring's part."""
    flecks = np.zeros_like(field)
    middle = rng.uniform(0, 2 * np.pi)
    for _ in range(count):
        angle, reach = rng.normal(middle, 1.3), radius * rng.normal(1, 0.15)
        place = centre + reach * np.array([np.cos(angle), np.sin(angle)])
        grain = np.clip(rng.gamma(3.0, 0.0008), 0.0008, 0.006)
        dot(flecks, place, grain, size, rng.uniform(0.5, 0.9))
    field += blurred(flecks, 0.0011, size)


_DRAW = {
    "normal": _nothing,
    "optic_disc": _optic_disc,
    "large_focal": _large_focal,
    "punctate_focal": _punctate_focal,
}
CATEGORIES = tuple(_DRAW)
