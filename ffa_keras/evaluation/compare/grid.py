"""The figure of the comparison: images, and zooms on the largest leakage."""

from collections.abc import Sequence

import cv2
import numpy as np

from ffa_keras.evaluation.eyes import HeldOut
from ffa_keras.evaluation.figures import in_turn
from ffa_keras.evaluation.measures.leakage import leaking_regions
from ffa_keras.images.pictures import picture_row, stack_rows, to_rgb

_TILE = 160
_CASES = 4
# Side of the zoom box, as a share of the image's shorter side.
_BOX = 0.3
_FRAME = (255, 210, 0)


class LeakingCases:
    """Keeps the few cases that leak most, of each category in turn."""

    def __init__(self) -> None:
        self._kept: list[tuple[tuple[int, HeldOut], str]] = []

    def add(self, case: HeldOut) -> None:
        """Keep a case, if it leaks more than those that were kept.

        A case that is not among the chosen of some cases is not among those of
        more cases either.
        """
        area = int(leaking_regions(case.eye).sum())
        ranked = sorted(
            [*self._kept, ((area, case), case.category)],
            key=lambda kept: -kept[0][0],
        )
        self._kept = in_turn(ranked, _CASES)

    @property
    def cases(self) -> list[HeldOut]:
        """Those that leak most of each category, then the next."""
        return [case for (_, case), _ in self._kept]


def comparison_grid(
    cases: Sequence[HeldOut], systems: Sequence[str]
) -> np.ndarray:
    """Draw a row of images and a row of zooms for each case.

    Fundus, real FFA and the prediction of each system, as in Figures 5 and 6
    of the paper.

    Args:
        cases: what is shown.
        systems: whose predictions are shown.

    Returns:
        uint8 [H, W, 3], RGB.
    """
    rows = []
    for case in cases:
        top, left, side = leakage_box(case)
        images = {"fundus": case.eye.fundus, "real FFA": to_rgb(case.eye.real)}
        images |= {name: to_rgb(case.predictions[name]) for name in systems}
        framed, zooms = {}, {}
        for name, image in images.items():
            zooms[f" {name}"] = _tile(
                image[top : top + side, left : left + side]
            )
            picture = np.array(image)
            corner = (left + side - 1, top + side - 1)
            width = max(1, picture.shape[1] // 150)
            cv2.rectangle(picture, (left, top), corner, _FRAME, width)
            framed[name] = _tile(picture)
        rows += [picture_row(framed), picture_row(zooms)[-_TILE:]]
    return stack_rows(rows, gap=4)


def leakage_box(case: HeldOut) -> tuple[int, int, int]:
    """Return top, left and side of a square around the largest leakage.

    Args:
        case: its truth mask is used if there is one, else the broad leaks of
            the real FFA; without leakage the box lies in the middle.
    """
    regions = leaking_regions(case.eye).astype(np.uint8)
    height, width = regions.shape
    side = max(8, round(_BOX * min(height, width)))
    count, _, stats, centres = cv2.connectedComponentsWithStats(regions)
    centre = np.array([width / 2, height / 2])
    if count > 1:
        centre = centres[1 + stats[1:, cv2.CC_STAT_AREA].argmax()]
    left, top = (
        int(np.clip(round(c - side / 2), 0, limit - side))
        for c, limit in zip(centre, (width, height), strict=True)
    )
    return top, left, side


def _tile(image: np.ndarray) -> np.ndarray:
    larger = image.shape[0] < _TILE
    return cv2.resize(
        image,
        (round(_TILE * image.shape[1] / image.shape[0]), _TILE),
        interpolation=cv2.INTER_CUBIC if larger else cv2.INTER_AREA,
    )
