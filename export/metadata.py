"""What an exported model says of itself, for people and other programs.

As in TFLite's own convention for files that go with a model, a ZIP archive
follows the model: `unzip -p ffa.tflite metadata.json` shows it, and LiteRT
ignores it. A SavedModel has it in `assets.extra/metadata.json`.
"""

import json
import zipfile
from pathlib import Path
from typing import Any

from ffa_keras.inference.label import LABEL
from ffa_keras.sums import EXTRAS_FOLDER, METADATA_NAME, SUM_KEY, sha256
from ffa_keras.translation.endpoint import FIELD_DIAMETER, SERVING_DEFAULT

from .endpoints import FFA, FUNDUS


def add_metadata(model: Path, about: dict[str, Any]) -> None:
    """Put into a model what it is.

    Args:
        model: a TFLite file, or the folder of a SavedModel.
        about: of `describe`.
    """
    if model.is_dir():
        file = model / EXTRAS_FOLDER / METADATA_NAME
        file.parent.mkdir(exist_ok=True)
        file.write_text(json.dumps(about, indent=2), encoding="utf-8")
        return
    text = json.dumps({**about, SUM_KEY: sha256(model)}, indent=2)
    # A fixed date: the same model is the same file.
    entry = zipfile.ZipInfo(METADATA_NAME)
    with zipfile.ZipFile(model, "a") as archive:
        archive.writestr(entry, text)


def describe(
    generator: str, precision: str, field_diameter: int, agreement: str = ""
) -> dict[str, Any]:
    """Return what is worth knowing of an exported model.

    Args:
        generator: what tells its generator from others.
        precision: its kind.
        field_diameter: to which photographs are scaled before it, pixels; 0:
            they are not.
        agreement: how closely it answers as Keras does; empty if not measured.
    """
    return {
        **LABEL,
        "Generator": generator,
        "Precision": precision,
        **({"Agreement": agreement} if agreement else {}),
        FIELD_DIAMETER: field_diameter,
        "Signature": SERVING_DEFAULT,
        "Inputs": {
            FUNDUS: "float32 [B, H, W, 3], colour fundus photographs, RGB, grey"
            " levels 0-255; H and W from 16 pixels"
        },
        "Outputs": {
            FFA: "float32 [B, H, W, 1], late-phase angiograms, grey levels"
            " 0-255"
        },
    }
