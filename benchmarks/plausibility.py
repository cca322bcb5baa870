r"""Scores of real fundus photographs and of other pictures.

    python -m benchmarks.plausibility --data=DATA --others=FOLDER,FOLDER

Prints the references of `ffa_keras.inference.plausibility` (one half of the
eyes of each source), the distances of each from those of other eyes, and a
Markdown table of scores: the other half of the eyes, what a camera or a user
does to them, and pictures that are no colour fundus photographs.
"""

from ffa_keras import cli  # isort: skip

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
from absl import flags

from benchmarks.harness import figure, show_table
from ffa_keras.errors import InputError
from ffa_keras.images.files import read_fundus
from ffa_keras.inference.plausibility import (
    USUAL_SCORE,
    judge,
    measure,
)
from ffa_keras.phantom import CATEGORIES, make_pair

_DATA = flags.DEFINE_string("data", None, "Real photographs.", required=True)
_OTHERS = flags.DEFINE_list("others", [], "Folders of any other pictures.")

# By eye; two eyes of the landmarked pairs were photographed more than once.
_REFERENCES = (
    *(f"drive/0{number}_test.tif" for number in range(1, 6)),
    "pairs_landmarked/24_fundus.png",
    "pairs_landmarked/27_fundus.png",
    "pairs_landmarked/32_fundus.png pairs_landmarked/34_fundus.png",
    "pairs_other/1_fundus.jpg",
    "pairs_uwf/1_fundus.jpg",
    "pairs_uwf/2_fundus.jpg",
)
_HELD_OUT = (
    *(f"drive/{number:02}_test.tif" for number in range(6, 11)),
    "pairs_landmarked/73_fundus.png",
    "pairs_landmarked/88_fundus.png",
    "pairs_landmarked/89_fundus.png",
    "pairs_other/2_fundus.jpg",
    "pairs_uwf/3_fundus.jpg",
)
_RED_FREE = ("pairs_landmarked/52_fundus.png", "pairs_landmarked/67_fundus.png")
_UWF = "pairs_uwf"


def _by_jpeg(rgb: np.ndarray) -> np.ndarray:
    data = cv2.imencode(".jpg", rgb, [cv2.IMWRITE_JPEG_QUALITY, 30])[1]
    found = cv2.imdecode(data, cv2.IMREAD_COLOR)
    assert found is not None
    return found


_CHANGES: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "half as bright": lambda x: x // 2,
    "overexposed by 30 %": lambda x: cv2.convertScaleAbs(x, alpha=1.3),
    "half the size": lambda x: cv2.resize(x, None, fx=0.5, fy=0.5),
    "JPEG of quality 30": _by_jpeg,
    "turned by 90 degrees": lambda x: np.ascontiguousarray(np.rot90(x)),
    "middle quarter": lambda x: x[
        len(x) // 4 : -len(x) // 4, x.shape[1] // 4 : -x.shape[1] // 4
    ],
    "red and blue swapped": lambda x: x[..., ::-1],
    "negative": lambda x: 255 - x,
    "green channel only": lambda x: np.repeat(x[..., 1:2], 3, axis=2),
}


def _four(fundus: np.ndarray) -> np.ndarray:
    found = measure(fundus)
    if found is None:
        raise InputError("a reference holds no retina")
    return found[:4]


def _references(data: Path) -> None:
    """Print what `plausibility` holds, and the distances among them."""
    eyes = [
        [_four(read_fundus(data / name)) for name in eye.split()]
        for eye in _REFERENCES
    ]
    rows = np.round([row for eye in eyes for row in eye], 3)
    wide = [_UWF in eye for eye in _REFERENCES for _ in eye.split()]
    spreads = np.round(rows[~np.array(wide)].std(axis=0), 3)
    owners = np.repeat(range(len(eyes)), [len(eye) for eye in eyes])
    print("_REFERENCES = (")
    for row in rows:
        print("    (" + ", ".join(f"{value:.3f}" for value in row) + "),")
    print(f")\n_SPREADS = {tuple(spreads.tolist())}")
    distances = [
        np.sqrt(
            np.mean(((rows[owners != owner] - row) / spreads) ** 2, axis=1)
        ).min()
        for row, owner in zip(rows, owners, strict=True)
    ]
    print("Each from the most similar other eye:", np.round(distances, 2))


