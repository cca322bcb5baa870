r"""What the leakage measure finds where the truth is known.

    python -m benchmarks.leakage_truth [--photographs=DATA]

Prints Markdown tables: the real FFA of phantoms judged against their masks of
leakage, by size and exposure; and, with the photographs, real frames that
plainly leak and plainly do not (benchmarks/leakage_frames.csv: one half tuned
the measure, the other decides), at other sizes and exposures too. The folder
may also stand in the environment variable FFA_KERAS_PHOTOGRAPHS.
"""

from ffa_keras import cli  # isort: skip

import csv
import os
import time
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
from absl import flags

from benchmarks.harness import show_table
from ffa_keras.evaluation.measures.leakage import (
    LeakageReference,
    Leaks,
    find_leaks,
    true_leaks,
)
from ffa_keras.evaluation.measures.matching import match_dots
from ffa_keras.images.files import read_ffa
from ffa_keras.phantom import make_pair
from ffa_keras.registration.retina import field_of_view

_PHOTOGRAPHS = flags.DEFINE_string(
    "photographs",
    os.environ.get("FFA_KERAS_PHOTOGRAPHS", ""),
    "Folder of real frames; empty leaves those tables out.",
)
_SEEDS = flags.DEFINE_integer("seeds", 24, "Phantom eyes.")
_HALF = flags.DEFINE_enum(
    "half", "", ["", "tune", "decide"], "Only one half of the real frames."
)

_FRAMES = Path(__file__).with_name("leakage_frames.csv")
_CATEGORIES = ("normal", "optic_disc", "large_focal", "punctate_focal")
_FIRST_SEED = 5000
# A box is found if regions cover a tenth of it, or three dots lie in it; a
# healthy frame is called leaking for any region, or for ten dots.
_COVERED = 0.1
_DOTS_IN_BOX = 3
_DOTS_IN_FRAME = 10
_HEALTHY_FOLDER = "ffa_labelled/normal"


def _phantoms() -> Iterator[tuple[str, np.ndarray, np.ndarray]]:
    """Yield category, FFA and mask of leakage, 768 pixels a side."""
    for seed in range(_FIRST_SEED, _FIRST_SEED + _SEEDS.value):
        for category in _CATEGORIES:
            pair = make_pair(seed, category, 768, misalignment=0.0)
            yield category, pair.ffa[..., 0], pair.leakage_mask[..., 0]


def _resized(image: np.ndarray, size: int) -> np.ndarray:
    return cv2.resize(image, (size, size), interpolation=cv2.INTER_AREA)


def _exposed(image: np.ndarray, gain: float) -> np.ndarray:
    return np.clip(np.rint(image * gain), 0, 255).astype(np.uint8)


def _phantom_table() -> None:
    rows: dict[str, dict[str, list]] = {}
    for category, ffa, mask in _phantoms():
        for size, gain in (
            (768, 1.0), (512, 1.0), (256, 1.0), (192, 1.0),
            (384, 0.35), (384, 1.3),
        ):  # fmt: skip
            frame = _exposed(_resized(ffa, size), gain)
            inside = field_of_view(frame)
            truth = _resized(mask * np.float32(1), size) > 0.5
            row = rows.setdefault(f"{size} px, x {gain:g}", {})
            _add_phantom(row, category, frame, inside, truth)
    print("\n## Phantoms: the real FFA judged by the mask of leakage\n")
    show_table(
        (
            "frame", "disc: Dice, found", "large: Dice, found",
            "dots: found, right", "normal: regions off, on the disc, dots",
            "perfect generator: invented",
        ),
        _phantom_rows(rows),
        "phantoms",
    )  # fmt: skip


def _phantom_rows(rows: dict[str, dict[str, list]]) -> Iterator[list[str]]:
    for name, row in rows.items():
        cells = [name]
        for category in ("optic_disc", "large_focal"):
            found = row[category + " found"]
            dice = np.nanmean(row[category + " dice"])
            cells.append(f"{dice:.2f}, {sum(found)} of {len(found)}")
        dots, total, right, all_ = np.sum(row["dots"], axis=0)
        cells.append(f"{dots / total:.2f} of {total}, {right / all_:.2f}")
        off, on, invented = np.mean(row["normal"], axis=0)
        cells.append(f"{off:.2f}, {on:.2f}, {invented:.1f}")
        cells.append(f"{np.mean(row['perfect']):.2f}")
        yield cells


