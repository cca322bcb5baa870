"""Two misaligned pictures of one phantom eye, and the truth about it."""

import dataclasses

import cv2
import numpy as np

from ffa_keras.data.phantom.anatomy import grow
from ffa_keras.data.phantom.leakage import leak
from ffa_keras.data.phantom.rendering import (
    render_ffa,
    render_fundus,
    vessel_trees,
)


@dataclasses.dataclass(frozen=True)
class PhantomPair:
    """A fundus photograph and the late FFA of the same phantom eye.

    Attributes:
        fundus: uint8 [S, S, 3], RGB, not aligned with the rest.
        ffa: uint8 [S, S, 1].
        matrix: float64 [3, 3], fundus (x, y, 1) to FFA (x, y, 1), exact.
        vessel_mask: uint8 [S, S, 1], 1 on vessels, in the frame of the FFA.
        leakage_mask: uint8 [S, S, 1], 1 on leakage, in the frame of the FFA.
        category: class of leakage.
    """

    fundus: np.ndarray
    ffa: np.ndarray
    matrix: np.ndarray
    vessel_mask: np.ndarray
    leakage_mask: np.ndarray
    category: str


def make_pair(
    seed: int,
    category: str,
    size: int = 768,
    misalignment: float = 1.0,
    matrix: np.ndarray | None = None,
) -> PhantomPair:
    """Make a phantom pair.

    Args:
        seed: the same seed gives the same pair; pairs of one seed and several
            categories show the same eye.
        category: `"normal"`, `"optic_disc"`, `"large_focal"` or
            `"punctate_focal"`.
        size: side of the pictures, pixels. Defaults to `768`.
        misalignment: 1 shifts the cameras by up to 7 % of the side, turns them
            by up to 6 degrees and zooms by up to 5 %; 0 aligns them. Defaults
            to `1`.
        matrix: float array [3, 3], affine, fundus xy to FFA xy, pixels: the
            misalignment itself instead of a random one.

    Returns:
        The pair.

    Raises:
        InputError: no such category.
    """
    cameras = np.random.default_rng([seed, 5])
    field = _field(size, circular=cameras.random() < 0.5)
    drawn = _misalign(cameras, size, misalignment)
    matrix = drawn if matrix is None else np.asarray(matrix, np.float64)
    canvas = _canvas_for(matrix, size)

    fundus, ffa, vessels, leaks = _paint(seed, category, size, canvas)

    # The FFA is the canvas' middle, so that its truth is never resampled.
    edge = (canvas - size) // 2
    middle = (slice(edge, edge + size),) * 2
    to_fundus = np.linalg.inv(matrix)
    to_fundus[:2, 2] -= to_fundus[:2, :2] @ [edge, edge]
    fundus = cv2.warpAffine(
        fundus, to_fundus[:2], (size, size), flags=cv2.INTER_CUBIC
    )
    inside = field > 0.5
    return PhantomPair(
        fundus=_photograph(cameras, fundus, field),
        ffa=_angiogram(cameras, ffa[middle], field)[..., None],
        matrix=matrix,
        vessel_mask=_truth(vessels[middle], inside),
        leakage_mask=_truth(leaks[middle], inside),
        category=category,
    )


def _paint(seed, category, size, canvas) -> tuple[np.ndarray, ...]:
    """Return the scene: its two looks, and where vessels and leaks are."""
    rngs = [np.random.default_rng([seed, part]) for part in range(5)]
    anatomy = grow(rngs[0])
    leakage = leak(rngs[1], category, anatomy, size, canvas)
    trees = vessel_trees(rngs[2], anatomy, size, canvas)
    scene = (anatomy, trees, leakage, size)
    fundus = render_fundus(rngs[3], *scene)
    ffa = render_ffa(rngs[4], *scene)
    return fundus, ffa, trees["mask"] > 0.5, leakage.mask


def _misalign(rng: np.random.Generator, size: int, amount: float) -> np.ndarray:
    """Return a similarity about the centre, fundus xy to FFA xy."""
    angle = amount * np.deg2rad(rng.uniform(-6, 6))
    zoom = 1 + amount * rng.uniform(-0.05, 0.05)
    shift = amount * size * rng.uniform(-0.07, 0.07, 2)
    centre = (size - 1) / 2
    turn = zoom * np.array(
        [[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]
    )
    matrix = np.eye(3)
    matrix[:2, :2] = turn
    matrix[:2, 2] = shift + centre - turn @ [centre, centre]
    return matrix


def _canvas_for(matrix: np.ndarray, size: int) -> int:
    """Return the side of the canvas on which both cameras stay."""
    last = size - 1
    corners = np.array([[0, last, 0, last], [0, 0, last, last], [1, 1, 1, 1]])
    beyond = np.abs((matrix @ corners)[:2] - last / 2).max() - last / 2
    return size + 2 * int(max(0.0, beyond) + 0.03 * size + 2)


def _truth(mask: np.ndarray, inside: np.ndarray) -> np.ndarray:
    return (mask & inside)[..., None].astype(np.uint8)


def _radius(size: int, centre=(0.0, 0.0)) -> np.ndarray:
    """Return each pixel's distance from the centre, in sides."""
    at = (np.arange(size, dtype=np.float32) - (size - 1) / 2) / size
    x, y = (at - np.float32(c) for c in centre)
    return np.hypot(x[None, :], y[:, None])


def _field(size: int, circular: bool) -> np.ndarray:
    """Return the field of view: float32 [S, S], 1 inside."""
    if not circular:
        return np.ones((size, size), np.float32)
    return ((0.488 - _radius(size)) * size + 0.5).clip(0, 1)


def _photograph(rng, light, field) -> np.ndarray:
    """Return what the colour camera makes of the light: uint8 [S, S, 3]."""
    size = field.shape[0]
    off_axis = _radius(size, rng.normal(0, 0.07, 2))
    # The edge is dimmer and often of another hue.
    loss = rng.uniform(0.5, 1.4) * rng.normal((1.1, 1.0, 0.9), 0.15)
    kept = [1.04 - off_axis**2 * np.float32(colour) for colour in loss]
    field = cv2.merge([field] * 3)
    return _expose(
        rng, light * cv2.merge(kept), field, rng.uniform(0.008, 0.016)
    )


def _angiogram(rng, light, field) -> np.ndarray:
    """Return what the angiograph makes of the light: uint8 [S, S]."""
    off_axis = _radius(field.shape[0], rng.normal(0, 0.08, 2))
    light = light * (1.06 - np.float32(rng.uniform(0.6, 1.5)) * off_axis**2)
    return _expose(rng, light, field, rng.uniform(0.014, 0.026))


def _expose(rng, light, field, noise) -> np.ndarray:
    """Add blur, shot noise and the black surround."""
    size = light.shape[0]
    image = cv2.GaussianBlur(light, (0, 0), max(0.3, 0.0008 * size))
    grain = rng.standard_normal(light.shape, dtype=np.float32)
    grain *= np.float32(noise) * np.sqrt(np.maximum(image, 0.02))
    image = 255 * (image + grain) * field
    return np.round(image).clip(0, 255).astype(np.uint8)
