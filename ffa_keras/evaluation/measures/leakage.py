"""Does a predicted FFA leak where the eye does, and nowhere else?"""

import dataclasses

import cv2
import numpy as np

from ffa_keras.evaluation.measures.base import Eye, Measure, Metric
from ffa_keras.evaluation.measures.broad_leaks import broad_leaks
from ffa_keras.evaluation.measures.disc import locate_disc
from ffa_keras.evaluation.measures.dots import find_dots
from ffa_keras.evaluation.measures.matching import (
    Findings,
    match_dots,
    meetings,
    numbers_of,
    strangers,
)
from ffa_keras.evaluation.measures.overlap import dice

# As a share of the field's area: smaller true leaks are dots, larger ones are
# small up to a hundredth.
LEAST_REGION = 0.0015
LARGE_REGION = 0.01
# As a share of the field's diameter: how far a dot may be off; how near the
# disc's middle a region comes that makes the disc glow; and how far the disc's
# own glow reaches, where the field is narrow and the place a guess.
_DOT_TOLERANCE = 0.0125
_AT_DISC = 0.06
_DISC_REACH = 0.15
_FROC_DOTS = 4
_SECTION = "Leakage"
_METRICS = (
    Metric(
        "leak_dice", "Dice of broad leaks, disc included", 3, 1, _SECTION, True
    ),
    Metric("leak_found_large", "large leaks found (share)", 3, 1, _SECTION),
    Metric("leak_found_small", "small leaks found (share)", 3, 1, _SECTION),
    Metric("leak_invented", "broad leaks invented", 2, -1, _SECTION, True),
    Metric("leak_invented_area", "area invented (% of field)", 2, -1, _SECTION),
    Metric("disc_found", "glowing disc found (share)", 3, 1, _SECTION),
    Metric("disc_invented", "glowing disc invented (share)", 3, -1, _SECTION),
    Metric("dots_found", "dots found (share)", 3, 1, _SECTION),
    Metric(
        "dots_found_at_4", "dots found at 4 invented (share)", 3, 1, _SECTION
    ),
    Metric("dots_invented", "dots invented", 1, -1, _SECTION),
)


@dataclasses.dataclass(frozen=True)
class Leaks:
    """What leaks in an image.

    Attributes:
        labels: [H, W], the number of the broad region, 0 outside of all.
        contrast: float64 [N], of each region.
        dots: float64 [M, 3], x, y in pixels and rise of each dot.
    """

    labels: np.ndarray
    contrast: np.ndarray
    dots: np.ndarray


def find_leaks(ffa: np.ndarray, inside: np.ndarray) -> Leaks:
    """Find the broad regions and the dots of an angiogram that leak.

    Args:
        ffa: uint8 [H, W, 1] or [H, W].
        inside: bool [H, W], the field of view.
    """
    broad = broad_leaks(ffa, inside)
    return Leaks(broad.labels, broad.contrast, find_dots(ffa, inside))


def true_leaks(mask: np.ndarray, inside: np.ndarray) -> Leaks:
    """Return the leaks of a known mask, as `find_leaks` would.

    Args:
        mask: bool [H, W], where the eye leaks.
        inside: bool [H, W], the field of view.
    """
    _, labels, stats, centres = cv2.connectedComponentsWithStats(
        (mask & inside).astype(np.uint8)
    )
    large = stats[:, cv2.CC_STAT_AREA] >= LEAST_REGION * inside.sum()
    large[0] = False
    number = np.where(large, np.cumsum(large), 0)
    dots = centres[1:][~large[1:]]
    ones = np.ones((len(dots), 1))
    return Leaks(
        number[labels], np.ones(int(large.sum())), np.hstack([dots, ones])
    )


