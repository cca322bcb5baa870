"""What an eye may show that does not leak: a network must tell it apart."""

import dataclasses

import numpy as np

from ffa_keras.phantom.anatomy import Anatomy
from ffa_keras.phantom.fields import (
    blob,
    blurred,
    dot,
    smooth_noise,
    window_around,
)


@dataclasses.dataclass(frozen=True)
class Findings:
    """Fields on the canvas, float32 [S, S] in [0, 1].

    Attributes:
        pale: drusen, scars, cotton wool, bare sclera beside the disc.
        sheen: light that the retina's surface mirrors.
        pigment: dark in the photograph, and darker in the angiogram.
        blood: dark red; it hides the fluorescence behind it.
        staining: a little brighter in the angiogram, without leaking.
    """

    pale: np.ndarray
    sheen: np.ndarray
    pigment: np.ndarray
    blood: np.ndarray
    staining: np.ndarray


def find(
    rng: np.random.Generator, anatomy: Anatomy, size: int, canvas: int
) -> Findings:
    """Draw what does not leak; most eyes have little or nothing of it.

    Args:
        rng: source of randomness.
        anatomy: the eye.
        size: pixels in the picture's side, the unit of length.
        canvas: side of the fields, pixels.

    Returns:
        The findings.
    """
    fields = Findings(
        *(np.zeros((canvas, canvas), np.float32) for _ in range(5))
    )
    for share, draw in (
        (0.22, _drusen),
        (0.14, _large_blood),
        (0.16, _small_blood),
        (0.12, _laser_scars),
        (0.12, _naevus),
        (0.1, _cotton_wool),
        (0.35, _sheen),
        (0.35, _crescent),
        (0.35, _foveal_reflex),
    ):
        # A generator of its own each: what one draws changes no other.
        own = rng.spawn(1)[0]
        if own.random() < share:
            draw(own, fields, anatomy, size)
    return fields


def _drusen(
    rng: np.random.Generator, fields: Findings, anatomy: Anatomy, size: int
) -> None:
    spots = np.zeros_like(fields.pale)
    spread = rng.uniform(0.04, 0.11)
    for _ in range(rng.integers(10, 90)):
        place = anatomy.fovea + rng.normal(0, spread, 2)
        radius = np.clip(rng.gamma(4.0, 0.0011), 0.0012, 0.012)
        dot(spots, place, radius, size, rng.uniform(0.25, 0.8))
    spots = blurred(spots, 0.0016, size)
    np.maximum(fields.pale, spots, out=fields.pale)
    np.maximum(fields.staining, rng.random() * spots, out=fields.staining)


def _large_blood(
    rng: np.random.Generator, fields: Findings, anatomy: Anatomy, size: int
) -> None:
    centre = anatomy.fovea + rng.normal(0, 0.1, 2)
    radius = rng.uniform(0.02, 0.08)
    for _ in range(rng.integers(2, 6)):
        place = centre + rng.normal(0, 0.7 * radius, 2)
        share = rng.uniform(0.4, 1.0)
        blob(rng, fields.blood, place, share * radius, size, 0.9, 0.2)


def _small_blood(
    rng: np.random.Generator, fields: Findings, anatomy: Anatomy, size: int
) -> None:
    spots = np.zeros_like(fields.blood)
    for _ in range(rng.integers(3, 40)):
        place = anatomy.fovea + rng.normal(0, 0.17, 2)
        angle = rng.uniform(0, np.pi)
        along = np.array([np.cos(angle), np.sin(angle)])
        radius = np.clip(rng.gamma(3.0, 0.001), 0.0012, 0.008)
        for step in range(rng.integers(1, 5)):
            dot(spots, place + step * radius * along, radius, size, 0.8)
    spots = blurred(spots, 0.0014, size)
    np.maximum(fields.blood, spots, out=fields.blood)


