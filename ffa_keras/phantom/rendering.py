"""How the eye looks to a colour camera and to an angiograph."""

import dataclasses
from collections.abc import Sequence

import cv2
import numpy as np

from ffa_keras.errors import InputError
from ffa_keras.phantom.anatomy import Anatomy
from ffa_keras.phantom.fields import (
    fractal_noise,
    smooth_noise,
    spot,
    window_around,
)
from ffa_keras.phantom.findings import Findings
from ffa_keras.phantom.leakage import Leakage

# Red, green and blue reflectance of fundi, and what vessels take from them.
_ORANGE = (0.84, 0.41, 0.17)
_PINK = (0.82, 0.5, 0.42)
_BROWN = (0.66, 0.38, 0.16)
_VEIN = (0.24, 0.44, 0.33)
_ARTERY = (0.09, 0.32, 0.26)
_BLOOD = (0.3, 0.62, 0.55)


@dataclasses.dataclass(frozen=True)
class Scene:
    """An eye as it is to be painted.

    Attributes:
        anatomy: the eye.
        leakage: what leaks, and its faint causes.
        trees: fields of `vessel_trees`.
        findings: what does not leak.
        size: pixels in the picture's side, the unit of length.
    """

    anatomy: Anatomy
    leakage: Leakage
    trees: dict[str, np.ndarray]
    findings: Findings
    size: int

    @property
    def canvas(self) -> int:
        """Side of the fields, pixels."""
        return self.leakage.brightness.shape[0]


@dataclasses.dataclass(frozen=True)
class _Phase:
    """Ranges of what changes with the time after the injection."""

    background: tuple[float, float]
    vessels: tuple[float, float]
    capillaries: tuple[float, float]
    disc: tuple[float, float]
    leaked: float


_PHASES = {
    "arteriovenous": _Phase(
        background=(0.18, 0.34),
        vessels=(0.3, 0.55),
        capillaries=(0.04, 0.14),
        disc=(0.0, 0.05),
        leaked=0.6,
    ),
    "recirculation": _Phase(
        background=(0.28, 0.52),
        vessels=(0.12, 0.36),
        capillaries=(0.0, 0.09),
        disc=(0.0, 0.14),
        leaked=1.0,
    ),
    "late": _Phase(
        background=(0.26, 0.44),
        vessels=(0.02, 0.12),
        capillaries=(0.0, 0.03),
        disc=(0.08, 0.2),
        leaked=1.0,
    ),
}


def render_fundus(rng: np.random.Generator, scene: Scene) -> np.ndarray:
    """Paint the retina in reflected white light, without camera effects.

    Args:
        rng: source of randomness.
        scene: the eye.

    Returns:
        float32 array [S, S, 3], RGB in [0, 1], on the canvas of the fields.
    """
    anatomy, findings, trees = scene.anatomy, scene.findings, scene.trees
    size, canvas = scene.size, scene.canvas
    mix = rng.dirichlet((1.5, 0.9, 0.8))
    tone = mix @ np.array([_ORANGE, _PINK, _BROWN]) * rng.normal(1, 0.04, 3)
    light = 1 + 0.06 * smooth_noise(rng, canvas, 0.4 * size)
    light += rng.uniform(0.003, 0.018) * fractal_noise(
        rng, canvas, 0.03 * size, 5
    )
    _paint_nerve_fibres(rng, light, anatomy, size)
    image = light * _colour(tone)
    image[1] *= 1 + 0.04 * smooth_noise(rng, canvas, 0.5 * size)
    # Choroidal vessels shine through in red, pigment hides them in the macula.
    choroid = _choroid(rng, canvas, size) * np.exp(rng.normal(-0.3, 0.8))
    choroid *= 1 - 0.8 * spot(anatomy.fovea, 0.12, size, canvas)
    image += choroid.clip(0, 3) * _colour((0.06, 0.035, 0.012))
    # Pigment darkens the macula, most of all for short wavelengths; in some
    # eyes it is yellow.
    pigments = _colour(rng.normal((0.6, 0.9, 1.1), (0.1, 0.2, 0.2)))
    for sigma, depth in ((0.075, 0.28), (0.026, 0.26)):
        depth *= rng.uniform(0.2, 1.5)
        macula = depth * spot(anatomy.fovea, sigma, size, canvas)
        image *= 1 - macula * pigments
    pallor = 0.75 * scene.leakage.pallor
    image += pallor * (_colour((0.92, 0.68, 0.34)) - image)
    image *= 1 - findings.pigment * _colour((0.5, 0.55, 0.5))
    image += 0.7 * findings.pale * (_colour((0.95, 0.78, 0.45)) - image)
    _paint_disc(rng, image, anatomy, scene.leakage.swelling, size)
    image += findings.sheen * _colour((0.1, 0.12, 0.11))
    depth = rng.uniform(0.55, 1.2)
    image *= 1 - trees["vein"] * depth * _colour(_VEIN)
    image *= 1 - trees["artery"] * depth * _colour(_ARTERY)
    reflex = rng.uniform(0, 1.4) * trees["reflex"]
    image += reflex * _colour((0.1, 0.09, 0.05))
    blood = np.maximum(scene.leakage.redness, findings.blood)
    image *= 1 - blood * _colour(_BLOOD)
    return cv2.merge(list(image.clip(0, 1)))


