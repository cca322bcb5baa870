"""What a TFLite file says of itself, for people and programs without our code.

As in TFLite's own convention for files that go with a model, a ZIP archive
follows the model: `unzip -p ffa.tflite metadata.json` shows it, and LiteRT
ignores it.
"""

import json
import zipfile
from pathlib import Path

from ffa_keras.files import METADATA_NAME, SUM_KEY, sha256
from ffa_keras.inference.label import LABEL

from .agreement import Agreement
from .endpoints import FFA, FUNDUS, SERVING_DEFAULT


def add_metadata(
    file: Path, precision: str, agreement: Agreement, generator: str
) -> None:
    """Append the archive to a TFLite file.

    Args:
        file: the model.
        precision: its kind.
        agreement: how closely it answers as Keras does.
        generator: what tells its generator from others.
    """
    about = {
        **LABEL,
        "Generator": generator,
        SUM_KEY: sha256(file),
        "Precision": precision,
        "Agreement": str(agreement),
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
    # A fixed date: the same model is the same file.
    entry = zipfile.ZipInfo(METADATA_NAME)
    with zipfile.ZipFile(file, "a") as archive:
        archive.writestr(entry, json.dumps(about, indent=2))
