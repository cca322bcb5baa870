"""How the eye looks to a colour camera and to an angiograph."""

import cv2
import numpy as np

from ffa_keras.data.phantom.anatomy import Anatomy, paint_tree
from ffa_keras.data.phantom.fields import (
    fractal_noise,
    smooth_noise,
    spot,
    window_around,
)
from ffa_keras.data.phantom.leakage import Leakage

# Red, green and blue reflectance of fundi, and what vessels take from them.
_ORANGE, _PINK, _BROWN = (
    (0.84, 0.41, 0.17),
    (0.82, 0.5, 0.42),
    (0.66, 0.38, 0.16),
)
_VEIN, _ARTERY, _BLOOD = (
    (0.24, 0.44, 0.33),
    (0.09, 0.32, 0.26),
    (0.3, 0.62, 0.55),
)


def render_fundus(
    rng: np.random.Generator,
    anatomy: Anatomy,
    trees: dict[str, np.ndarray],
    leakage: Leakage,
    size: int,
) -> np.ndarray:
    """Paint the retina in reflected white light, without camera effects.

    Args:
        rng: source of randomness.
        anatomy: the eye.
        trees: fields of `vessel_trees`.
        leakage: its faint causes are painted.
        size: pixels in the picture's side, the unit of length.

    Returns:
        float32 array [S, S, 3], RGB in [0, 1], on the canvas of the fields.
    """
    canvas = leakage.brightness.shape[0]
    mix = rng.dirichlet((1.5, 0.9, 0.8))
    tone = mix @ np.array([_ORANGE, _PINK, _BROWN]) * rng.normal(1, 0.04, 3)
    light = 1 + 0.07 * smooth_noise(rng, canvas, 0.4 * size)
    light += 0.018 * fractal_noise(rng, canvas, 0.03 * size, 5)
    _paint_nerve_fibres(rng, light, anatomy, size)
    image = light * _colour(tone)
    image[1] *= 1 + 0.04 * smooth_noise(rng, canvas, 0.5 * size)
    # Pigment darkens the macula, most of all for short wavelengths.
    for sigma, depth in ((0.075, 0.28), (0.026, 0.26)):
        macula = depth * spot(anatomy.fovea, sigma, size, canvas)
        image *= 1 - macula * _colour((0.6, 1.0, 1.1))
    # Choroidal vessels shine through in red, pigment hides them in the macula.
    choroid = _choroid(rng, canvas, size) * rng.uniform(0.3, 1.5)
    choroid *= 1 - 0.8 * spot(anatomy.fovea, 0.12, size, canvas)
    image += choroid * _colour((0.06, 0.035, 0.012))
    image += 0.75 * leakage.pallor * (_colour((0.92, 0.68, 0.34)) - image)
    _paint_disc(rng, image, anatomy, leakage.swelling, size)
    image *= 1 - trees["vein"] * _colour(_VEIN)
    image *= 1 - trees["artery"] * _colour(_ARTERY)
    image += trees["reflex"] * _colour((0.1, 0.09, 0.05))
    image *= 1 - leakage.redness * _colour(_BLOOD)
    return cv2.merge(list(image.clip(0, 1)))


def render_ffa(
    rng: np.random.Generator,
    anatomy: Anatomy,
    trees: dict[str, np.ndarray],
    leakage: Leakage,
    size: int,
) -> np.ndarray:
    """Paint the late fluorescence, five minutes after the injection.

    Args:
        rng: source of randomness.
        anatomy: the eye.
        trees: fields of `vessel_trees`.
        leakage: painted bright over everything.
        size: pixels in the picture's side, the unit of length.

    Returns:
        float32 array [S, S], 0 to 1, on the canvas of the fields.
    """
    canvas = leakage.brightness.shape[0]
    image = 1 + 0.06 * smooth_noise(rng, canvas, 0.3 * size)
    image += 0.06 * fractal_noise(rng, canvas, 0.016 * size, 5)
    image += 0.06 * (_choroid(rng, canvas, size) - 0.3)
    # Xanthophyll and tall pigment cells hide the choroid of the fovea.
    image *= 1 - rng.uniform(0.3, 0.45) * spot(
        anatomy.fovea, 0.11, size, canvas
    )
    image *= 1 - rng.uniform(0.3, 0.5) * spot(
        anatomy.fovea, 0.047, size, canvas
    )
    image *= rng.uniform(0.34, 0.48)
    _stain_disc(rng, image, anatomy, size)
    image += 0.07 * trees["capillary"]
    vessels = rng.uniform(0.18, 0.36)
    for name, gain in (("vein", vessels), ("artery", 0.85 * vessels)):
        image += gain * trees[name] ** 0.75 * (1 - 0.5 * image)
    image += (0.95 - image).clip(0) * leakage.brightness
    image *= 1 - leakage.blocking * leakage.redness * (1 - leakage.brightness)
    return image.clip(0, 1)