def _add_phantom(
    row: dict[str, list],
    category: str,
    frame: np.ndarray,
    inside: np.ndarray,
    truth: np.ndarray,
) -> None:
    found = find_leaks(frame, inside)
    reference = LeakageReference(frame[..., None], inside, truth)
    disc = reference.disc
    perfect = reference.compare(frame[..., None])
    row.setdefault("perfect", []).append(
        perfect["leak_invented"] + perfect["dots_invented"]
    )
    expected = true_leaks(truth, inside)
    numbers = range(1, len(found.contrast) + 1)
    if category == "normal":
        on = sum(bool((disc & (found.labels == n)).any()) for n in numbers)
        row.setdefault("normal", []).append(
            (len(found.contrast) - on, on, len(found.dots))
        )
    elif category == "punctate_focal":
        diameter = 2 * np.sqrt(inside.sum() / np.pi)
        matched, *_ = match_dots(expected.dots, found.dots, 0.0125 * diameter)
        row.setdefault("dots", []).append(
            (
                matched.sum(),
                len(expected.dots),
                matched.sum(),
                max(len(found.dots), 1),
            )
        )
    else:
        for number in range(1, len(expected.contrast) + 1):
            true = expected.labels == number
            met = np.unique(found.labels[true])
            region = np.isin(found.labels, met[met > 0])
            shared = 2 * (region & true).sum() / (region.sum() + true.sum())
            row.setdefault(category + " dice", []).append(shared)
            row.setdefault(category + " found", []).append(
                len(met[met > 0]) > 0
            )


def _frames() -> dict[str, dict]:
    frames: dict[str, dict] = {}
    with _FRAMES.open() as file:
        for row in csv.DictReader(file):
            frame = frames.setdefault(
                row["path"],
                {"verdict": row["verdict"], "half": row["half"], "boxes": []},
            )
            if row["kind"]:
                names = ("x", "y", "width", "height")
                box = tuple(int(row[name]) for name in names)
                frame["boxes"].append((row["kind"], box))
    return {
        path: frame
        for path, frame in frames.items()
        if _HALF.value in ("", frame["half"])
    }


def _changed(image: np.ndarray, scale: float, gain: float) -> np.ndarray:
    if scale != 1:
        method = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
        image = cv2.resize(
            image, None, fx=scale, fy=scale, interpolation=method
        )
    return _exposed(image, gain)


def _boxes_found(
    frame: dict, leaks: Leaks, scale: float
) -> tuple[list[bool], bool]:
    """Return which boxes are found, and whether it is called leaking."""
    found = []
    for kind, box in frame["boxes"]:
        x, y, width, height = (round(side * scale) for side in box)
        if kind == "dots":
            inside = (leaks.dots[:, :2] >= (x, y)).all(1)
            inside &= (leaks.dots[:, :2] < (x + width, y + height)).all(1)
            found.append(inside.sum() >= _DOTS_IN_BOX)
        else:
            part = leaks.labels[y : y + height, x : x + width] > 0
            found.append(part.mean() >= _COVERED)
    called = len(leaks.contrast) > 0 or len(leaks.dots) >= _DOTS_IN_FRAME
    return found, called


def _again(first: np.ndarray, dots: np.ndarray, diameter: float) -> float:
    """Return Dice's share of dots found in two copies of a frame, or NaN."""
    both = len(first) + len(dots)
    matched, *_ = match_dots(first, dots, 0.0125 * diameter)
    return 2 * matched.sum() / both if both else float("nan")


def _chance(
    frames: dict[str, dict], found: dict[str, Leaks], verdict: str, scale: float
) -> float:
    """Return how often a leaking frame's boxes fit another frame's leaks.

    Args:
        frames: of one half.
        found: what leaks in each.
        verdict: of the other frames.
        scale: of the frames, by which boxes are multiplied.
    """
    hits = []
    for path, frame in frames.items():
        for other, leaks in found.items():
            fits = frames[other]["verdict"] == verdict and path != other
            if not fits or not frame["boxes"]:
                continue
            own, its = found[path].labels, leaks.labels
            ratio = np.tile(np.divide(its.shape, own.shape)[::-1], 2)
            boxes = [(kind, tuple(box * ratio)) for kind, box in frame["boxes"]]
            hits.append(any(_boxes_found({"boxes": boxes}, leaks, scale)[0]))
    return float(np.mean(hits))


