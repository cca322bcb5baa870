r"""Registration of pairs whose cameras differ in field, or in what they show.

    python -m benchmarks.registration.cameras --pairs=FOLDER/pairs.csv

magnifies and crops the photographs and angiograms of real pairs with landmarks
and prints how many are accepted and how far off they are. `--wrong_pairs`
registers the photographs, so changed, with the angiograms of other eyes, which
must all be refused; it needs no landmarks, takes several manifests, and prints
each pair as it goes.
`--early` registers pairs without landmarks, whose manifest has a column
early_ffa, with and without that frame. One thread; seconds are those of the
processor.
"""

from ffa_keras import cli  # isort: skip
from benchmarks import one_thread  # noqa: F401  # isort: skip

import dataclasses
from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import numpy as np
from absl import flags

from benchmarks.harness import figure, show_table
from benchmarks.registration.baselines import BASELINES
from benchmarks.registration.trial import (
    Pair,
    contenders,
    outcome,
    read_pairs,
)
from benchmarks.registration.wrong_pairs import read_rows, show_wrong_pairs
from ffa_keras.images.files import read_ffa
from ffa_keras.registration import (
    METHODS,
    RegistrationResult,
    register_pair,
    register_through,
)
from ffa_keras.registration.transform import apply_matrix, warp_to_ffa

_PAIRS = flags.DEFINE_multi_string(
    "pairs", None, "Manifest, or several if nothing asks for landmarks.",
    required=True,
)  # fmt: skip
_WRONG_PAIRS = flags.DEFINE_bool(
    "wrong_pairs", False, "Register every photograph with other eyes' FFAs."
)
_EARLY = flags.DEFINE_bool("early", False, "By way of the early frame.")
_VIEWS = flags.DEFINE_list(
    "views", ["as they are", "photograph zoomed 2.0", "photograph 0.5 kept"],
    "How wrong pairs are seen.",
)  # fmt: skip
_LOG = flags.DEFINE_string(
    "log", "", "File for each wrong pair's figures, to go on from."
)
_METHOD = flags.DEFINE_string(
    "method", "vessel", f"One of {', '.join((*METHODS, *BASELINES))}."
)

_ZOOMS = (0.4, 0.5, 0.625, 0.8, 1.3, 1.6, 2.0, 2.5)
_NARROW = (1.6, 2.5)
_KEPT = (0.75, 0.5)
# The image, and the matrix that brings xy of the original onto it.
_Changed = tuple[np.ndarray, np.ndarray]


def zoomed(image: np.ndarray, zoom: float) -> _Changed:
    """Magnify an image about the middle of its frame, black around."""
    height, width = image.shape[:2]
    small = image
    if zoom < 1:
        size = (round(width * zoom), round(height * zoom))
        small = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
        small = small.reshape(*small.shape[:2], image.shape[2])
    ratio = np.array([small.shape[1] / width, small.shape[0] / height])
    matrix = np.diag([*ratio, 1.0])
    matrix[:2, 2] = 0.5 * ratio - 0.5
    onto = np.eye(3)
    middle = (np.array([width, height]) - 1) / 2
    inner = (np.array(small.shape[1::-1]) - 1) / 2
    if zoom > 1:
        onto[:2, :2] *= zoom
    onto[:2, 2] = middle - onto[:2, :2] @ inner
    warped, _ = warp_to_ffa(small, onto, (height, width))
    return warped.reshape(image.shape), onto @ matrix


def cropped(image: np.ndarray, kept: float) -> _Changed:
    """Keep the lower right corner of an image."""
    height, width = image.shape[:2]
    top, left = round(height * (1 - kept)), round(width * (1 - kept))
    matrix = np.eye(3)
    matrix[:2, 2] = -left, -top
    return np.ascontiguousarray(image[top:, left:]), matrix


def _views() -> dict[str, Callable[[Pair], Pair]]:
    """Return by name what changes a pair."""

    def fundus(change: Callable[..., _Changed], much: float) -> Callable:
        return lambda pair: _moved(pair, "fundus", *change(pair.fundus, much))

    def ffa(change: Callable[..., _Changed], much: float) -> Callable:
        return lambda pair: _moved(pair, "ffa", *change(pair.ffa, much))

    return (
        {"as they are": lambda pair: pair}
        | {f"photograph zoomed {z}": fundus(zoomed, z) for z in _ZOOMS}
        | {f"FFA zoomed {z}": ffa(zoomed, z) for z in _NARROW}
        | {f"photograph {k} kept": fundus(cropped, k) for k in _KEPT}
        | {f"FFA {k} kept": ffa(cropped, k) for k in _KEPT}
    )


def _moved(
    pair: Pair, name: str, image: np.ndarray, matrix: np.ndarray
) -> Pair:
    """Replace an image of a pair; drop the landmarks that left it."""
    marks = {k: getattr(pair, f"{k}_xy") for k in ("fundus", "ffa")}
    marks[name] = apply_matrix(matrix, marks[name])
    last = np.array(image.shape[1::-1]) - 1
    shown = ((marks[name] >= 0) & (marks[name] <= last)).all(1)
    images = {"fundus": pair.fundus, "ffa": pair.ffa} | {name: image}
    return dataclasses.replace(
        pair,
        fundus=images["fundus"],
        ffa=images["ffa"],
        fundus_xy=marks["fundus"][shown],
        ffa_xy=marks["ffa"][shown],
        magnified=matrix[0, 0] if name == "ffa" else 1.0,
    )


def main() -> None:
    """Print the table that the flags ask for."""
    paths = [Path(path) for path in _PAIRS.value]
    if _WRONG_PAIRS.value:
        show_wrong_pairs(
            paths, {name: _views()[name] for name in _VIEWS.value}, _LOG.value
        )
    elif _EARLY.value:
        _early(paths)
    else:
        _landmark_errors([pair for path in paths for pair in read_pairs(path)])


def _landmark_errors(pairs: list[Pair]) -> None:
    run = contenders(_METHOD.value)[_METHOD.value]

    def row(name: str, view: Callable[[Pair], Pair]) -> tuple:
        found = [outcome(run, view(pair)) for pair in pairs]
        right = [o for o in found if o.accepted]
        off = [o.errors.mean() for o in right if len(o.errors)]
        return (
            name, len(right), sum(error >= 10 for error in off),
            figure(np.median(off), 2) if off else "",
            figure(max(off), 2) if off else "",
            figure(np.median([o.seconds for o in found]), 2),
        )  # fmt: skip

    show_table(
        (f"{_METHOD.value}, {len(pairs)} pairs", "accepted",
         "of these off by 10 px", "median of means", "worst mean",
         "median seconds"),
        (row(name, view) for name, view in _views().items()),
    )  # fmt: skip


def _early(paths: list[Path]) -> None:
    def rows() -> Iterator[tuple]:
        for row in read_rows(paths):
            pair = row.pair()
            early = read_ffa(row.files["early_ffa"])
            yield (
                row.name,
                _verdict(register_pair(pair.fundus, early)),
                _verdict(register_pair(pair.fundus, pair.ffa)),
                _verdict(register_through(pair.fundus, early, pair.ffa)),
            )

    show_table(
        ("photograph to", "early FFA", "late FFA", "late by way of early"),
        rows(),
        "--early",
    )


def _verdict(result: RegistrationResult) -> str:
    quality = result.quality
    return (
        f"{'accepted' if result.accepted else 'refused'},"
        f" {quality.num_inliers} keypoints, {quality.num_blocks} blocks"
    )


if __name__ == "__main__":
    cli.run(main)