def vessel_trees(
    rng: np.random.Generator, anatomy: Anatomy, size: int, canvas: int
) -> dict[str, np.ndarray]:
    """Draw both trees once for all pictures.

    Args:
        rng: source of randomness.
        anatomy: the eye.
        size: pixels in the picture's side, the unit of length.
        canvas: side of the fields, pixels.

    Returns:
        float32 fields [canvas, canvas]: `artery` and `vein`, slightly soft and
        thinner where the vessel is; `reflex`, the light streak on the larger
        ones; `capillary`, too fine for the fundus; and `mask`, the exact
        coverage of both trees.
    """
    trees = {"vein": anatomy.veins, "artery": anatomy.arteries}
    exact = {n: paint_tree(t, size, canvas) for n, t in trees.items()}
    fields = {"mask": np.maximum(*exact.values())}
    soft = max(0.3, 0.0008 * size)
    for name, tree in trees.items():
        depth = paint_tree(tree, size, canvas, thinnest=0.22)
        fields[name] = cv2.GaussianBlur(depth, (0, 0), soft)
    large = [vessel for vessel in anatomy.arteries if vessel.radii[0] > 0.002]
    streak = paint_tree(large, size, canvas, width=0.32, thinnest=0.0)
    fields["reflex"] = cv2.GaussianBlur(streak, (0, 0), soft)
    fields["capillary"] = _capillaries(rng, anatomy, size, canvas)
    return fields


def _colour(values) -> np.ndarray:
    """Return RGB values for planes: float32 [3, 1, 1], as NumPy is fast on."""
    return np.array(values, np.float32)[:, None, None]


def _capillaries(rng, anatomy, size, canvas) -> np.ndarray:
    """Paint short wisps, which point to the fovea when they are near it."""
    count, steps = 900, 9
    start = anatomy.fovea + rng.normal(0, 0.2, (count, 2))
    inwards = anatomy.fovea - start
    near = np.hypot(*inwards.T) < 0.13
    aim = np.arctan2(inwards[:, 1], inwards[:, 0])
    aim = np.where(near, aim, rng.uniform(0, 2 * np.pi, count))
    turns = rng.normal(0, 0.35, (count, steps))
    heading = aim[:, None] + np.cumsum(turns, axis=1) - turns[:, :1]
    stride = 0.006 * np.stack([np.cos(heading), np.sin(heading)], axis=-1)
    points = start[:, None] + np.cumsum(stride, axis=1)
    away = np.hypot(*np.moveaxis(points - anatomy.fovea, -1, 0)).min(axis=1)
    points = points[away > 0.035]
    picture = np.zeros((canvas, canvas), np.uint8)
    at = np.round((points * size + canvas / 2 - 0.5) * 16).astype(np.int32)
    cv2.polylines(picture, list(at), False, 255, 1, cv2.LINE_AA, 4)
    soft = cv2.GaussianBlur(picture, (0, 0), max(0.4, 0.0009 * size))
    return soft.astype(np.float32) * (min(1.0, size / 512) / 255)


def _choroid(rng, canvas, size) -> np.ndarray:
    """Return large choroidal vessels, 0 to 1: winding and out of focus."""
    ridges = np.zeros((canvas, canvas), np.float32)
    for grain in (0.11, 0.06):
        field = smooth_noise(rng, canvas, grain * size)
        np.maximum(ridges, 1 - 2.4 * np.abs(field), out=ridges)
    return cv2.GaussianBlur(ridges, (0, 0), 0.008 * size)


def _paint_nerve_fibres(rng, light, anatomy, size) -> None:
    """Add the silky sheen of the nerve fibres around the disc."""
    window, x, y = window_around(anatomy.disc, 0.3, size, light.shape[0])
    fibres = np.interp(
        np.arange(720), np.arange(0, 720, 5), rng.normal(0, 1, 144), period=720
    ).astype(np.float32)
    angle = np.degrees(np.arctan2(y, x)) * 2 + 360
    sheen = fibres[angle.astype(int).clip(0, 719)]
    distance = x**2 + y**2
    light[window] += (0.07 + 0.03 * sheen) * np.exp(-distance / 0.022)


def _paint_disc(rng, image, anatomy, swelling, size) -> None:
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


def _stain_disc(rng, image, anatomy, size) -> None:
    """Brighten the disc's rim, which stains in the late phase."""
    radius = anatomy.disc_radius
    window, x, y = window_around(
        anatomy.disc, radius + 0.1, size, image.shape[0]
    )
    side = np.sign(anatomy.fovea[0] - anatomy.disc[0])
    temporal = 0.5 + 0.5 * (side * x / radius).clip(-1, 1)
    whole = _ellipse(x, y, radius, 0.012, size)
    inner = _ellipse(x - 0.004 * side, y, 0.8 * radius, 0.014, size)
    hollow = _ellipse(x, y, 0.5 * radius, 0.03, size)
    stain = rng.uniform(0.1, 0.2)
    image[window] += stain * whole
    image[window] += stain * (whole - inner).clip(0) * (0.3 + temporal)
    image[window] -= 0.8 * stain * hollow


def _ellipse(x, y, radius, blur, size) -> np.ndarray:
    """Return a soft-edged ellipse on offsets x and y, 1 inside."""
    distance = np.hypot(x * np.float32(1.06), y * np.float32(0.95))
    edge = np.float32(0.4 * max(blur, 0.7 / size))
    return 1 / (1 + np.exp(((distance - radius) / edge).clip(-30, 30)))
