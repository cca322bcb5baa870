"""Draw the tiny manifest that the builder's test reads.

    python -m datasets.ffa_pairs.make_dummy_data

Three patients with four pairs: aligned by an affine, by landmarks, by both and
again by an affine. Same bytes on every run.
"""

import csv
import json
from pathlib import Path

import numpy as np

from ffa_keras.data.images import write_png
from ffa_keras.data.phantom import make_pair

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


def _write_landmarks(path: Path, matrix: np.ndarray) -> None:
    points = np.column_stack([_POINTS, np.ones(len(_POINTS))]) @ matrix.T
    points = (points[:, :2] / points[:, 2:]).round(3).tolist()
    path.write_text(json.dumps({"fundus_xy": _POINTS, "ffa_xy": points}))


if __name__ == "__main__":
    main()
