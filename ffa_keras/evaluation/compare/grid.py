"""The figure of the comparison: images, and zooms on the largest leakage."""

import cv2
import numpy as np

from ffa_keras.data.pictures import picture_row, to_rgb
from ffa_keras.evaluation.judging import Case
from ffa_keras.evaluation.leakage import salient_regions

_TILE = 160
_CASES = 4
# Side of the zoom box, as a share of the image's shorter side.
_BOX = 0.3
_FRAME = (255, 210, 0)


def comparison_grid(cases: list[Case], methods: list[str]) -> np.ndarray:
    """Draw a row of images and a row of zooms for the cases that leak most.

    Fundus, real FFA and the answer of each system, as in Figures 5 and 6 of
    the paper; one case of each category in turn.

    Args:
        cases: that were judged.
        methods: whose answers are shown.

    Returns:
        uint8 [H, W, 3], RGB.
    """
    rows = []
    for case in _chosen(cases):
        top, left, side = leakage_box(case)
        images = {"fundus": case.fundus, "real FFA": to_rgb(case.real)}
        images |= {name: to_rgb(case.fakes[name]) for name in methods}
        framed, zooms = {}, []
        for name, image in images.items():
            picture = np.ascontiguousarray(image)
            zooms.append(picture[top : top + side, left : left + side])
            picture = picture.copy()
            corner = (left + side - 1, top + side - 1)
            width = max(1, picture.shape[1] // 150)
            cv2.rectangle(picture, (left, top), corner, _FRAME, width)
            framed[name] = _tile(picture)
        row = picture_row(framed)
        gap = np.full((4, row.shape[1], 3), 255, np.uint8)
        zoomed = picture_row(
            {f" {n}": _tile(z) for n, z in zip(framed, zooms, strict=True)}
        )[-_TILE:]
        rows += [row, gap, zoomed, gap]
    width = max(row.shape[1] for row in rows)
    return np.vstack(
        [
            np.pad(
                row,
                ((0, 0), (0, width - row.shape[1]), (0, 0)),
                constant_values=255,
            )
            for row in rows
        ]
    )


def leakage_box(case: Case) -> tuple[int, int, int]:
    """Return top, left and side of a square around the largest leakage.

    Args:
        case: its truth mask is used if there is one, else the salient regions
            of the real FFA; without leakage the box lies in the middle.
    """
    regions = leakage_regions(case).astype(np.uint8)
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


def leakage_regions(case: Case) -> np.ndarray:
    """Return where a case leaks, bool [H, W]."""
    if case.leakage is not None:
        return (case.leakage & case.mask)[..., 0]
    return salient_regions(case.real, case.mask[..., 0])


def _chosen(cases: list[Case]) -> list[Case]:
    """Return the case of each category that leaks most, then the next."""
    by_category: dict[str, list[Case]] = {}
    for case in sorted(cases, key=lambda c: -leakage_regions(c).sum()):
        by_category.setdefault(case.category, []).append(case)
    turns = max(map(len, by_category.values()))
    return [
        members[turn]
        for turn in range(turns)
        for members in by_category.values()
        if turn < len(members)
    ][:_CASES]


def _tile(image: np.ndarray) -> np.ndarray:
    larger = image.shape[0] < _TILE
    return cv2.resize(
        image,
        (round(_TILE * image.shape[1] / image.shape[0]), _TILE),
        interpolation=cv2.INTER_CUBIC if larger else cv2.INTER_AREA,
    )
