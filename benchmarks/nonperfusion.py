r"""Can retina without perfusion be found in an angiogram, beyond trivial maps?

    python -m benchmarks.nonperfusion --photographs=DATA

Of the ten frames of DATA/ffa_labelled/nonperfusion_masks the first five, by
name, tune a candidate (dark against the local level, smooth within, no vessel);
the other five decide. Beside it: darkness alone, where the masks of the first
five lie (a prior of place), and the whole field, which is chance. The last two
columns are of DATA/ffa_labelled/normal and with_np: the share of the field that
each calls not perfused. The folder may also stand in FFA_KERAS_PHOTOGRAPHS.
"""

from ffa_keras import cli  # isort: skip

import itertools
import os
from collections.abc import Callable, Sequence
from pathlib import Path

import cv2
import numpy as np
from absl import flags

from benchmarks.harness import show_table
from ffa_keras.evaluation.measures.overlap import dice, roc_area
from ffa_keras.evaluation.measures.working_frame import (
    blurred_inside,
    local_quantile,
)
from ffa_keras.images.files import read_ffa
from ffa_keras.registration.retina import field_of_view

_PHOTOGRAPHS = flags.DEFINE_string(
    "photographs",
    os.environ.get("FFA_KERAS_PHOTOGRAPHS", ""),
    "Folder of real frames.",
)
# Frames of 512 pixels; the masks mark the occluded territory by 1.
_NOT_PERFUSED = 2
_SIGMAS = (2.0, 4.0)
_REACHES = (40, 100)
_TEXTURES = (0.0, 0.5, 1.0)
_THRESHOLDS = np.linspace(-0.2, 0.8, 101)

_Map = Callable[[np.ndarray, np.ndarray], np.ndarray]


class _Frame:
    """An angiogram, its field of view, and where it is not perfused."""

    def __init__(self, path: Path):
        self.image = read_ffa(path)[..., 0].astype(np.float32)
        self.inside = field_of_view(self.image.astype(np.uint8))
        mask = path.with_name(f"{path.stem}_mask.png")
        self.truth = np.zeros_like(self.inside)
        if mask.exists():
            self.truth = read_ffa(mask)[..., 0] == _NOT_PERFUSED


def _darkness(image: np.ndarray, inside: np.ndarray) -> np.ndarray:
    """Return how far each place lies below the frame's median, as a share."""
    return 1 - blurred_inside(image, inside, 4.0) / np.median(image[inside])


def _candidate(sigma: float, reach: int, texture: float) -> _Map:
    def score(image: np.ndarray, inside: np.ndarray) -> np.ndarray:
        level = local_quantile(image, inside, reach, 0.5)
        level = np.maximum(level, 0.3 * np.median(image[inside]))
        smooth = blurred_inside(image, inside, sigma)
        detail = np.abs(image - cv2.GaussianBlur(image, (0, 0), 1.5))
        detail = blurred_inside(detail, inside, sigma)
        return 1 - (smooth + texture * detail) / level

    return score


def _auc(frames: Sequence[_Frame], score: _Map) -> list[float]:
    return [
        roc_area(f.truth[f.inside], score(f.image, f.inside)[f.inside])
        for f in frames
    ]


def _best_threshold(frames: Sequence[_Frame], score: _Map) -> float:
    maps = [score(f.image, f.inside) for f in frames]

    def agreement(threshold: float) -> float:
        return float(
            np.mean(
                [
                    dice(f.truth & f.inside, (m > threshold) & f.inside)
                    for f, m in zip(frames, maps, strict=True)
                ]
            )
        )

    return float(max(_THRESHOLDS, key=agreement))


def _row(
    name: str,
    score: _Map,
    tune: Sequence[_Frame],
    decide: Sequence[_Frame],
    others: Sequence[Sequence[_Frame]],
) -> list[object]:
    threshold = _best_threshold(tune, score)

    def called(frame: _Frame) -> np.ndarray:
        return (score(frame.image, frame.inside) > threshold) & frame.inside

    agreements = [
        np.mean([dice(f.truth & f.inside, called(f)) for f in half])
        for half in (tune, decide)
    ]
    areas = [
        float(np.mean([called(f).sum() / f.inside.sum() for f in frames]))
        for frames in others
    ]
    aucs = [float(np.mean(_auc(half, score))) for half in (tune, decide)]
    return [name, aucs[0], agreements[0], aucs[1], agreements[1], *areas]


def main() -> None:
    """Print the table."""
    if not _PHOTOGRAPHS.value:
        print("skipped: no folder; give --photographs or set"
              " FFA_KERAS_PHOTOGRAPHS")  # fmt: skip
        return
    folder = Path(_PHOTOGRAPHS.value) / "ffa_labelled"
    frames = [
        _Frame(path)
        for path in sorted((folder / "nonperfusion_masks").glob("*.jpg"))
    ]
    others = [
        [_Frame(path) for path in sorted((folder / kind).glob("*.jpg"))]
        for kind in ("normal", "with_np")
    ]
    tune, decide = frames[:5], frames[5:]
    settings = itertools.product(_SIGMAS, _REACHES, _TEXTURES)
    best = max(settings, key=lambda one: np.mean(_auc(tune, _candidate(*one))))
    print("sigma, reach, weight of texture:", *best)
    prior = cv2.GaussianBlur(
        np.mean([f.truth for f in tune], 0).astype(np.float32), (0, 0), 20
    )
    rows: dict[str, _Map] = {
        "candidate": _candidate(*best),
        "darkness": _darkness,
        "where the others' masks lie": lambda image, inside: prior,
        "the whole field": lambda image, inside: np.ones_like(image),
    }
    show_table(
        (
            "map", "tune: AUC", "Dice", "decide: AUC", "Dice",
            "healthy: called", "with areas of it: called",
        ),
        (
            _row(name, score, tune, decide, others)
            for name, score in rows.items()
        ),
    )  # fmt: skip


if __name__ == "__main__":
    cli.run(main)
