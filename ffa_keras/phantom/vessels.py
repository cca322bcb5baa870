"""How a vessel tree grows: trunks leave the disc, branches fill the gaps."""

import dataclasses
import math

import numpy as np

# Lengths are in units of the picture's side.
STEP = 0.007
SMALLEST_RADIUS = 0.0008
# Half the side of the square in which vessels grow.
EXTENT = 0.75
_CELL = 0.028
_AVASCULAR_RADIUS = 0.042
_MACULA_RADIUS = 0.23


@dataclasses.dataclass(frozen=True)
class Vessel:
    """A tapering curve.

    Attributes:
        points: float array [N, 2] of (x, y), units of the picture's side.
        radii: float array [N], likewise.
    """

    points: np.ndarray
    radii: np.ndarray


@dataclasses.dataclass(frozen=True)
class _Bud:
    """Where a branch is to grow from."""

    start: tuple[float, float]
    heading: float
    radius: float


class Territory:
    """The ground the vessels have taken, so that a tree does not overlap."""

    def __init__(self) -> None:
        side = math.ceil(2 * EXTENT / _CELL) + 2
        self._taken = [[False] * side for _ in range(side)]

    def take(self, points: list[list[float]]) -> None:
        """Take the ground under each (x, y)."""
        for x, y in points:
            if self.holds(x, y):
                row, column = self._cell(x, y)
                self._taken[row][column] = True

    def is_free(self, x: float, y: float) -> bool:
        """Return whether the place is inside and not taken."""
        row, column = self._cell(x, y)
        return self.holds(x, y) and not self._taken[row][column]

    @staticmethod
    def holds(x: float, y: float) -> bool:
        """Return whether vessels may grow there at all."""
        return abs(x) < EXTENT and abs(y) < EXTENT

    @staticmethod
    def _cell(x: float, y: float) -> tuple[int, int]:
        return int((y + EXTENT) / _CELL), int((x + EXTENT) / _CELL)


def grow_tree(
    rng: np.random.Generator,
    trunks: list[tuple[np.ndarray, float]],
    disc: np.ndarray,
    fovea: np.ndarray,
    tortuosity: float,
    others: Territory,
) -> list[Vessel]:
    """Grow one tree from its trunks, generation by generation.

    Args:
        rng: source of randomness.
        trunks: points [N, 2] about `STEP` apart and radius at the disc.
        disc: (x, y); branches outside the macula lead away from it.
        fovea: (x, y); branches inside the macula lead to it.
        tortuosity: how much branches wind, about 1.
        others: ground that branches shun where they can; the new tree is
            added to it.

    Returns:
        The vessels, trunks first.
    """
    territory = Territory()
    tree, buds = [], []
    for points, radius in trunks:
        radii, sprouts = _taper(rng, points, radius, 0.115, fovea)
        tree.append(Vessel(points, radii))
        buds += sprouts
        territory.take(points.tolist())
    while buds:
        buds.sort(key=lambda bud: -bud.radius)
        generation, buds = buds, []
        for bud in generation:
            points = _walk(
                rng, bud, (territory, others), disc, fovea, tortuosity
            )
            if len(points) < 5:
                continue
            territory.take(points.tolist())
            radii, sprouts = _taper(rng, points, bud.radius, 0.03, fovea)
            tree.append(Vessel(points, radii))
            buds += sprouts
    for vessel in tree:
        others.take(vessel.points.tolist())
    return tree


def _taper(
    rng: np.random.Generator,
    points: np.ndarray,
    radius: float,
    wait: float,
    fovea: np.ndarray,
) -> tuple[np.ndarray, list[_Bud]]:
    """Choose where branches leave and thin the rest by Murray's law.

    r^3 = r_rest^3 + r_branch^3 (Murray 1926).
    """
    count = len(points)
    away = np.hypot(*(points - fovea).T)
    radii = np.empty(count)
    buds: list[_Bud] = []
    side = rng.choice((-1.0, 1.0))
    for i in range(count):
        radii[i] = radius
        radius = max(radius * 0.9985, 0.8 * SMALLEST_RADIUS)
        wait -= STEP
        if wait > 0 or i + 3 >= count:
            continue
        # Only twigs lead into the macula.
        equal = rng.random() < 0.25 and away[i] > _MACULA_RADIUS
        share = rng.uniform(0.62, 0.8) if equal else rng.uniform(0.3, 0.5)
        angle = rng.uniform(0.55, 0.95) if equal else rng.uniform(0.75, 1.35)
        branch = share * radius
        if branch > SMALLEST_RADIUS:
            along = points[i + 2] - points[i]
            heading = math.atan2(along[1], along[0]) + side * angle
            buds.append(_Bud(tuple(points[i].tolist()), heading, branch))
            radius = (radius**3 - branch**3) ** (1 / 3)
        side = -side if rng.random() < 0.8 else side
        wait = (0.05 + 9 * radius) * rng.uniform(0.5, 1.7)
    tip = np.minimum(1, (count - np.arange(count)) / 10)
    return np.maximum(radii * tip, 0.4 * SMALLEST_RADIUS), buds


def _walk(
    rng: np.random.Generator,
    bud: _Bud,
    territories: tuple[Territory, Territory],
    disc: np.ndarray,
    fovea: np.ndarray,
    tortuosity: float,
) -> np.ndarray:
    """Wind towards the branch's goal; stop where the tree has been."""
    (x, y), heading, turn = bud.start, bud.heading, 0.0
    length = min(0.3, 140 * bud.radius) * rng.uniform(0.6, 1.4)
    noise = rng.normal(0, 0.062 * tortuosity, 4 + int(length / STEP)).tolist()
    (disc_x, disc_y), (fovea_x, fovea_y) = disc.tolist(), fovea.tolist()
    points = [(x, y)]
    for i, kick in enumerate(noise):
        away = math.hypot(fovea_x - x, fovea_y - y)
        if away < _AVASCULAR_RADIUS:
            break
        if away < _MACULA_RADIUS:
            goal, pull = math.atan2(fovea_y - y, fovea_x - x), 0.035
        else:
            goal, pull = math.atan2(y - disc_y, x - disc_x), 0.016
        turn = 0.7 * turn + kick + pull * math.sin(goal - heading)
        if i > 3:
            if away < _MACULA_RADIUS and math.cos(goal - heading) < -0.2:
                break
            swerve = _swerve(territories, x, y, heading + turn)
            if swerve is None:
                break
            turn += swerve
        heading += turn
        x += STEP * math.cos(heading)
        y += STEP * math.sin(heading)
        points.append((x, y))
    return np.array(points)


def _swerve(
    territories: tuple[Territory, Territory], x: float, y: float, heading: float
) -> float | None:
    """Return the turn that avoids taken ground, or nothing if there is none."""
    own, others = territories
    ahead, fallback = 0.038, None
    for turn in (0.0, 0.5, -0.5):
        direction = heading + turn
        there = x + ahead * math.cos(direction), y + ahead * math.sin(direction)
        if own.is_free(*there):
            if others.is_free(*there):
                return 0.25 * turn
            fallback = 0.25 * turn if fallback is None else fallback
    return fallback
