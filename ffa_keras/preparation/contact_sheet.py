"""One page with every pair, worst first, for a person to look through."""

import base64
import html
import string
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np

from ffa_keras.files import write_text
from ffa_keras.images.files import decode_png
from ffa_keras.preparation.align import Verdict
from ffa_keras.preparation.parallel import on_all_cores
from ffa_keras.preparation.prepare import Outcome, PhotographTask
from ffa_keras.preparation.report import summary_of
from ffa_keras.registration.pictures import vessel_overlay

SHEET_NAME = "pairs.html"
_SIDE = 360
_JPEG = (cv2.IMWRITE_JPEG_QUALITY, 80)
_TEMPLATE = Path(__file__).with_name("templates") / "contact_sheet.html"
_ORDER = ("refused", "doubtful", "kept")


def write_contact_sheet(
    folder: Path,
    tasks: Sequence[PhotographTask],
    outcomes: Sequence[Outcome],
    workers: int = 0,
) -> None:
    """Write `pairs.html`: pictures and verdicts of all pairs, worst first.

    The page needs nothing beside it. Pairs are named by their lines in the
    manifest.

    Args:
        folder: where to.
        tasks: of the pairs.
        outcomes: what became of them, in the same order.
        workers: processes; 0 for one on each core.
    """
    pictures = on_all_cores(_pictures, tasks, "drawing", workers)
    figures = [
        (_badness(outcome.verdict), _figure(outcome, drawn))
        for outcome, drawn in zip(outcomes, pictures, strict=True)
    ]
    figures.sort(key=lambda figure: figure[0])
    template = string.Template(_TEMPLATE.read_text(encoding="utf-8"))
    page = template.substitute(
        summary=html.escape(next(summary_of(outcomes))),
        pairs="\n".join(figure for _, figure in figures),
    )
    write_text(folder / SHEET_NAME, page)


def _badness(verdict: Verdict) -> tuple[int, float, float]:
    """Return what sorts the worst first."""
    figures = verdict.figures
    return (
        _ORDER.index(verdict.status),
        figures.get("vessels_in_place", 0.0),
        figures.get("correlation", 0.0),
    )


def _pictures(task: PhotographTask) -> list[str]:
    """Return FFA, photograph and overlay as data, none if not all are there."""
    images = None if task.pair.lone else task.finished()
    if not images:
        return []
    fundus, ffa = (decode_png(images[name]) for name in ("fundus", "ffa"))
    return [
        _data(picture)
        for picture in (ffa, fundus[..., ::-1], vessel_overlay(fundus, ffa))
    ]


def _data(picture: np.ndarray) -> str:
    scale = min(1.0, _SIDE / max(picture.shape[:2]))
    small = cv2.resize(
        picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA
    )
    jpeg = cv2.imencode(".jpg", small, _JPEG)[1].tobytes()
    return "data:image/jpeg;base64," + base64.b64encode(jpeg).decode()


def _figure(outcome: Outcome, pictures: Sequence[str]) -> str:
    row, verdict = outcome.pair.row, outcome.verdict
    shown = ""
    if pictures:
        ffa, fundus, overlay = pictures
        shown = (
            '<div class="pictures"><div class="stack">'
            f'<img src="{ffa}" alt="angiogram of line {row}">'
            f'<img class="top" src="{fundus}" alt="its photograph"></div>'
            f'<img src="{overlay}" alt="vessels of both"></div>'
        )
    figures = ", ".join(
        f"{name.replace('_', ' ')} {value:.3g}"
        for name, value in verdict.figures.items()
    )
    words = f"{verdict.status}, {verdict.how}"
    if verdict.reason:
        words += f": {verdict.reason}"
    return (
        f'<figure class="{verdict.status}" id="line{row}"><figcaption>'
        f"<strong>{row}</strong> {html.escape(words)}<br>"
        f"{html.escape(figures)}</figcaption>{shown}</figure>"
    )
