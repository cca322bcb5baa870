"""The eye behind a phantom pair: disc, fovea and the two vessel trees."""

import dataclasses

import cv2
import numpy as np

# Lengths are in units of the picture's side; see `Anatomy`.
_STEP = 0.006
_SMALLEST_RADIUS = 0.0009
# Trunks as way points from the disc, x towards the fovea, y up or down.
_TEMPORAL = (
    (0, 0),
    (0.03, 0.13),
    (0.16, 0.25),
    (0.36, 0.27),
    (0.58, 0.16),
    (0.8, 0.1),
)
_NASAL = ((0, 0), (-0.05, 0.1), (-0.17, 0.2), (-0.33, 0.28), (-0.5, 0.42))
_MACULAR = ((0, 0), (0.06, 0.045), (0.13, 0.07), (0.2, 0.06))


@dataclasses.dataclass(frozen=True)
class Vessel:
    """A tapering curve.

    Attributes:
        points: float array [N, 2] of (x, y), units of the picture's side.
        radii: float array [N], likewise.
        artery: whether it belongs to the arterial tree.
    """

    points: np.ndarray
    radii: np.ndarray
    artery: bool


@dataclasses.dataclass(frozen=True)
class Anatomy:
    """Where things lie, in units of the picture's side, centre at (0, 0).

    Attributes:
        disc: (x, y) of the optic disc.
        disc_radius: its radius.
        fovea: (x, y).
        vessels: both trees.
    """

    disc: np.ndarray
    disc_radius: float
    fovea: np.ndarray
    vessels: tuple[Vessel, ...]


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
    middle = rng.normal(0, (0.035, 0.025))
    distance = rng.uniform(0.29, 0.35)
    disc = middle - axis * distance * rng.uniform(0.55, 0.8)
    fovea = disc + axis * distance + np.array([0, 0.02])
    frame = np.stack([axis, [0.0, 1.0]])
    disc_radius = rng.uniform(0.06, 0.075)
    vessels: list[Vessel] = []
    for artery in (False, True):
        for side in (-1.0, 1.0):
            for way, scale in (
                (_TEMPORAL, 1.0),
                (_NASAL, 0.8),
                (_MACULAR, 0.42),
            ):
                trunk = _trunk(rng, way, side, artery, scale, disc, frame)
                vessels += _with_branches(rng, trunk, fovea, depth=0)
    return Anatomy(disc, disc_radius, fovea, tuple(vessels))


def coverage(
    anatomy: Anatomy, size: int, canvas: int, artery: bool, width: float = 1.0
) -> np.ndarray:
    """Return how much of each pixel one of the vessel trees covers.

    Args:
        anatomy: the eye.
        size: pixels in the picture's side, the unit of length.
        canvas: side of the array, pixels; its centre is the eye's.
        artery: which tree.
        width: factor on every radius.

    Returns:
        float32 array [canvas, canvas], 0 to 1.
    """
    fine = 2 if size >= 384 else 4
    shift = 4
    picture = np.zeros((canvas * fine, canvas * fine), np.uint8)
    for vessel in anatomy.vessels:
        if vessel.artery != artery:
            continue
        at = (vessel.points * size + canvas / 2) * fine * 2**shift
        at = np.round(at).astype(np.int32)
        thickness = vessel.radii * (2 * size * fine * width)
        for start, end, thick in zip(at[:-1], at[1:], thickness, strict=False):
            cv2.line(
                picture,
                start,
                end,
                255,
                max(1, round(thick)),
                cv2.LINE_AA,
                shift,
            )
    small = cv2.resize(picture, (canvas, canvas), interpolation=cv2.INTER_AREA)
    return small.astype(np.float32) / 255


def _trunk(rng, way, side, artery, scale, disc, frame) -> Vessel:
    way = np.array(way) * [1, side]
    jitter = rng.normal(0, 0.016, way.shape)
    jitter[0] = rng.normal(0, 0.008, 2)
    # Arteries and veins of a pair run side by side and cross here and there.
    spread = (0.016 if artery else -0.01) * np.linspace(0.3, 1, len(way))
    points = way * rng.uniform(0.92, 1.1) + jitter
    points[:, 1] += side * spread
    points = _smooth_curve(points) @ frame + disc
    radius = (0.0048 if artery else 0.0064) * scale * rng.uniform(0.85, 1.1)
    radii = radius * np.linspace(1, 0.42, len(points))
    return Vessel(_wiggle(rng, points, artery), radii, artery)


def _with_branches(rng, parent: Vessel, fovea, depth: int) -> list[Vessel]:
    family = [parent]
    if depth == 3:
        return family
    length = len(parent.points)
    index = int(rng.integers(9, 18) if depth == 0 else rng.integers(5, 12))
    side = rng.choice((-1.0, 1.0))
    while index < length - 4:
        radius = parent.radii[index]
        child_radius = radius * rng.uniform(0.42, 0.72)
        if child_radius < _SMALLEST_RADIUS:
            break
        ahead = parent.points[index + 2] - parent.points[index]
        heading = np.arctan2(ahead[1], ahead[0]) + side * rng.uniform(
            0.35, 0.85
        )
        child = _wander(
            rng,
            parent.points[index],
            heading,
            child_radius,
            fovea,
            parent.artery,
        )
        if len(child.points) > 5:
            family += _with_branches(rng, child, fovea, depth + 1)
        side = -side if rng.random() < 0.75 else side
        index += int(rng.integers(8, 22))
    return family


def _wander(rng, start, heading, radius, fovea, artery) -> Vessel:
    """Walk on with slowly changing curvature; end before the fovea."""
    steps = int(rng.uniform(30, 80) * (radius / 0.005) ** 0.5)
    points, turn = [start], 0.0
    for _ in range(steps):
        turn = 0.8 * turn + rng.normal(0, 0.032)
        to_fovea = fovea - points[-1]
        distance = np.hypot(*to_fovea)
        bearing = np.arctan2(to_fovea[1], to_fovea[0]) - heading
        if distance < 0.055:
            break
        if distance < 0.25 and np.cos(bearing) > 0.2:
            turn += 0.01 * np.sin(bearing)  # macular branches seek the fovea
        heading += turn
        step = _STEP * np.array([np.cos(heading), np.sin(heading)])
        points.append(points[-1] + step)
        if np.abs(points[-1]).max() > 0.72:
            break
    radii = np.maximum(
        radius * np.linspace(1, 0.4, len(points)), _SMALLEST_RADIUS * 0.6
    )
    return Vessel(np.array(points), radii, artery)


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
    even = np.arange(0, travelled[-1], _STEP)
    return np.stack(
        [np.interp(even, travelled, curve[:, i]) for i in range(2)], axis=1
    )


def _wiggle(rng, points: np.ndarray, artery: bool) -> np.ndarray:
    """Add the gentle tortuosity of real vessels across their course."""
    count = len(points)
    at = np.linspace(0, 1, count)
    sway = sum(
        rng.normal(0, amplitude) * np.sin(np.pi * (cycles * at + rng.random()))
        for cycles, amplitude in ((5, 0.0045), (11, 0.0025), (23, 0.0012))
    )
    sway *= np.minimum(1, at * 8) * (1.0 if artery else 0.8)
    along = np.gradient(points, axis=0)
    along /= np.linalg.norm(along, axis=1, keepdims=True) + 1e-9
    return points + sway[:, None] * along[:, ::-1] * [-1, 1]