def _laser_scars(
    rng: np.random.Generator, fields: Findings, anatomy: Anatomy, size: int
) -> None:
    pale, dark = (np.zeros_like(fields.pale) for _ in range(2))
    middle, spread = rng.uniform(0, 2 * np.pi), rng.uniform(0.4, 2.0)
    for _ in range(rng.integers(25, 130)):
        angle = middle + spread * rng.uniform(-1, 1)
        away = rng.uniform(0.24, 0.55)
        place = anatomy.fovea + away * np.array([np.cos(angle), np.sin(angle)])
        radius = rng.uniform(0.004, 0.011)
        dot(pale, place, radius, size, rng.uniform(0.3, 0.8))
        if rng.random() < 0.6:
            inner = rng.uniform(0.3, 0.8) * radius
            dot(dark, place, inner, size, rng.uniform(0.4, 0.9))
    pale, dark = (blurred(f, 0.0016, size) for f in (pale, dark))
    np.maximum(fields.pale, 0.9 * pale, out=fields.pale)
    np.maximum(fields.pigment, dark, out=fields.pigment)
    np.maximum(fields.staining, rng.random() * pale, out=fields.staining)


def _naevus(
    rng: np.random.Generator, fields: Findings, anatomy: Anatomy, size: int
) -> None:
    place = anatomy.fovea + rng.normal(0, 0.22, 2)
    radius, depth = rng.uniform(0.015, 0.06), rng.uniform(0.2, 0.5)
    blob(rng, fields.pigment, place, radius, size, depth, 0.5)


def _cotton_wool(
    rng: np.random.Generator, fields: Findings, anatomy: Anatomy, size: int
) -> None:
    for _ in range(rng.integers(1, 7)):
        place = anatomy.disc + rng.normal(0, 0.17, 2)
        radius = rng.uniform(0.007, 0.016)
        blob(rng, fields.pale, place, radius, size, 0.7, 0.6)


def _sheen(
    rng: np.random.Generator, fields: Findings, anatomy: Anatomy, size: int
) -> None:
    """Add the glints of a young retina, along the vessels and the rim."""
    canvas = fields.sheen.shape[0]
    ridges = 1 - 3 * np.abs(smooth_noise(rng, canvas, 0.12 * size))
    places = smooth_noise(rng, canvas, 0.25 * size).clip(0, 1.5)
    fields.sheen[:] += rng.uniform(0.1, 0.6) * ridges.clip(0) * places


def _crescent(
    rng: np.random.Generator, fields: Findings, anatomy: Anatomy, size: int
) -> None:
    """Add a crescent of bare sclera beside the disc."""
    radius = anatomy.disc_radius
    window, x, y = window_around(
        anatomy.disc, 1.8 * radius, size, fields.pale.shape[0]
    )
    side = np.sign(anatomy.fovea[0] - anatomy.disc[0])
    aside = np.float32(side * radius * rng.uniform(0.1, 0.4))
    reach = np.hypot(x - aside, 0.95 * y) / np.float32(radius)
    crescent = 1 / (1 + np.exp(((reach - 1) * 14).clip(-30, 30)))
    crescent *= np.float32(rng.uniform(0.3, 0.9))
    part = fields.pale[window]
    np.maximum(part, crescent, out=part)
    part = fields.staining[window]
    np.maximum(part, rng.random() * crescent, out=part)


def _foveal_reflex(
    rng: np.random.Generator, fields: Findings, anatomy: Anatomy, size: int
) -> None:
    """Add the glint of the pit, or the ring of light around the macula."""
    window, x, y = window_around(
        anatomy.fovea, 0.16, size, fields.sheen.shape[0]
    )
    away = np.hypot(x, y * np.float32(rng.uniform(1.0, 1.4)))
    ring = rng.random() < 0.5
    radius = rng.uniform(0.05, 0.1) if ring else 0.0
    width = rng.uniform(0.008, 0.02) if ring else rng.uniform(0.004, 0.012)
    light = np.exp(-(((away - np.float32(radius)) / np.float32(width)) ** 2))
    fields.sheen[window] += np.float32(rng.uniform(0.1, 0.6)) * light
