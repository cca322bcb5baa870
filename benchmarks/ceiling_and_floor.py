r"""What the real FFA scores, and what trivial and classical pictures score.

    python -m benchmarks.ceiling_and_floor --photographs=DATA

Prints Markdown tables of every measure on the colour pairs of
DATA/pairs_landmarked, the photographs warped onto their FFA by the landmarks'
homography: one FFA and one photograph an eye counts (means over eyes, not
pictures). Rows: the real FFA; another real FFA of the eye, where there is one;
the mean FFA and the best constant of the other eyes; classical pictures. Below,
the real FFA judged against itself at other exposures. --lpips_weights adds
LPIPS. The folder may also stand in FFA_KERAS_PHOTOGRAPHS.
"""

from ffa_keras import cli  # isort: skip

import collections
import csv
import json
import os
from pathlib import Path

import numpy as np
from absl import flags

from benchmarks.harness import show_table
from ffa_keras.evaluation.baselines import MeanTrainingFfa, inverted_green
from ffa_keras.evaluation.classical import (
    ConstantFfa,
    equalised_green,
    flattened_green,
)
from ffa_keras.evaluation.measures import MEASURES, Eye
from ffa_keras.evaluation.measures.lpips import Lpips
from ffa_keras.images.files import read_ffa, read_fundus
from ffa_keras.registration import register_pair
from ffa_keras.registration.retina import field_of_view
from ffa_keras.registration.transform import warp_to_ffa

_PHOTOGRAPHS = flags.DEFINE_string(
    "photographs",
    os.environ.get("FFA_KERAS_PHOTOGRAPHS", ""),
    "Folder of real pairs.",
)
_WEIGHTS = flags.DEFINE_string("lpips_weights", "", "Weights of LPIPS.")

_SHOWN = (
    "psnr_valid", "psnr_fitted", "l1_valid", "l1_fitted", "ssim_valid", "lpips",
    "vessel_dice", "vessel_cldice", "vessel_auc", "leak_invented",
    "dots_invented",
)  # fmt: skip
# The brightest channel of a photograph in colour is red.
_COLOURED = 12


def _pairs(folder: Path) -> dict[str, list[tuple[str, np.ndarray, Eye]]]:
    """Return the colour pairs of each eye: name, photograph, what to judge."""
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
        eye = Eye(warped, ffa, inside[..., None])
        eyes[row["eye"]].append((name, warped, eye))
    return dict(eyes)


def _another(pairs: list[tuple[str, np.ndarray, Eye]]) -> np.ndarray | None:
    """Return another FFA of an eye, brought onto its first, if there is one."""
    first = pairs[0][2].real
    for _, _, eye in pairs[1:]:
        # Vessels are dark in what is registered with an FFA.
        seen = field_of_view(eye.real)[..., None]
        found = register_pair(
            np.where(seen, 255 - eye.real, 0).astype(np.uint8), first
        )
        same = (
            eye.real.shape == first.shape and np.mean(eye.real != first) < 0.1
        )
        if found.accepted and not same:
            return found.warp(eye.real)[0].reshape(first.shape)
    return None


def _scores(eye: Eye, prediction: np.ndarray, lpips: Lpips | None) -> dict:
    scores: dict = {}
    for measure in MEASURES:
        scores |= measure.of(eye)(prediction)
    if lpips:
        scores["lpips"] = lpips(eye.real, prediction, eye.mask)
    return scores


def main() -> None:
    """Print the tables."""
    if not _PHOTOGRAPHS.value:
        print("skipped: no folder; give --photographs or set"
              " FFA_KERAS_PHOTOGRAPHS")  # fmt: skip
        return
    lpips = Lpips(_WEIGHTS.value) if _WEIGHTS.value else None
    eyes = _pairs(Path(_PHOTOGRAPHS.value) / "pairs_landmarked")
    rows: dict[str, list[dict]] = collections.defaultdict(list)
    exposed: dict[float, list[dict]] = collections.defaultdict(list)
    for name, pairs in eyes.items():
        _, fundus, eye = pairs[0]
        mean, constant = MeanTrainingFfa(), ConstantFfa()
        for other, (first, *_) in eyes.items():
            if other != name:
                mean.add(first[2].real)
                constant.add(first[2].real[first[2].mask].reshape(-1, 1, 1))
        predictions = {
            "real FFA": eye.real,
            "another real FFA of the eye": _another(pairs),
            "mean FFA of other eyes": mean(fundus),
            "best constant of other eyes": constant(fundus),
            "inverted green": inverted_green(fundus),
            "flattened green": flattened_green(fundus),
            "equalised green": equalised_green(fundus),
        }
        for row, prediction in predictions.items():
            if prediction is not None:
                rows[row].append(_scores(eye, prediction, lpips))
        for gain in (0.7, 0.5, 0.3, 1.3):
            changed = np.clip(np.rint(eye.real * gain), 0, 255)
            exposed[gain].append(_scores(eye, changed.astype(np.uint8), lpips))
    names = [n for n in _SHOWN if n in rows["real FFA"][0]]
    for title, table in (
        ("Ceiling and floor", rows),
        ("The real FFA at other exposures", exposed),
    ):
        print(f"\n## {title}\n")
        show_table(
            ("", "eyes", *names),
            (
                (
                    label,
                    len(found),
                    *(f"{np.mean([s[n] for s in found]):.3g}" for n in names),
                )
                for label, found in table.items()
            ),
            title.lower(),
        )
    print("\n## Vessel AUC of each eye\n")
    for number, pairs in enumerate(eyes.values()):
        figures = ", ".join(
            f"{row} {found[number]['vessel_auc']:.3f}"
            for row, found in rows.items()
            if len(found) == len(eyes)
        )
        print(f"- eye of pair {pairs[0][0]}: {figures}")


if __name__ == "__main__":
    cli.run(main)
