"""Phantom pairs under known, large, curved warps."""

import dataclasses
from collections.abc import Callable

import cv2
import numpy as np

from ffa_keras.phantom import CATEGORIES, make_pair
from ffa_keras.registration.transform import pixel_grid, resample

SIZE = 768
MAX_SHIFT = 130.0
MAX_DEGREES = 30.0
ZOOM = (0.8, 1.25)
MAX_BEND = 6.0

# The eye is drawn larger than its pictures, so that they can look aside.
_CANVAS = 1056


@dataclasses.dataclass(frozen=True)
class WarpedPair:
    """A phantom pair and the map that the photograph was taken through.

    Attributes:
        fundus: uint8 [768, 768, 3], RGB.
        ffa: uint8 [768, 768, 1].
        truth: maps fundus xy [..., 2] → FFA xy.
    """

    fundus: np.ndarray
    ffa: np.ndarray
    truth: Callable[[np.ndarray], np.ndarray]


def make_warped_pair(seed: int) -> WarpedPair:
    """Make a pair under a random similarity and second-order distortion.

    Shift up to 130 pixels, rotation up to 30 degrees, scale 0.8 to 1.25, and a
    quadratic term of 1 to 6 pixels at the edge; half of the pairs have a
    circular field of view.
    """
    rng = np.random.default_rng([seed, 77])
    eye = make_pair(
        seed, CATEGORIES[seed % len(CATEGORIES)], _CANVAS, misalignment=0
    )
    truth = _random_map(rng)
    margin = (_CANVAS - SIZE) // 2
    seen = truth(pixel_grid((SIZE, SIZE))) + margin
    fundus = resample(eye.fundus, seen, cv2.INTER_CUBIC)
    ffa = eye.ffa[margin : margin + SIZE, margin : margin + SIZE].copy()
    if rng.random() < 0.5:
        offset = pixel_grid((SIZE, SIZE)) - (SIZE - 1) / 2
        outside = np.linalg.norm(offset, axis=-1) > 0.488 * SIZE
        fundus[outside], ffa[outside] = 0, 0
    return WarpedPair(fundus, ffa, truth)


def _random_map(
    rng: np.random.Generator,
) -> Callable[[np.ndarray], np.ndarray]:
    angle = np.deg2rad(rng.uniform(-MAX_DEGREES, MAX_DEGREES))
    zoom = np.exp(rng.uniform(*np.log(ZOOM)))
    distance, direction = MAX_SHIFT * rng.random() ** 0.5, rng.uniform(0, 7)
    shift = distance * np.array([np.cos(direction), np.sin(direction)])
    cosine, sine = zoom * np.cos(angle), zoom * np.sin(angle)
    linear = np.array([[cosine, -sine], [sine, cosine]])
    bend = rng.normal(size=(3, 2))
    bend *= rng.uniform(1, MAX_BEND) / np.abs(bend).sum(0).max()
    centre = (SIZE - 1) / 2

    def truth(xy: np.ndarray) -> np.ndarray:
        x, y = np.moveaxis((xy - centre) / centre, -1, 0)
        second = np.stack([x * x, x * y, y * y], -1) @ bend
        return (xy - centre + second) @ linear.T + centre + shift

    return truth
