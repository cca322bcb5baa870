"""The pictures of a report: a row of tiles a case, and an overview."""

import base64
import math
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TypeVar

import numpy as np

from ffa_keras.evaluation.eyes import HeldOut
from ffa_keras.evaluation.froc import Froc
from ffa_keras.evaluation.measures import Metric
from ffa_keras.evaluation.measures.leakage import reference_of
from ffa_keras.evaluation.page import Illustrations
from ffa_keras.evaluation.regions import draw_generated, draw_real
from ffa_keras.evaluation.rendering import number
from ffa_keras.evaluation.results import ImageScores
from ffa_keras.images.files import decode_png, write_png
from ffa_keras.images.pictures import (
    case_panel,
    encode_jpeg,
    in_two_rows,
    shrink,
    stack_rows,
)

# Wider frames are shrunk in the pictures only.
_TILE_WIDTH = 400
_OVERVIEW_CASES = 8
_PAGE_CASES = 24
# Brightness, which no photograph tells, chooses no case.
CHOSEN_BY = "psnr_fitted"
Item = TypeVar("Item")


class Figures:
    """Writes a picture of each case, and shows some of them together.

    Args:
        folder: where to; gets a `PAIR.png` for each case.
        leaks: whether leaks are sought, drawn and counted.
    """

    def __init__(self, folder: Path, leaks: bool = True):
        self._folder = folder
        folder.mkdir(parents=True)
        self._cases: list[tuple[str, str]] = []
        self._froc = Froc() if leaks else None

    def add(self, case: HeldOut, system: str) -> None:
        """Draw a case with the prediction of a system; of patches only some."""
        if not self._froc and len(self._cases) >= _PAGE_CASES:
            return
        eye, predicted = case.eye, case.predictions[system]
        pictures = eye.real, predicted
        if self._froc:
            found = reference_of(eye).findings(predicted)
            self._froc.add(found)
            pictures = (
                draw_real(eye.real, found),
                draw_generated(predicted, found),
            )
        mask = eye.mask.astype(np.uint8) * 255
        fundus, real, fake, mask, *drawn = (
            shrink(image, _TILE_WIDTH)
            for image in (eye.fundus, eye.real, predicted, mask, *pictures)
        )
        panel = case_panel(fundus, real, fake, mask > 127, drawn)
        write_png(self._folder / f"{case.pair}.png", panel)
        self._cases.append((case.pair, case.category))

    def illustrations(
        self, images: Sequence[ImageScores], metrics: Sequence[Metric]
    ) -> Illustrations:
        """Return what the page shows, some two dozen cases at most.

        Args:
            images: what the system scored.
            metrics: of all measures; the cases are chosen by `CHOSEN_BY`.
        """
        metric = next(m for m in metrics if m.name == CHOSEN_BY)
        drawn = {pair for pair, _ in self._cases}
        ranked = sorted(
            (
                image
                for image in images
                if image.pair in drawn
                and not math.isnan(image.scores[CHOSEN_BY])
            ),
            key=lambda image: metric.best * image.scores[CHOSEN_BY],
        )
        chosen: dict[str, str] = {}
        for word, at in (("Worst", 0), ("Median", 0.5), ("Best", 1)):
            if ranked:
                image = ranked[round(at * (len(ranked) - 1))]
                score = image.scores[CHOSEN_BY]
                value = "no error"
                if math.isfinite(score):
                    value = number(score, metric)
                chosen.setdefault(image.pair, f"{word}: {image.pair}, {value}")
        more = [
            (pair, category)
            for pair, category in self._cases
            if pair not in chosen
        ]
        return Illustrations(
            {title: self._address(pair) for pair, title in chosen.items()},
            f", by {metric.label}",
            {
                ", ".join(filter(None, case)): self._address(case[0])
                for case in in_turn(more, _PAGE_CASES - len(chosen))
            },
            self._froc.chart() if self._froc else "",
        )

    def write_overview(self) -> None:
        """Write `overview.png`: the first cases of each category in turn."""
        rows = [self._read(p) for p, _ in in_turn(self._cases, _OVERVIEW_CASES)]
        write_png(self._folder / "overview.png", stack_rows(rows))

    def _address(self, pair: str) -> str:
        # Six tiles side by side would be too small on a page.
        jpeg = encode_jpeg(in_two_rows(self._read(pair)))
        return f"data:image/jpeg;base64,{base64.b64encode(jpeg).decode()}"

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