def _photograph_rows(
    images: dict[str, np.ndarray], missed: list[str]
) -> Iterator[tuple[str, ...]]:
    """Yield a row for each half, size and exposure."""
    everything = _frames()
    halves = sorted({frame["half"] for frame in everything.values()})[::-1]
    for half in halves:
        frames = {p: f for p, f in everything.items() if f["half"] == half}
        plain: dict[str, np.ndarray] = {}
        for scale, gain in ((1, 1), (0.5, 1), (2, 1), (1, 0.4), (1, 1.4)):
            hits: list[bool] = []
            invented: list[bool] = []
            again, boxes = list[float](), list[tuple[str, bool]]()
            everywhere: dict[str, Leaks] = {}
            for path, frame in frames.items():
                ffa = _changed(images[path], scale, gain)
                inside = field_of_view(ffa)
                leaks = everywhere[path] = find_leaks(ffa, inside)
                found, called = _boxes_found(frame, leaks, scale)
                boxes += zip((k for k, _ in frame["boxes"]), found, strict=True)
                dots = leaks.dots.copy()
                dots[:, :2] = (dots[:, :2] + 0.5) / scale - 0.5
                diameter = 2 * np.sqrt(inside.sum() / np.pi) / scale
                first = plain.setdefault(path, dots)
                again.append(_again(first, dots, diameter))
                leaking = frame["verdict"] == "leaking"
                judged = any(found) if leaking else called
                (hits if leaking else invented).append(judged)
                if (scale, gain) == (1, 1) and judged != leaking:
                    missed.append(f"{path}, {frame['verdict']}, is misjudged")
            kinds = ", ".join(
                f"{sum(ok for k, ok in boxes if k == kind)} of"
                f" {sum(k == kind for k, _ in boxes)}"
                for kind in ("broad", "disc", "dots")
            )
            chance = (
                f"{_chance(frames, everywhere, verdict, scale):.2f}"
                for verdict in ("leaking", "healthy")
            )
            yield (
                half, f"x {scale:g}, x {gain:g}",
                f"{sum(hits)} of {len(hits)}", ", ".join(chance), kinds,
                f"{sum(invented)} of {len(invented)}",
                f"{np.nanmean(again):.2f}",
            )  # fmt: skip


def _photograph_table(folder: Path) -> None:
    images = {path: read_ffa(folder / path)[..., 0] for path in _frames()}
    print("\n## Real frames\n")
    missed: list[str] = []
    show_table(
        (
            "half", "size, exposure", "leaking frames found",
            "by chance: leaking, healthy", "boxes: broad, disc, dots",
            "healthy frames with a region or ten dots",
            "dots found again (Dice)",
        ),
        _photograph_rows(images, missed),
        "real",
    )  # fmt: skip
    print("\n".join(missed))


def _healthy_table(folder: Path) -> None:
    print(f"\n## {_HEALTHY_FOLDER}: regions and dots that are invented\n")
    rows, seconds = [], []
    for path in sorted((folder / _HEALTHY_FOLDER).glob("*.jpg")):
        ffa = read_ffa(path)[..., 0]
        start = time.process_time()
        leaks = find_leaks(ffa, field_of_view(ffa))
        seconds.append(time.process_time() - start)
        rows.append((path.stem, len(leaks.contrast), len(leaks.dots)))
    show_table(("frame", "regions", "dots"), rows, "healthy")
    print(f"\n{np.median(seconds):.2f} s of processor time a frame")


def main() -> None:
    """Print the tables."""
    if _SEEDS.value:
        _phantom_table()
    if not _PHOTOGRAPHS.value:
        print(
            "\nReal frames skipped: no folder; give --photographs or set"
            " FFA_KERAS_PHOTOGRAPHS"
        )
        return
    folder = Path(_PHOTOGRAPHS.value)
    _photograph_table(folder)
    if not _HALF.value:
        _healthy_table(folder)


if __name__ == "__main__":
    cli.run(main)
