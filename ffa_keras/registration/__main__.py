r"""Register one pair, or judge a transform that is known already.

    python -m ffa_keras.registration --fundus=fundus.png --ffa=ffa.png \\
        --output=registered

Writes `transform.json`, `fundus.png` (brought onto the FFA), `valid_mask.png`,
`checkerboard.png` and `overlay.png` (vessels of the photograph magenta, of the
FFA green, of both white). Exit status 0 if the registration can be trusted, 1
if it is refused, 2 if the input is bad.
"""

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
from absl import flags

from ffa_keras import cli
from ffa_keras.errors import InputError
from ffa_keras.files import write_text
from ffa_keras.images.files import read_ffa, read_fundus, write_png
from ffa_keras.preparation.align import align_registered
from ffa_keras.preparation.manifest import read_landmarks
from ffa_keras.registration.pictures import PICTURES
from ffa_keras.registration.register import (
    METHODS,
    RegistrationResult,
    judge_matrix,
    register_pair,
)
from ffa_keras.registration.through import register_through
from ffa_keras.registration.transform import parse_matrix

_FUNDUS = flags.DEFINE_string("fundus", None, "Photograph.", required=True)
_FFA = flags.DEFINE_string("ffa", None, "Its FFA.", required=True)
_FUNDUS_FRAME = flags.DEFINE_integer(
    "fundus_frame", None, "Of a DICOM file of several, from 1.", 1
)
_FFA_FRAME = flags.DEFINE_integer(
    "ffa_frame", None, "Likewise; else the last of an angiogram.", 1
)
_EARLY_FFA = flags.DEFINE_string(
    "early_ffa",
    None,
    "An early frame of the same angiogram, by way of which a late one is"
    " registered whose vessels have faded.",
)
_OUTPUT = flags.DEFINE_string("output", None, "Folder.", required=True)
_METHOD = flags.DEFINE_enum(
    "method", "vessel", list(METHODS), "How to register."
)
_MATRIX = flags.DEFINE_string(
    "matrix",
    None,
    "Known transform, fundus xy to FFA xy: six numbers if affine, nine if"
    " projective, row by row. It is judged and used as it is.",
)
_LANDMARKS = flags.DEFINE_string(
    "landmarks",
    None,
    "JSON file with fundus_xy and ffa_xy; the transform is fitted to them.",
)


def main() -> int:
    """Register the pair, write the files, print the verdict."""
    fundus = read_fundus(_FUNDUS.value, frame=_FUNDUS_FRAME.value)
    ffa = read_ffa(_FFA.value, frame=_FFA_FRAME.value)
    known = _known_matrix()
    if known is not None:
        result = judge_matrix(fundus, ffa, known)
    elif _EARLY_FFA.value:
        early = read_ffa(_EARLY_FFA.value)
        result = register_through(fundus, early, ffa)
    else:
        result = register_pair(fundus, ffa, _METHOD.value)
    folder = Path(_OUTPUT.value)
    if folder.exists() and not folder.is_dir():
        raise InputError(f"--output={folder}: not a folder; name another")
    pair = align_registered(fundus, ffa, result)
    write_png(folder / "fundus.png", pair.fundus)
    write_png(folder / "valid_mask.png", pair.valid_mask * np.uint8(255))
    for name, draw in PICTURES.items():
        write_png(folder / f"{name}.png", draw(pair.fundus, pair.ffa))
    record = json.dumps(_record(result), indent=2)
    write_text(folder / "transform.json", record + "\n")
    print(_verdict(result))
    return 0 if result.accepted else 1


def _known_matrix() -> np.ndarray | None:
    if _MATRIX.value and _LANDMARKS.value:
        raise InputError("--matrix and --landmarks: give one of them")
    if _MATRIX.value:
        return parse_matrix(_MATRIX.value)
    if _LANDMARKS.value:
        return read_landmarks(Path(_LANDMARKS.value))
    return None


def _record(result: RegistrationResult) -> dict[str, Any]:
    quality = result.quality
    record = {
        "accepted": result.accepted,
        "reason": result.reason,
        "matrix_fundus_to_ffa": result.matrix.tolist(),
        "rmse_pixels": None if math.isnan(result.rmse) else result.rmse,
        "matched_keypoints": quality.num_matches,
        "agreeing_keypoints": quality.num_inliers,
        "stretch": quality.singular_values,
        "vessel_correlation": quality.vessel_ncc,
        "vessels_in_place": quality.centreline_fraction,
        "blocks_in_place": quality.num_blocks,
    }
    if result.transform is not None:
        record["polynomial_ffa_to_fundus"] = {
            "order": 1 if len(result.transform.coefficients) == 3 else 2,
            "terms": "1 x y x2 xy y2 of (xy - centre) / scale",
            "centre": result.transform.centre.tolist(),
            "scale": result.transform.scale,
            "coefficients": result.transform.coefficients.tolist(),
        }
    return record


def _verdict(result: RegistrationResult) -> str:
    if not result.accepted:
        return f"refused: {result.reason}"
    quality = result.quality
    return (
        f"accepted: {quality.num_inliers} keypoints agree, residual"
        f" {result.rmse:.2f} pixels, {quality.centreline_fraction:.0%} of the"
        f" vessels in place, vessel correlation {quality.vessel_ncc:.2f}"
    )


if __name__ == "__main__":
    cli.run(main)