def render_ffa(
    rng: np.random.Generator, scene: Scene, phase: str
) -> np.ndarray:
    """Paint the fluorescence.

    Args:
        rng: source of randomness.
        scene: the eye.
        phase: `"arteriovenous"`, `"recirculation"` or `"late"`.

    Returns:
        float32 array [S, S], 0 to 1, on the canvas of the fields.

    Raises:
        InputError: no such phase.
    """
    if phase not in _PHASES:
        raise InputError(f"phase {phase!r}: there are {', '.join(_PHASES)}")
    at = _PHASES[phase]
    anatomy, findings, trees = scene.anatomy, scene.findings, scene.trees
    size, canvas, leakage = scene.size, scene.canvas, scene.leakage
    image = 1 + 0.06 * smooth_noise(rng, canvas, 0.3 * size)
    image += rng.uniform(0.015, 0.08) * fractal_noise(
        rng, canvas, 0.016 * size, 5
    )
    image += 0.06 * (_choroid(rng, canvas, size) - 0.3)
    # Xanthophyll and tall pigment cells hide the choroid of the fovea.
    for sigma, least, most in ((0.11, 0.25, 0.45), (0.047, 0.3, 0.5)):
        depth = rng.uniform(least, most)
        image *= 1 - depth * spot(anatomy.fovea, sigma, size, canvas)
    image *= rng.uniform(*at.background)
    _stain_disc(rng, image, anatomy, size, rng.uniform(*at.disc))
    image += 0.09 * findings.staining
    image *= 1 - 0.45 * findings.pigment
    image += rng.uniform(*at.capillaries) * trees["capillary"]
    vessels = rng.uniform(*at.vessels)
    for name, gain in (("vein", vessels), ("artery", 0.85 * vessels)):
        image += gain * trees[name] ** 0.75 * (1 - 0.5 * image)
    bright = at.leaked * leakage.brightness
    image += (0.95 - image).clip(0) * bright
    blood = np.maximum(leakage.blocking * leakage.redness, 0.9 * findings.blood)
    image *= 1 - blood * (1 - bright)
    return image.clip(0, 1)


def _colour(values: Sequence[float] | np.ndarray) -> np.ndarray:
    """Return RGB values for planes: float32 [3, 1, 1], as NumPy is fast on."""
    return np.array(values, np.float32)[:, None, None]


def _choroid(rng: np.random.Generator, canvas: int, size: int) -> np.ndarray:
    """Return large choroidal vessels, 0 to 1: winding and out of focus."""
    ridges = np.zeros((canvas, canvas), np.float32)
    for grain in (0.11, 0.06):
        field = smooth_noise(rng, canvas, grain * size)
        np.maximum(ridges, 1 - 2.4 * np.abs(field), out=ridges)
    return cv2.GaussianBlur(ridges, (0, 0), 0.008 * size)


