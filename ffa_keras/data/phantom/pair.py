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

# The eye is painted larger than a picture, so that a camera can look aside.
_CANVAS = 1.45


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
    seed: int, category: str, size: int = 768, misalignment: float = 1.0
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

    Returns:
        The pair.

    Raises:
        InputError: no such category.
    """
    anatomy = grow(np.random.default_rng([seed, 0]))
    canvas = 2 * round(size * _CANVAS / 2)
    leakage = leak(
        np.random.default_rng([seed, 1]), category, anatomy, size, canvas
    )
    trees = vessel_trees(anatomy, size, canvas)
    fundus = render_fundus(
        np.random.default_rng([seed, 2]), anatomy, trees, leakage, size
    )
    ffa = render_ffa(
        np.random.default_rng([seed, 3]), anatomy, trees, leakage, size
    )

    cameras = np.random.default_rng([seed, 4])
    circular = bool(cameras.random() < 0.5)
    matrix = _misalign(cameras, size, misalignment)
    to_ffa = np.eye(3)
    to_ffa[:2, 2] = (size - canvas) / 2
    to_fundus = np.linalg.inv(matrix) @ to_ffa

    def look(scene: np.ndarray, camera: np.ndarray, how: int) -> np.ndarray:
        return cv2.warpAffine(
            scene, camera[:2], (size, size), flags=how,
            borderMode=cv2.BORDER_REPLICATE,
        )  # fmt: skip

    vessel_mask = look(trees["mask"], to_ffa, cv2.INTER_LINEAR) > 0.5
    leakage_mask = look(leakage.mask, to_ffa, cv2.INTER_NEAREST) > 0
    fundus = _develop(
        cameras, look(fundus, to_fundus, cv2.INTER_CUBIC), circular, 0.01
    )
    ffa = _develop(cameras, look(ffa, to_ffa, cv2.INTER_CUBIC), circular, 0.02)
    return PhantomPair(
        fundus=fundus,
        ffa=ffa[..., None],
        matrix=matrix,
        vessel_mask=vessel_mask[..., None].astype(np.uint8),
        leakage_mask=leakage_mask[..., None].astype(np.uint8),
        category=category,
    )


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


def _develop(
    rng: np.random.Generator, light: np.ndarray, circular: bool, noise: float
) -> np.ndarray:
    """Add what the camera adds: uneven light, its field, blur and noise."""
    size = light.shape[0]
    at = (np.arange(size, dtype=np.float32) - (size - 1) / 2) / size
    centre = rng.normal(0, 0.06, 2)
    off_axis = np.hypot(at[None, :] - centre[0], at[:, None] - centre[1])
    fall_off = 1.06 - rng.uniform(0.5, 1.1) * off_axis**2
    radius = np.hypot(at[None, :], at[:, None])
    if light.ndim == 3:
        fall_off, radius = fall_off[..., None], radius[..., None]
    image = cv2.GaussianBlur(light, (0, 0), max(0.3, 0.0008 * size))
    image = image.reshape(light.shape) * fall_off
    grain = rng.standard_normal(light.shape, dtype=np.float32)
    image = image + noise * grain * (0.4 + np.sqrt(image.clip(0, 1)))
    if circular:
        image = image * ((0.488 - radius) * size + 0.5).clip(0, 1)
    return np.round(255 * image.clip(0, 1)).astype(np.uint8)
