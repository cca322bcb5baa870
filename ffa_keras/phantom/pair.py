"""Two misaligned pictures of one phantom eye, and the truth about it."""

import dataclasses

import cv2
import numpy as np

from ffa_keras.phantom.anatomy import grow
from ffa_keras.phantom.camera import (
    angiogram,
    field_of_view,
    photograph,
)
from ffa_keras.phantom.findings import find
from ffa_keras.phantom.leakage import leak
from ffa_keras.phantom.rendering import (
    Scene,
    render_ffa,
    render_fundus,
)
from ffa_keras.phantom.trees import vessel_trees


@dataclasses.dataclass(frozen=True)
class PhantomPair:
    """A fundus photograph and an FFA of the same phantom eye.

    Attributes:
        fundus: uint8 [S, S, 3], RGB, not aligned with the rest.
        ffa: uint8 [S, S, 1].
        matrix: float64 [3, 3], fundus (x, y, 1) to FFA (x, y, 1), exact.
        vessel_mask: uint8 [S, S, 1], 1 on vessels, in the frame of the FFA.
        leakage_mask: uint8 [S, S, 1], 1 on leakage, in the frame of the FFA.
        category: class of leakage.
        leakage_hidden: whether it leaks though the photograph shows no cause.
    """

    fundus: np.ndarray
    ffa: np.ndarray
    matrix: np.ndarray
    vessel_mask: np.ndarray
    leakage_mask: np.ndarray
    category: str
    leakage_hidden: bool


def make_pair(
    seed: int,
    category: str,
    size: int = 768,
    misalignment: float = 1.0,
    matrix: np.ndarray | None = None,
    phase: str = "recirculation",
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
        phase: of the angiogram: `"arteriovenous"`, within the first minute,
            `"recirculation"` or `"late"`, after five minutes. Defaults to
            `"recirculation"`.

    Returns:
        The pair.

    Raises:
        InputError: no such category or phase.
    """
    cameras = np.random.default_rng([seed, 5])
    field = field_of_view(cameras, size)
    drawn = _misalign(cameras, size, misalignment)
    matrix = drawn if matrix is None else np.asarray(matrix, np.float64)
    canvas = _canvas_for(matrix, size)

    scene = _draw(seed, category, size, canvas)
    rngs = [np.random.default_rng([seed, part]) for part in (3, 4)]
    fundus = render_fundus(rngs[0], scene)
    ffa = render_ffa(rngs[1], scene, phase)

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
        fundus=photograph(cameras, fundus, field),
        ffa=angiogram(cameras, ffa[middle], field)[..., None],
        matrix=matrix,
        vessel_mask=_truth(scene.trees["mask"][middle] > 0.5, inside),
        leakage_mask=_truth(scene.leakage.mask[middle], inside),
        category=category,
        leakage_hidden=scene.leakage.hidden,
    )


def _draw(seed: int, category: str, size: int, canvas: int) -> Scene:
    """Return the eye with all that is in it."""
    eye, leaks, twigs = (np.random.default_rng([seed, i]) for i in range(3))
    anatomy = grow(eye)
    return Scene(
        anatomy=anatomy,
        leakage=leak(leaks, category, anatomy, size, canvas),
        trees=vessel_trees(twigs, anatomy, size, canvas),
        findings=find(np.random.default_rng([seed, 6]), anatomy, size, canvas),
        size=size,
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


def _canvas_for(matrix: np.ndarray, size: int) -> int:
    """Return the side of the canvas on which both cameras stay."""
    last = size - 1
    corners = np.array([[0, last, 0, last], [0, 0, last, last], [1, 1, 1, 1]])
    beyond = np.abs((matrix @ corners)[:2] - last / 2).max() - last / 2
    return size + 2 * int(max(0.0, beyond) + 0.03 * size + 2)


def _truth(mask: np.ndarray, inside: np.ndarray) -> np.ndarray:
    return (mask & inside)[..., None].astype(np.uint8)
