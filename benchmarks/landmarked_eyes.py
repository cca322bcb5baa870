"""Real eyes in colour with their FFA, warped onto it by hand-set landmarks."""

import collections
import csv
import json
from pathlib import Path

import numpy as np

from ffa_keras.evaluation.measures import Eye
from ffa_keras.images.files import read_ffa, read_fundus
from ffa_keras.registration.retina import field_of_view
from ffa_keras.registration.transform import warp_to_ffa

# The brightest channel of a photograph in colour is red.
_COLOURED = 12


def landmarked_eyes(folder: Path) -> dict[str, list[tuple[str, Eye]]]:
    """Return the colour pairs of each eye: name, and what to judge.

    Args:
        folder: with `pairs.csv`, its files and a homography of each.
    """
    eyes = collections.defaultdict(list)
    with (folder / "pairs.csv").open() as file:
        rows = list(csv.DictReader(file))
    for row in rows:
        name = next(value for value in row.values() if value)
        fundus = read_fundus(folder / f"{name}_fundus.png")
        if np.ptp(fundus.astype(int), axis=-1).mean() < _COLOURED:
            continue
        ffa = read_ffa(folder / f"{name}_ffa.png")
        text = (folder / f"{name}_landmarks.json").read_text()
        matrix = np.array(json.loads(text)["published_H_fundus_to_ffa"])
        warped, known = warp_to_ffa(fundus, matrix, ffa.shape[:2])
        seen, _ = warp_to_ffa(
            np.uint8(255) * field_of_view(fundus), matrix, ffa.shape[:2]
        )
        inside = known & (seen.reshape(ffa.shape[:2]) > 127)
        inside &= field_of_view(ffa)
        eyes[row["eye"]].append((name, Eye(warped, ffa, inside[..., None])))
    return dict(eyes)
