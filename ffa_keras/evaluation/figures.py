"""The pictures of a report: a row of tiles a case, and an overview."""

import base64
from collections.abc import Iterable
from pathlib import Path
from typing import TypeVar

import numpy as np

from ffa_keras.evaluation.judging import Case
from ffa_keras.images.files import decode_png, write_png
from ffa_keras.images.pictures import (
    case_panel,
    encode_jpeg,
    shrink,
    stack_rows,
)

# Wider frames are shrunk in the pictures only.
_TILE_WIDTH = 400
_PAGE_WIDTH = 1600
_OVERVIEW_CASES = 8
_PAGE_CASES = 24
Item = TypeVar("Item")


class Figures:
    """Writes a picture of each case, and shows some of them together.

    Args:
        folder: where to; gets a `PAIR.png` for each case.
    """

    def __init__(self, folder: Path):
        self._folder = folder
        folder.mkdir(parents=True)
        self._cases: list[tuple[str, str]] = []

    def add(self, case: Case, system: str) -> None:
        """Draw a case with the prediction of a system."""
        images = [case.eye.fundus, case.eye.real, case.predictions[system]]
        mask = case.eye.mask.astype(np.uint8) * 255
        fundus, real, predicted, mask = (
            shrink(image, _TILE_WIDTH) for image in (*images, mask)
        )
        panel = case_panel(fundus, real, predicted, mask > 127)
        write_png(self._folder / f"{case.pair}.png", panel)
        self._cases.append((case.pair, case.category))

    def write_overview(self) -> None:
        """Write `overview.png`: the first cases of each category in turn."""
        rows = [self._read(p) for p, _ in in_turn(self._cases, _OVERVIEW_CASES)]
        write_png(self._folder / "overview.png", stack_rows(rows))

    def for_page(self) -> dict[str, str]:
        """Return cases of each category in turn, at most some two dozen.

        Returns:
            JPEG pictures as `data:` addresses, by title.
        """
        return {
            f"{pair}, {category}": data_address(
                shrink(self._read(pair), _PAGE_WIDTH)
            )
            for pair, category in in_turn(self._cases, _PAGE_CASES)
        }

    def _read(self, pair: str) -> np.ndarray:
        return decode_png((self._folder / f"{pair}.png").read_bytes())


def in_turn(
    cases: Iterable[tuple[Item, str]], limit: int
) -> list[tuple[Item, str]]:
    """Choose cases: the first of each category, then the second, and so on.

    Args:
        cases: with the category of each; categories come in the order in which
            they appear.
        limit: how many to choose at most.
    """
    turns: dict[str, int] = {}
    ranked = []
    for case in cases:
        turn = turns[case[1]] = turns.get(case[1], -1) + 1
        ranked.append((turn, list(turns).index(case[1]), case))
    ranked.sort(key=lambda rank: rank[:2])
    return [case for _, _, case in ranked[:limit]]


def data_address(rgb: np.ndarray) -> str:
    """Return a picture, uint8 [H, W, 3] RGB, as a `data:` address."""
    encoded = base64.b64encode(encode_jpeg(rgb)).decode()
    return f"data:image/jpeg;base64,{encoded}"
