r"""Whether planted copies of real eyes are found in the raw files, and when.

    python -m benchmarks.shared_images --photographs=DATA

Copies of the photographs and of the FFA of DATA/pairs_landmarked, each changed
in one way and given to another owner, stand in one collection with all of them
(and with DRIVE and Isfahan). Prints what was found, what was not, false alarms,
and seconds a file. The folder may also stand in FFA_KERAS_PHOTOGRAPHS.
"""

from ffa_keras import cli  # isort: skip

import csv
import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
from absl import flags

from benchmarks.harness import show_table
from ffa_keras.preparation.shared_images import RawImage, find_shared_images

_PHOTOGRAPHS = flags.DEFINE_string(
    "photographs",
    os.environ.get("FFA_KERAS_PHOTOGRAPHS", ""),
    "Folder of real pairs.",
)

# Found by this search in Isfahan's angiograms: one eye at 0:25 and at 2:34, and
# one file twice.
_ONE_EYE = {
    "normal/12.jpg": "normal/11.jpg",
    "normal/11.jpg": "normal/11.jpg",
    "normal/16.jpg": "normal/15.jpg",
    "normal/15.jpg": "normal/15.jpg",
}


def _name(path: Path) -> str:
    return f"{path.parent.name}/{path.name}"


def _turned(image: np.ndarray) -> np.ndarray:
    height, width = image.shape[:2]
    matrix = cv2.getRotationMatrix2D((width / 2, height / 2), 3, 1)
    return cv2.warpAffine(image, matrix, (width, height))


def _cropped(image: np.ndarray, share: float) -> np.ndarray:
    rows, columns = (round((1 - share) / 2 * n) for n in image.shape[:2])
    height, width = image.shape[:2]
    return image[rows : height - rows, columns : width - columns]


CHANGES: dict[str, Callable] = {
    "saved again with contrast": lambda x: cv2.imdecode(
        cv2.imencode(".jpg", cv2.convertScaleAbs(x, None, 1.2, -10))[1], 1
    ),
    "turned by 3 degrees": _turned,
    "the same pixels": lambda x: x,
    "crop of 90 %": lambda x: _cropped(x, 0.9),
    "mirrored": lambda x: x[:, ::-1],
    "crop of 80 %": lambda x: _cropped(x, 0.8),
    "turned by 90 degrees": np.rot90,
    "half the pixels": lambda x: cv2.resize(x, None, fx=0.5, fy=0.5),
}


def _judge(folder: Path, kind: str, more: list[Path]) -> dict[str, str]:
    """Return what became of each planted copy, and the false alarms."""
    with (folder / "pairs_landmarked/pairs.csv").open() as file:
        rows = list(csv.DictReader(file))
    eyes = {}
    images = []
    for row in rows:
        path = folder / "pairs_landmarked" / row[kind]
        eyes[path] = row["eye"]
        images.append(RawImage(path, row["pair_id"]))
    images += [RawImage(path, str(path)) for path in more]
    eyes |= {path: _ONE_EYE.get(_name(path), str(path)) for path in more}
    with tempfile.TemporaryDirectory() as made:
        planted = {}
        for row, (name, change) in zip(rows, CHANGES.items(), strict=False):
            source = folder / "pairs_landmarked" / row[kind]
            copy = Path(made) / f"{name}.png"
            changed = change(cv2.imread(str(source)))
            cv2.imwrite(str(copy), np.ascontiguousarray(changed))
            planted[name] = (source, copy)
            eyes[copy] = row["eye"]
            images.append(RawImage(copy, f"other {name}"))
        start = time.perf_counter()
        found = find_shared_images(images, kind == "ffa")
        seconds = time.perf_counter() - start
    pairs = {frozenset((shared.first, shared.second)) for shared in found}
    each = seconds / len(images)
    print(f"\n## {kind}: {len(images)} files, {each:.2f} s each\n")
    verdicts = {
        name: "found" if frozenset(both) in pairs else "**missed**"
        for name, both in planted.items()
    }
    alarms = [
        shared for shared in found if eyes[shared.first] != eyes[shared.second]
    ]
    print(f"- one eye twice among the originals and copies: {len(found)} pairs")
    for shared in alarms:
        print(f"- false: {shared.first.name} and {shared.second.name}")
    return {
        **verdicts,
        "all of them": f"{sum(v == 'found' for v in verdicts.values())} of"
        f" {len(verdicts)}",
        "files": str(len(images)),
        "files of different eyes taken for one": str(len(alarms)),
    }


def main() -> None:
    """Print the table."""
    if not _PHOTOGRAPHS.value:
        print("skipped: no folder; give --photographs or set"
              " FFA_KERAS_PHOTOGRAPHS")  # fmt: skip
        return
    folder = Path(_PHOTOGRAPHS.value)
    drive = sorted((folder / "drive").glob("*_test.tif"))
    photographs = _judge(folder, "fundus", drive)
    ffa = _judge(folder, "ffa", sorted((folder / "fa_only").glob("*/*.jpg")))
    show_table(
        ("planted, under another owner", "photograph", "FFA"),
        ((name, photographs[name], ffa[name]) for name in photographs),
    )


if __name__ == "__main__":
    cli.run(main)
