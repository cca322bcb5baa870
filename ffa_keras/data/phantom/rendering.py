"""How the eye looks to a colour camera and to an angiograph."""

import cv2
import numpy as np

from ffa_keras.data.phantom.anatomy import Anatomy, coverage
from ffa_keras.data.phantom.fields import (
    fractal_noise,
    smooth_noise,
    window_around,
)
from ffa_keras.data.phantom.leakage import Leakage


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
    tone = np.array([0.74, 0.36, 0.16]) * rng.normal(1, (0.05, 0.1, 0.18))
    choroid = fractal_noise(rng, canvas, 0.09 * size, 5)
    streaks = _streaks(rng, canvas, size)
    light = 1 + 0.035 * choroid + 0.03 * streaks
    light += 0.05 * smooth_noise(rng, canvas, 0.45 * size)
    light -= 0.3 * _spot(anatomy.fovea, 0.1, size, canvas)
    light -= 0.16 * _spot(anatomy.fovea, 0.032, size, canvas)
    image = light[..., None] * tone.astype(np.float32)
    pallor = leakage.pallor[..., None]
    pale = np.array([0.82, 0.66, 0.34], np.float32)
    image = image * (1 - 0.75 * pallor) + 0.75 * pallor * pale
    _paint_disc(rng, image, anatomy, leakage.swelling, size)
    absorbed = {
        "vein": (0.24, 0.46, 0.36),
        "artery": (0.1, 0.33, 0.26),
    }
    for name, loss in absorbed.items():
        image *= 1 - trees[name][..., None] * np.array(loss, np.float32)
    reflex = trees["reflex"][..., None]
    image += reflex * np.array([0.1, 0.075, 0.04], np.float32)
    blood = leakage.redness[..., None]
    image *= 1 - blood * np.array([0.35, 0.6, 0.5], np.float32)
    return image.clip(0, 1)


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
    flush = 0.3 * rng.uniform(0.85, 1.15)
    mottle = fractal_noise(rng, canvas, 0.03 * size, 4)
    flush *= 1 + 0.07 * mottle + 0.1 * smooth_noise(rng, canvas, 0.35 * size)
    flush += 0.012 * _streaks(rng, canvas, size)
    flush *= 1 - 0.42 * _spot(anatomy.fovea, 0.075, size, canvas)
    capillaries = np.abs(smooth_noise(rng, canvas, max(2.0, 0.008 * size)))
    away = 1 - _spot(anatomy.fovea, 0.05, size, canvas)
    image = flush + 0.03 * (0.8 - capillaries).clip(0) * away
    _stain_disc(image, anatomy, size)
    for name, gain in (("vein", 0.4), ("artery", 0.3)):
        image += gain * trees[name] * (1 - 0.35 * image)
    halo = cv2.GaussianBlur(leakage.brightness, (0, 0), 0.012 * size)
    leak = np.maximum(leakage.brightness, 0.8 * halo)
    image += (0.97 - image).clip(0) * 0.85 * leak
    return image.clip(0, 1)


def vessel_trees(anatomy: Anatomy, size: int, canvas: int) -> dict:
    """Draw both trees once for all pictures.

    Args:
        anatomy: the eye.
        size: pixels in the picture's side, the unit of length.
        canvas: side of the fields, pixels.

    Returns:
        float32 fields [canvas, canvas]: `artery` and `vein`, slightly soft,
        `reflex`, the light streak on the arteries, and `mask`, the exact
        coverage of both.
    """
    exact = {
        name: coverage(anatomy, size, canvas, name == "artery")
        for name in ("artery", "vein")
    }
    reflex = coverage(anatomy, size, canvas, True, 0.3)
    soft = max(0.3, 0.0009 * size)
    fields = {n: cv2.GaussianBlur(f, (0, 0), soft) for n, f in exact.items()}
    wide = cv2.GaussianBlur(exact["artery"], (0, 0), max(0.5, 0.003 * size))
    fields["reflex"] = reflex * (wide - 0.45).clip(0) * 1.6
    fields["mask"] = np.maximum(exact["artery"], exact["vein"])
    return fields


def _paint_disc(rng, image, anatomy, swelling, size):
    """Paint the disc with its cup into the image."""
    blur = 0.006 + 0.03 * swelling
    radius = anatomy.disc_radius
    window, x, y = window_around(
        anatomy.disc, radius + 5 * blur, size, image.shape[0]
    )
    ratio = rng.uniform(0.3, 0.55) * (1 - 0.6 * swelling)
    aside = rng.normal(0, 0.006, 2).astype(np.float32)
    cup = _ellipse(x - aside[0], y - aside[1], radius * ratio, 0.012, size)
    cup = cup[..., None]
    rim = np.array([0.93, 0.66, 0.38], np.float32)
    pale = np.array([0.99, 0.88, 0.66], np.float32)
    grain = fractal_noise(rng, max(cup.shape), 0.03 * size, 3)
    grain = 1 + 0.03 * grain[: cup.shape[0], : cup.shape[1], None]
    painted = (rim * (1 - cup) + pale * cup) * grain
    disc = _ellipse(x, y, radius, blur, size)[..., None]
    disc *= 0.9 - 0.25 * swelling
    image[window] = image[window] * (1 - disc) + painted * disc


def _stain_disc(image, anatomy, size):
    """Brighten the disc's rim, which stains in the late phase."""
    radius = anatomy.disc_radius
    window, x, y = window_around(
        anatomy.disc, radius + 0.1, size, image.shape[0]
    )
    image[window] += 0.2 * _ellipse(x, y, radius, 0.014, size)
    image[window] -= 0.1 * _ellipse(x, y, 0.6 * radius, 0.03, size)


def _ellipse(x, y, radius, blur, size):
    """Return a soft-edged ellipse on offsets x and y, 1 inside."""
    distance = np.hypot(x * np.float32(1.06), y * np.float32(0.95))
    edge = 0.4 * max(blur, 0.7 / size)
    return 1 / (1 + np.exp(((distance - radius) / edge).clip(-30, 30)))


def _spot(centre, sigma, size, canvas):
    at = np.arange(canvas, dtype=np.float32) - canvas / 2
    x = np.exp(-(((at - centre[0] * size) / (sigma * size)) ** 2) / 2)
    y = np.exp(-(((at - centre[1] * size) / (sigma * size)) ** 2) / 2)
    return np.outer(y, x)


def _streaks(rng, canvas, size):
    """Return the large choroidal vessels: faint, winding, out of focus."""
    field = smooth_noise(rng, canvas, 0.075 * size)
    ridges = 1 - np.abs(field) * 2.2
    return cv2.GaussianBlur(ridges.clip(0, 1), (0, 0), 0.006 * size)
