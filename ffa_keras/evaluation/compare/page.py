"""A page to leaf through the cases, and the pictures beside it."""

import html
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from ffa_keras.evaluation.compare.paired import Comparison
from ffa_keras.evaluation.eyes import HeldOut
from ffa_keras.evaluation.rendering import (
    fill,
    heading,
    html_table,
    section_rows,
)
from ffa_keras.evaluation.results import ALL
from ffa_keras.images.pictures import (
    difference_picture,
    encode_jpeg,
    saliency_picture,
    shrink,
    to_rgb,
)

# Wider frames are shrunk.
_WIDTH = 640


class CasePictures:
    """Writes the pictures of one case after the other, as the page needs them.

    Args:
        folder: where to; gets a folder of JPEG files for each case.
        systems: whose predictions are shown; they name files.

    Attributes:
        cases: `pair` and `title` of each.
    """

    def __init__(self, folder: Path, systems: Sequence[str]):
        self._folder = folder
        self._systems = systems
        self.cases: list[dict[str, str]] = []

    def add(self, case: HeldOut) -> None:
        """Write the pictures of a case."""
        eye = case.eye

        def masked(picture: np.ndarray) -> np.ndarray:
            return np.where(eye.mask, picture, np.uint8(0))

        pictures = {
            "fundus": eye.fundus,
            "real": to_rgb(eye.real),
            "real_saliency": masked(saliency_picture(eye.real)),
        }
        for name in self._systems:
            predicted = case.predictions[name]
            difference = difference_picture(eye.real, predicted)
            pictures[name] = to_rgb(predicted)
            pictures[f"{name}_difference"] = masked(difference)
            pictures[f"{name}_saliency"] = masked(saliency_picture(predicted))
        folder = self._folder / case.pair
        folder.mkdir(parents=True)
        for name, picture in pictures.items():
            jpeg = encode_jpeg(shrink(picture, _WIDTH))
            (folder / f"{name}.jpg").write_bytes(jpeg)
        self.cases.append(
            {
                "pair": case.pair,
                "title": f"{case.pair}, {case.category.replace('_', ' ')}",
            }
        )


def comparison_page(
    comparison: Comparison, cases: Sequence[dict[str, str]]
) -> str:
    """Return an HTML page with every case and the tables.

    The real FFA lies under the prediction of the chosen system; a slider
    uncovers it, and both can blink. Beside them fundus, difference and
    saliency. Arrow keys leaf through cases and systems. Nothing comes from the
    network; the pictures are those in `pictures` beside the page.

    Args:
        comparison: of `against_reference`.
        cases: of `CasePictures`.
    """
    report = comparison.report
    return fill(
        "comparison.html",
        cases=_script(cases),
        methods=_script(comparison.methods),
        tables="".join(
            f"<h2>{html.escape(heading(section))}</h2>"
            + '<div class="table">'
            + html_table(section_rows(report, ALL, metrics))
            + "</div>"
            for section, metrics in report.sections().items()
        ),
    )


def _script(value: object) -> str:
    """Return a value as a literal that cannot end the script."""
    return json.dumps(value).replace("<", "\\u003c")