def _made_up() -> list[np.ndarray]:
    """Return noise and pictures in the colours of a fundus, round and square.

    Clouds: noise whose amplitude falls with the frequency, as in nature.
    """
    rng = np.random.default_rng(0)
    side = 400
    y, x = np.indices((side, side)) - side / 2
    disc = (np.hypot(x, y) < side * 0.48)[..., None]
    colour = np.array([150, 85, 45])
    frequency = np.hypot(*np.meshgrid(*[np.fft.fftfreq(side)] * 2)) + 1 / side
    pictures = []
    for power in (0.0, 0.5, 1.0, 1.5, 2.0):
        noise = np.fft.fft2(rng.normal(size=(side, side))) / frequency**power
        clouds = np.fft.ifft2(noise).real
        clouds = 1 + 0.15 * clouds[..., None] / clouds.std()
        pictures += [colour * clouds, colour * clouds * disc]
    ball = np.sqrt(np.clip(1 - (np.hypot(x, y) / 192) ** 2, 0, 1))
    pictures.append(1.5 * colour * ball[..., None])
    pictures.append(rng.uniform(0, 255, (side, side, 3)))
    return [np.clip(p, 0, 255).astype(np.uint8) for p in pictures]


def _sets(data: Path) -> dict[str, list[np.ndarray]]:
    """Return the pictures of each row of the table."""

    def read(*names: str) -> list[np.ndarray]:
        return [read_fundus(data / name) for name in names]

    def found(pattern: str) -> list[np.ndarray]:
        return [read_fundus(path) for path in sorted(data.glob(pattern))]

    held_out = read(*_HELD_OUT)
    return {
        "references": read(*(n for eye in _REFERENCES for n in eye.split())),
        "held-out eyes": held_out,
        **{
            f"held-out eyes, {name}": [change(x) for x in held_out]
            for name, change in _CHANGES.items()
        },
        "phantoms": [
            make_pair(i, CATEGORIES[i % 4], 512).fundus for i in range(20)
        ],
        "red-free photographs": read(*_RED_FREE),
        "angiograms, Isfahan": found("fa_only/*/*.jpg"),
        "angiograms of the pairs": found("pairs_*/*_ffa.*"),
        "noise, clouds and a ball, some in the colours of a retina": _made_up(),
        "one colour": [
            np.full((300, 300, 3), c, np.uint8)
            for c in [(0, 0, 0), (255, 255, 255), (170, 90, 40), (60, 120, 40)]
        ],
    }


def _row(name: str, pictures: list[np.ndarray]) -> tuple:
    scores = np.array([judge(picture).score for picture in pictures])
    three = (scores.min(), np.median(scores), scores.max())
    warned = int((scores > USUAL_SCORE).sum())
    return name, len(scores), *(figure(x, 2) for x in three), warned


def main() -> None:
    """Print references and scores."""
    data = Path(_DATA.value)
    if not (data / "drive").is_dir():
        raise InputError(f"--data={data}: no folder drive there")
    _references(data)
    sets = _sets(data)
    for folder in map(Path, _OTHERS.value):
        files = sorted([*folder.glob("*.png"), *folder.glob("*.jpg")])
        # scikit-image's retina.jpg is a fundus photograph.
        sets[f"pictures in {folder.name}"] = [
            read_fundus(f) for f in files if f.stem != "retina"
        ]
    show_table(
        ("Pictures", "Number", "Least", "Median", "Largest", "Warned"),
        (_row(*row) for row in sets.items()),
    )


if __name__ == "__main__":
    cli.run(main)
