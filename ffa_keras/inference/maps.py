"""Maps that go with an answer, as pictures of its size."""

import dataclasses
import hashlib
from collections.abc import Callable
from pathlib import Path

import numpy as np

from ffa_keras.evaluation.half_widths import read_half_widths
from ffa_keras.translation.forms import fingerprint, load_spread


@dataclasses.dataclass(frozen=True)
class Map:
    """A picture that goes with an answer.

    Attributes:
        draw: makes it, uint8 [H, W, 1], of the photograph, uint8 [H, W, 3],
            and the answer, uint8 [H, W, 1].
        comment: how to read it; its PNG holds this.
    """

    draw: Callable[[np.ndarray, np.ndarray], np.ndarray]
    comment: str


def interval_map(
    file: str | Path, model: str | Path, averaged: bool = False
) -> Map:
    """Return the map of how far off each pixel of an answer may be.

    Args:
        file: `intervals.json` of an evaluation of the model.
        model: as `load_translator` takes it.
        averaged: whether its answers are means over flips and turns.

    Returns:
        The half widths of the intervals, grey levels, cut at 255.

    Raises:
        InputError: the file cannot be read, or is of another model.
    """
    widths = read_half_widths(file, fingerprint(model, averaged))
    table = np.rint(np.minimum(widths, 255)).astype(np.uint8)
    digest = hashlib.sha256(table.tobytes()).hexdigest()[:12]
    return Map(
        lambda _, ffa: table[ffa],
        "How far off a pixel of the synthetic FFA may be, either way: one grey"
        " level each; on average 90 % of the pixels inside the field are no"
        f" further off (widths, SHA-256 {digest})",
    )


def spread_map(model: str | Path) -> Map:
    """Return the map of how far answers in random appearances lie apart.

    Args:
        model: as `load_spread` takes it.

    Returns:
        The standard deviation, grey levels.

    Raises:
        InputError: the model cannot be loaded, or has no appearances.
    """
    spread = load_spread(model)
    return Map(
        lambda fundus, _: spread(fundus),
        "How far the answers in eight random appearances lie apart: standard"
        " deviation, one grey level each; it knows of exposure, not of leaks",
    )
