"""Draw the tiny manifest and the made-up archive that the tests read.

    python -m datasets.ffa_pairs.make_dummy_data

Three patients with four pairs: aligned by an affine, by landmarks, by both and
again by an affine. Same bytes on every run. The archive, which is not kept in
the repository, has every defect of the Isfahan archive.
"""

import csv
import json
import shutil
from pathlib import Path

import cv2
import numpy as np

from ffa_keras.images.files import write_png
from ffa_keras.phantom import make_pair

_FOLDER = Path(__file__).parent / "dummy_data"
_SIZE = 64
_POINTS = [[8, 8], [56, 10], [12, 50], [50, 54], [30, 28]]
_COLUMNS = (
    "pair_id patient eye category split fundus ffa affine landmarks".split()
)
_ROWS = (
    ("p1", "Dummy Ann", "OD", "normal", "train", "affine"),
    ("p2", "Dummy Ann", "OS", "optic_disc", "train", "landmarks"),
    ("p3", "Dummy Bob", "OD", "large_focal", "validation", "affine landmarks"),
    ("p4", "Dummy Cy", "OS", "punctate_focal", "test", "affine"),
)


def main() -> None:
    """Write the manifest and its files."""
    _FOLDER.mkdir(exist_ok=True)
    with (_FOLDER / "pairs.csv").open("w", newline="") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow(_COLUMNS)
        for seed, (name, patient, eye, category, split, given) in enumerate(
            _ROWS
        ):
            pair = make_pair(seed, category, _SIZE)
            write_png(_FOLDER / f"{name}_fundus.png", pair.fundus)
            write_png(_FOLDER / f"{name}_ffa.png", pair.ffa)
            files = [f"{name}_fundus.png", f"{name}_ffa.png"]
            affine = landmarks = ""
            if "affine" in given:
                affine = " ".join(f"{m:.6f}" for m in pair.matrix[:2].ravel())
            if "landmarks" in given:
                landmarks = f"{name}_landmarks.json"
                _write_landmarks(_FOLDER / landmarks, pair.matrix)
            identity = [name, patient, eye, category, split]
            table.writerow([*identity, *files, affine, landmarks])


def write_archive(folder: Path) -> None:
    """Write a made-up Isfahan archive with every defect of the real one.

    The middle of both images of a pair has one grey level, see `eye_level`.

    Args:
        folder: to write to, made if absent.
    """
    rng = np.random.default_rng(0)
    for name, category in (("Abnormal", "abnormal"), ("normal", "normal")):
        (folder / "CF_FFA" / name).mkdir(parents=True)
        for number in range(1, 31):
            single, double = f"{number}", f"{number}-{number}"
            if category == "normal":
                # The other way round, and two photographs exchanged.
                other = {10: 11, 11: 10}.get(number, number)
                single, double = f"{other}-{other}", f"{number}"
            for stem, colour in ((single, True), (double, False)):
                image = _draw_frame(eye_level(category, number), colour, rng)
                suffix = ".JPG" if number % 7 == 0 else ".jpg"
                path = folder / "CF_FFA" / name / (stem + suffix)
                cv2.imwrite(str(path), image)
    normal = folder / "CF_FFA" / "normal"
    cv2.imwrite(str(normal / "30.jpg"), _draw_frame(20, False, rng))
    shutil.copy(normal / "15.jpg", normal / "16.jpg")
    shutil.copy(normal / "1.jpg", normal / "1 copy.jpg")
    (normal / "Thumbs.db").write_bytes(b"no image")


def eye_level(category: str, number: int) -> int:
    """Return the grey level in the middle of both images of a pair."""
    return 60 + 2 * number + (70 if category == "normal" else 0)


def _draw_frame(
    level: int, colour: bool, rng: np.random.Generator
) -> np.ndarray:
    """Return uint8 BGR [576, 720, 3]: a disc of noise around a level."""
    noise = cv2.resize(rng.normal(0, 40, (24, 30)), (720, 576))
    disc = np.zeros((576, 720), np.uint8)
    cv2.circle(disc, (360, 288), 340, 1, -1)
    image = (128 + noise).clip(50, 220).astype(np.uint8) * disc
    cv2.rectangle(image, (330, 258), (390, 318), level, -1)
    if not colour:
        cv2.putText(image, "31/12/1999", (1, 12), 0, 0.38, 255, 1)
        return np.repeat(image[..., None], 3, -1)
    tint = np.array([0.5, 1, 1.15])
    return (image[..., None] * tint).clip(0, 255).astype(np.uint8)


def _write_landmarks(path: Path, matrix: np.ndarray) -> None:
    points = np.column_stack([_POINTS, np.ones(len(_POINTS))]) @ matrix.T
    points = (points[:, :2] / points[:, 2:]).round(3).tolist()
    path.write_text(json.dumps({"fundus_xy": _POINTS, "ffa_xy": points}))


if __name__ == "__main__":
    main()