def _paint_nerve_fibres(
    rng: np.random.Generator, light: np.ndarray, anatomy: Anatomy, size: int
) -> None:
    """Add the silky sheen of the nerve fibres around the disc."""
    window, x, y = window_around(anatomy.disc, 0.3, size, light.shape[0])
    fibres = np.interp(
        np.arange(720), np.arange(0, 720, 5), rng.normal(0, 1, 144), period=720
    ).astype(np.float32)
    angle = np.degrees(np.arctan2(y, x)) * 2 + 360
    sheen = fibres[angle.astype(int).clip(0, 719)]
    distance = x**2 + y**2
    light[window] += (0.07 + 0.03 * sheen) * np.exp(-distance / 0.022)


def _paint_disc(
    rng: np.random.Generator,
    image: np.ndarray,
    anatomy: Anatomy,
    swelling: float,
    size: int,
) -> None:
    """Paint the disc with its cup into the image."""
    blur = 0.005 + 0.035 * swelling
    radius = anatomy.disc_radius
    window, x, y = window_around(
        anatomy.disc, radius + 5 * blur, size, image.shape[1]
    )
    ratio = rng.uniform(0.3, 0.6) * (1 - 0.6 * swelling)
    aside = rng.normal(0, 0.006, 2).astype(np.float32)
    aside[0] += 0.008 * np.sign(anatomy.fovea[0] - anatomy.disc[0])
    cup = _ellipse(x - aside[0], y - aside[1], radius * ratio, 0.016, size)
    rim = _colour((0.94, 0.61, 0.36) * rng.normal(1, (0.02, 0.05, 0.1)))
    pale = _colour((1.0, 0.92, 0.7))
    grain = fractal_noise(rng, max(cup.shape), 0.03 * size, 3)
    grain = 1 + 0.03 * grain[: cup.shape[0], : cup.shape[1]]
    # The temporal rim is paler than the nasal one.
    side = np.sign(anatomy.fovea[0] - anatomy.disc[0])
    grain += 0.07 * (side * x / radius).clip(-1, 1)
    painted = (rim * (1 - cup) + pale * cup) * grain
    disc = _ellipse(x, y, radius, blur, size)
    disc *= 0.95 - 0.35 * swelling
    part = image[:, *window]
    part += disc * (painted - part)


def _stain_disc(
    rng: np.random.Generator,
    image: np.ndarray,
    anatomy: Anatomy,
    size: int,
    stain: float,
) -> None:
    """Brighten the disc's rim by `stain`; the cup is often darker."""
    radius = anatomy.disc_radius
    window, x, y = window_around(
        anatomy.disc, radius + 0.1, size, image.shape[0]
    )
    side = np.sign(anatomy.fovea[0] - anatomy.disc[0])
    temporal = 0.5 + 0.5 * (side * x / radius).clip(-1, 1)
    whole = _ellipse(x, y, radius, 0.012, size)
    inner = _ellipse(x - 0.004 * side, y, 0.8 * radius, 0.014, size)
    hollow = _ellipse(x, y, 0.5 * radius, 0.03, size)
    image[window] += stain * whole
    image[window] += stain * (whole - inner).clip(0) * (0.3 + temporal)
    image[window] -= 0.8 * stain * hollow
    image[window] *= 1 - rng.uniform(0, 0.5) * hollow


def _ellipse(
    x: np.ndarray, y: np.ndarray, radius: float, blur: float, size: int
) -> np.ndarray:
    """Return a soft-edged ellipse on offsets x and y, 1 inside."""
    distance = np.hypot(x * np.float32(1.06), y * np.float32(0.95))
    edge = np.float32(0.4 * max(blur, 0.7 / size))
    return 1 / (1 + np.exp(((distance - radius) / edge).clip(-30, 30)))