class LeakageReference:
    """What a predicted FFA has to show, measured once for an eye.

    Args:
        real: uint8 [H, W, 1], the real FFA.
        inside: bool [H, W], the field of view.
        truth: bool [H, W], where the eye leaks, known of phantoms; `None`
            takes what leaks in the real image instead.

    Attributes:
        disc: bool [H, W], the middle of the optic disc.
    """

    def __init__(
        self,
        real: np.ndarray,
        inside: np.ndarray,
        truth: np.ndarray | None = None,
    ):
        shown = find_leaks(real, inside)
        self._inside = inside
        self._diameter = 2 * np.sqrt(inside.sum() / np.pi)
        self._leaks = shown if truth is None else true_leaks(truth, inside)
        self._shown = shown
        off = _from_disc(real, inside) / self._diameter
        self.disc = off <= _AT_DISC
        self._near_disc = off <= _DISC_REACH
        self._glows = any(
            _touching(leaks.labels, self.disc) for leaks in (shown, self._leaks)
        )

    def compare(self, fake: np.ndarray) -> dict[str, float]:
        """Say what of it a prediction shows, and what it invents.

        A prediction does not invent what the real FFA shows, though it may be
        no leak (of phantoms the truth is known): the disc, a thick vessel. So
        the real FFA itself invents nothing, whatever it shows.

        A region is the disc's, and not off the disc, if it reaches the disc's
        middle and half of it lies within 15 % of the field's diameter of that.

        Args:
            fake: uint8 [H, W, 1].

        Returns:
            `leak_dice` of the broad regions, 0 where one side has none, NaN
            where both have none; `leak_found_small` and `leak_found_large`,
            the share of true regions off the disc that were found, below and
            from 1 % of the field, NaN where there are none; `leak_invented`,
            the number of regions off the disc that are not there, and
            `leak_invented_area`, the area that glows where neither the truth
            nor the real FFA does, around what was found too, but for what of
            a glowing disc lies within that distance, per cent of the field;
            `disc_found`, 1 if the disc glows in both, NaN where it does not in
            truth; `disc_invented`, the reverse; `dots_found`, the share of
            dots found, and `dots_found_at_4`, taken from the clearest on until
            the fifth invented one, NaN where there are none; `dots_invented`,
            their number.
        """
        found = self.findings(fake)
        area = max(int(self._inside.sum()), 1)
        sizes = np.bincount(found.true.ravel(), minlength=2)
        large = {n for n in found.wanted if sizes[n] >= LARGE_REGION * area}
        small = found.wanted - large
        nan = float("nan")
        dots = len(self._leaks.dots)
        # Before the invented one that is too many.
        early = found.dots_hit[np.cumsum(found.dots_invented) <= _FROC_DOTS]
        counted = [*found.hits, *found.unknown]
        return {
            "leak_dice": dice(found.true > 0, np.isin(found.labels, counted)),
            "leak_found_small": _share(len(small & found.met), len(small)),
            "leak_found_large": _share(len(large & found.met), len(large)),
            "leak_invented": float(len(found.invented)),
            "leak_invented_area": 100 * self._glow_too_much(found) / area,
            "disc_found": float(found.glows) if self._glows else nan,
            "disc_invented": nan if self._glows else float(found.glows),
            "dots_found": _share(found.dots_hit.sum(), dots),
            "dots_found_at_4": _share(early.sum(), dots),
            "dots_invented": float(found.dots_invented.sum()),
        }

    def _glow_too_much(self, found: Findings) -> int:
        """Return in pixels how much more glows off the disc than in truth."""
        excess = (found.labels > 0) & (found.true == 0)
        excess &= self._shown.labels == 0
        glowing = [*_touching(found.labels, self.disc)]
        at_disc = self._near_disc & np.isin(found.labels, glowing)
        return int((excess & ~at_disc).sum())

    def _of_disc(self, labels: np.ndarray) -> set[int]:
        """Return the numbers of the regions that are the disc's."""
        return {
            number
            for number in _touching(labels, self.disc)
            if self._near_disc[labels == number].mean() >= 0.5
        }

    def findings(self, fake: np.ndarray) -> Findings:
        """Say of every region and dot of a prediction whether it is there.

        Args:
            fake: uint8 [H, W, 1].
        """
        found = find_leaks(fake, self._inside)
        true = self._leaks.labels
        met = meetings(found.labels, true)
        unknown = strangers(found.labels, (true > 0) | (self._shown.labels > 0))
        matched, false, missed = match_dots(
            self._leaks.dots,
            found.dots,
            _DOT_TOLERANCE * self._diameter,
            self._shown.dots,
        )
        return Findings(
            true,
            found.labels,
            found.contrast,
            set(numbers_of(true)) - self._of_disc(true),
            # The clearest region has the lowest number, and comes last here.
            {other: one for one, other in reversed(met)},
            {one for one, _ in met},
            unknown,
            unknown - self._of_disc(found.labels),
            bool(_touching(found.labels, self.disc)),
            found.dots,
            matched,
            false,
            missed,
        )


def reference_of(eye: Eye) -> LeakageReference:
    """Find where an eye leaks, to compare a prediction's leakage with it.

    Args:
        eye: its `real` and `mask` are used, and `leakage` if that is known.
    """
    truth = None if eye.leakage is None else eye.leakage[..., 0]
    return LeakageReference(eye.real, eye.mask[..., 0], truth)


LEAKAGE = Measure("leakage", _METRICS, lambda eye: reference_of(eye).compare)


def leaking_regions(eye: Eye) -> np.ndarray:
    """Return where an eye leaks, as known or by its real FFA, bool [H, W]."""
    inside = eye.mask[..., 0]
    if eye.leakage is not None:
        return eye.leakage[..., 0] & inside
    return broad_leaks(eye.real, inside).labels > 0


def _from_disc(real: np.ndarray, inside: np.ndarray) -> np.ndarray:
    """Return how far each pixel lies from the disc, infinite if not located."""
    point = locate_disc(real, inside)
    if point is None:
        return np.full(inside.shape, np.inf)
    x, y = (np.arange(side) for side in inside.shape[::-1])
    return np.hypot(x - point[0], y[:, None] - point[1])


def _touching(labels: np.ndarray, area: np.ndarray) -> set[int]:
    """Return the numbers of regions that reach into an area."""
    return set(numbers_of(labels[area]))


def _share(found: int, of: int) -> float:
    return float(found) / of if of else float("nan")
