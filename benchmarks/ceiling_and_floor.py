r"""What the real FFA scores, and what trivial and classical pictures score.

    python -m benchmarks.ceiling_and_floor --photographs=DATA

Prints Markdown tables of every measure on the colour pairs of
DATA/pairs_landmarked, the photographs warped onto their FFA by the landmarks'
homography: one FFA and one photograph an eye counts (means over eyes, not
pictures). Rows: the real FFA; another real FFA of the eye, where there is one;
chance, the real FFA of another eye; the mean FFA and the best constant of the
other eyes; classical pictures; the released generator, which has seen phantoms
only. Below, the real FFA judged against itself at other exposures.
--lpips_weights adds LPIPS. The folder may also stand in FFA_KERAS_PHOTOGRAPHS.
"""

from ffa_keras import cli  # isort: skip

import collections
import os
from pathlib import Path

import numpy as np
from absl import flags

from benchmarks.harness import show_table
from benchmarks.landmarked_eyes import landmarked_eyes
from ffa_keras.evaluation.baselines import (
    CHANCE,
    MEAN_OF_OTHERS,
    REAL,
    SECOND,
    MeanTrainingFfa,
    resized,
)
from ffa_keras.evaluation.classical import CLASSICAL, ConstantFfa
from ffa_keras.evaluation.measures import MEASURES, Eye
from ffa_keras.evaluation.measures.lpips import Lpips
from ffa_keras.evaluation.second import second_of
from ffa_keras.translation.forms import load_translator

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
    translate = load_translator("pretrained")
    found = landmarked_eyes(Path(_PHOTOGRAPHS.value) / "pairs_landmarked")
    eyes = [pairs[0][1] for pairs in found.values()]
    rows: dict[str, list[dict]] = collections.defaultdict(list)
    exposed: dict[str, list[dict]] = collections.defaultdict(list)
    for number, (eye, pairs) in enumerate(
        zip(eyes, found.values(), strict=True)
    ):
        mean, constant = MeanTrainingFfa(), ConstantFfa()
        for other in eyes[:number] + eyes[number + 1 :]:
            mean.add(other.real)
            constant.add(other.real)
        predictions = {
            REAL: eye.real,
            SECOND: second_of(eye, (other.real for _, other in pairs[1:])),
            CHANCE: resized(eyes[number - 1].real[..., 0], eye.real.shape[:2])[
                ..., None
            ],
            MEAN_OF_OTHERS: mean(eye.fundus),
            "best constant of other eyes": constant(eye.fundus),
            **{name: draw(eye.fundus) for name, draw in CLASSICAL.items()},
            "released generator": translate(eye.fundus),
        }
        for row, prediction in predictions.items():
            if prediction is not None:
                rows[row].append(_scores(eye, prediction, lpips))
        for gain in (0.7, 0.5, 0.3, 1.3):
            changed = np.clip(np.rint(eye.real * gain), 0, 255)
            exposed[f"x {gain:g}"].append(
                _scores(eye, changed.astype(np.uint8), lpips)
            )
    names = [n for n in _SHOWN if n in rows["real FFA"][0]]
    for title, part, table in (
        ("Ceiling and floor", "rows", rows),
        ("The real FFA at other exposures", "exposures", exposed),
    ):
        print(f"\n## {title}\n")
        show_table(
            ("", "eyes", *names),
            (
                (
                    label,
                    len(scored),
                    *(f"{np.mean([s[n] for s in scored]):.3g}" for n in names),
                )
                for label, scored in table.items()
            ),
            part,
        )
    print("\n## Vessel AUC of each eye\n")
    complete = {k: s for k, s in rows.items() if len(s) == len(eyes)}
    show_table(
        ("eye of pair", *complete),
        (
            (pairs[0][0], *(s[number]["vessel_auc"] for s in complete.values()))
            for number, pairs in enumerate(found.values())
        ),
        "vessel auc",
    )


if __name__ == "__main__":
    cli.run(main)
