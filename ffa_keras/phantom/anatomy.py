"""The eye behind a phantom pair: disc, fovea and the two vessel trees."""

import dataclasses

import cv2
import numpy as np

from ffa_keras.phantom.vessels import (
    STEP,
    Territory,
    Vessel,
    grow_tree,
)

# Trunks as way points from the disc, in units of the picture's side: x towards
# the fovea, y up or down. The number is the radius relative to the first.
_TRUNKS = (
    (
        (
            (0, 0),
            (0.02, 0.11),
            (0.13, 0.22),
            (0.34, 0.26),
            (0.58, 0.19),
            (0.85, 0.12),
        ),
        1.0,
    ),
    (((0, 0), (-0.03, 0.08), (-0.16, 0.2), (-0.33, 0.3), (-0.52, 0.46)), 0.78),
    (((0, 0), (0.03, 0.12), (0.11, 0.28), (0.26, 0.42), (0.46, 0.6)), 0.62),
    (((0, 0), (-0.07, 0.025), (-0.2, 0.04), (-0.36, 0.1)), 0.42),
    (((0, 0), (0.06, 0.05), (0.15, 0.105), (0.27, 0.1)), 0.36),
)
_RADIUS_OF_VEIN, _RADIUS_OF_ARTERY = 0.0049, 0.0036


@dataclasses.dataclass(frozen=True)
class Anatomy:
    """Where things lie, in units of the picture's side, centre at (0, 0).

    Attributes:
        disc: (x, y) of the optic disc.
        disc_radius: its radius.
        fovea: (x, y).
        veins: the venous tree.
        arteries: the arterial tree.
    """

    disc: np.ndarray
    disc_radius: float
    fovea: np.ndarray
    veins: list[Vessel]
    arteries: list[Vessel]


def grow(rng: np.random.Generator) -> Anatomy:
    """Grow an eye.

    Args:
        rng: source of randomness.

    Returns:
        The eye; left and right eyes are equally likely.
    """
    temporal = rng.choice((-1.0, 1.0))
    tilt = rng.normal(0, 0.05)
    axis = temporal * np.array([np.cos(tilt), np.sin(tilt)])
    middle = rng.normal(0, (0.05, 0.035)).clip(-0.1, 0.1)
    distance = rng.uniform(0.29, 0.35)
    disc = middle - axis * distance * rng.uniform(0.5, 0.78)
    fovea = disc + axis * distance + np.array([0, 0.02])
    frame = np.stack([axis, [0.0, 1.0]])
    trees, taken = [], Territory()
    beside = rng.choice((-0.011, 0.011))
    for radius, winding in ((_RADIUS_OF_VEIN, 0.8), (_RADIUS_OF_ARTERY, 1.0)):
        radius *= rng.uniform(0.9, 1.1)
        trunks = [
            (
                _trunk(rng, np.array(way) + [0, beside], winding)
                @ ([[1], [side]] * frame)
                + disc,
                radius * share * rng.uniform(0.85, 1.1),
            )
            for way, share in _TRUNKS
            for side in (-1, 1)
        ]
        beside = -beside
        trees.append(grow_tree(rng, trunks, disc, fovea, winding, taken))
    # Fields of 30 to 50 degrees; vessels of young and of old eyes.
    zoom, width = rng.uniform(0.88, 1.3), rng.uniform(0.85, 1.45)
    veins, arteries = (
        [Vessel(zoom * v.points, zoom * width * v.radii) for v in tree]
        for tree in trees
    )
    radius = zoom * rng.uniform(0.06, 0.075)
    return Anatomy(zoom * disc, radius, zoom * fovea, veins, arteries)


def paint_tree(
    tree: list[Vessel],
    size: int,
    canvas: int,
    width: float = 1.0,
    thinnest: float = 1.0,
) -> np.ndarray:
    """Paint a tree.

    Args:
        tree: its vessels.
        size: pixels in the picture's side, the unit of length.
        canvas: side of the array, pixels; its centre is the eye's.
        width: factor on every radius.
        thinnest: how opaque the thinnest vessels are; the thickest are 1.

    Returns:
        float32 array [canvas, canvas], opacity times coverage, 0 to 1.
    """
    fine = 2 if size >= 384 else 4
    shift = 4
    picture = np.zeros((canvas * fine, canvas * fine), np.uint8)
    for vessel in reversed(tree):
        at = ((vessel.points * size + canvas / 2) * fine - 0.5) * 2**shift
        at = np.round(at).astype(np.int32)
        opacity = thinnest + (1 - thinnest) * (vessel.radii / 0.005).clip(0, 1)
        thick = np.round(vessel.radii * (2 * size * fine * width) - 0.5).astype(
            int
        )
        turns = np.flatnonzero(np.diff(thick)) + 1
        for first, last in zip([0, *turns], [*turns, len(at) - 1], strict=True):
            cv2.polylines(
                picture, [at[first : last + 1]], False,
                255 * opacity[first], max(1, thick[first]), cv2.LINE_AA, shift,
            )  # fmt: skip
    small = cv2.resize(picture, (canvas, canvas), interpolation=cv2.INTER_AREA)
    return small.astype(np.float32) / 255


def _trunk(
    rng: np.random.Generator, way: np.ndarray, winding: float
) -> np.ndarray:
    jitter = rng.normal(0, 0.02, way.shape)
    jitter[0] = rng.normal(0, 0.009, 2)
    points = _smooth_curve(way * rng.uniform(0.92, 1.08) + jitter)
    return _wind(rng, points, winding)


def _smooth_curve(points: np.ndarray) -> np.ndarray:
    """Return a Catmull-Rom curve through way points, evenly sampled."""
    ends = [2 * points[0] - points[1], 2 * points[-1] - points[-2]]
    p = np.vstack([ends[0], points, ends[1]])
    t = np.linspace(0, 1, 40, endpoint=False)[:, None]
    pieces = [
        0.5
        * (
            2 * p[i]
            + (p[i + 1] - p[i - 1]) * t
            + (2 * p[i - 1] - 5 * p[i] + 4 * p[i + 1] - p[i + 2]) * t**2
            + (3 * p[i] - p[i - 1] - 3 * p[i + 1] + p[i + 2]) * t**3
        )
        for i in range(1, len(p) - 2)
    ]
    curve = np.vstack([*pieces, points[-1:]])
    travelled = np.r_[0, np.cumsum(np.hypot(*np.diff(curve, axis=0).T))]
    even = np.arange(0, travelled[-1], STEP)
    return np.stack(
        [np.interp(even, travelled, curve[:, i]) for i in range(2)], axis=1
    )


def _wind(
    rng: np.random.Generator, points: np.ndarray, winding: float
) -> np.ndarray:
    """Add the gentle tortuosity of real vessels across their course."""
    at = STEP * np.arange(len(points))
    sway = sum(
        rng.normal(0, amplitude)
        * np.sin(2 * np.pi * (at / period + rng.random()))
        for period, amplitude in ((0.31, 0.007), (0.13, 0.004), (0.06, 0.0016))
    )
    sway = winding * sway * np.minimum(1, at / 0.08)
    along = np.gradient(points, axis=0)
    along /= np.linalg.norm(along, axis=1, keepdims=True) + 1e-9
    return points + sway[:, None] * along[:, ::-1] * [-1, 1]
