r"""Whether planted copies of real eyes are found in the raw files, and when.

    python -m benchmarks.shared_images --photographs=DATA

What `prepare --check` says of shared eyes. Copies of the photographs and of the
FFA of phantoms, and of DATA/pairs_landmarked, each changed in one way and given
to another owner, stand in one collection with all of them (the real ones with
DRIVE and Isfahan too). Prints what was found, what was not, false alarms, and
seconds a file. The folder may also stand in FFA_KERAS_PHOTOGRAPHS.
"""

from ffa_keras import cli  # isort: skip

import csv
import os
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import cv2
import numpy as np
from absl import flags

from benchmarks.harness import show_table
from ffa_keras.images.files import write_png
from ffa_keras.phantom import make_pair
from ffa_keras.preparation.shared_images import RawImage, find_shared_images
from ffa_keras.records.schema import LEAKAGE

_PHOTOGRAPHS = flags.DEFINE_string(
    "photographs",
    os.environ.get("FFA_KERAS_PHOTOGRAPHS", ""),
    "Folder of real pairs; empty leaves those columns out.",
)
_OTHERS = flags.DEFINE_bool("others", True, "Beside DRIVE and Isfahan.")
_PHANTOM_SIZE = 512

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


def _judge(
    pairs: list[tuple[Path, str]], ffa: bool, more: Sequence[Path] = ()
) -> dict[str, str]:
    """Return what became of each planted copy, and the false alarms.

    Args:
        pairs: files and whose eyes they show; of the first ones copies are
            planted.
        ffa: whether they are angiograms.
        more: files of other eyes.
    """
    eyes = dict(pairs)
    images = [RawImage(path, path.name) for path in eyes]
    images += [RawImage(path, str(path)) for path in more]
    eyes |= {path: _ONE_EYE.get(_name(path), str(path)) for path in more}
    with tempfile.TemporaryDirectory() as made:
        planted = {}
        for (source, eye), (name, change) in zip(
            pairs, CHANGES.items(), strict=False
        ):
            copy = Path(made) / f"{name}.png"
            changed = change(cv2.imread(str(source)))
            cv2.imwrite(str(copy), np.ascontiguousarray(changed))
            planted[name] = (source, copy)
            eyes[copy] = eye
            images.append(RawImage(copy, f"other {name}"))
        start = time.process_time()
        found = find_shared_images(images, ffa, workers=1)
        seconds = time.process_time() - start
    shown = {frozenset((shared.first, shared.second)) for shared in found}
    each = seconds / len(images)
    kind = "FFA" if ffa else "photographs"
    print(f"\n## {len(images)} {kind}, {each:.2f} s of processor time each\n")
    verdicts = {
        name: "found" if frozenset(both) in shown else "**passed**"
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


def _phantoms(folder: Path) -> dict[str, list[tuple[Path, str]]]:
    """Draw ten eyes, and return the files and whose they are by kind."""
    files: dict[str, list[tuple[Path, str]]] = {"fundus": [], "ffa": []}
    for number in range(10):
        category = LEAKAGE[number % len(LEAKAGE)]
        pair = make_pair(8000 + number, category, _PHANTOM_SIZE)
        for kind, image in (("fundus", pair.fundus), ("ffa", pair.ffa)):
            path = folder / f"{number}_{kind}.png"
            write_png(path, image)
            files[kind].append((path, f"eye {number}"))
    return files


def _landmarked(folder: Path, kind: str) -> list[tuple[Path, str]]:
    """Return the files of the real pairs and whose eyes they show."""
    with (folder / "pairs.csv").open() as file:
        return [
            (folder / row[kind], row["eye"]) for row in csv.DictReader(file)
        ]


def main() -> None:
    """Print the table."""
    columns = {}
    with tempfile.TemporaryDirectory() as made:
        drawn = _phantoms(Path(made))
        columns["phantom photograph"] = _judge(drawn["fundus"], False)
        columns["phantom FFA"] = _judge(drawn["ffa"], True)
    if _PHOTOGRAPHS.value:
        folder = Path(_PHOTOGRAPHS.value)
        more = {"fundus": "drive/*_test.tif", "ffa": "fa_only/*/*.jpg"}
        for kind, column in (("fundus", "photograph"), ("ffa", "FFA")):
            others = sorted(folder.glob(more[kind])) if _OTHERS.value else []
            real = _landmarked(folder / "pairs_landmarked", kind)
            columns[f"real {column}"] = _judge(real, kind == "ffa", others)
    show_table(
        ("planted, under another owner", *columns),
        (
            (name, *(column[name] for column in columns.values()))
            for name in columns["phantom FFA"]
        ),
    )


if __name__ == "__main__":
    cli.run(main)
