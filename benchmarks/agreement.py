r"""Whether a generator answers with the same pixels in each of its forms.

    python -m benchmarks.agreement --run=runs/one --photographs='eyes/*.tif'

Exports the generator of a run, translates photographs with Keras and with
every other form, and prints a Markdown table. "C++ loader" is a process that
loads the SavedModel as TensorFlow Serving does, without any of our code.
"""

import subprocess
import sys
import tempfile
from pathlib import Path

from ffa_keras import cli  # isort: skip

import glob

import numpy as np
from absl import flags

from benchmarks.harness import figure, show_table
from export.agreement import Agreement, compare
from ffa_keras.errors import InputError
from ffa_keras.images.files import read_fundus
from ffa_keras.translation.answers import Translator
from ffa_keras.translation.forms import load_translator
from ffa_keras.translation.run_folder import load_generator

_RUN = flags.DEFINE_string("run", None, "Run folder.", required=True)
_PHOTOGRAPHS = flags.DEFINE_list(
    "photographs", None, "Files or patterns.", required=True
)
_DATASET = flags.DEFINE_string(
    "dataset", "", "To calibrate int8 on; the run's own if empty."
)

_LOADER = """
import sys
import numpy as np
import tensorflow as tf
with tf.compat.v1.Session(graph=tf.Graph()) as session:
    meta = tf.compat.v1.saved_model.loader.load(session, ["serve"], sys.argv[1])
    signature = meta.signature_def["serving_default"]
    ffa, feed = signature.outputs["ffa"], signature.inputs["fundus"]
    answers = [
        session.run(ffa.name, {feed.name: fundus[None].astype("float32")})[0]
        for fundus in np.load(sys.argv[2]).values()
    ]
if any(name.startswith("ffa_keras") for name in sys.modules):
    sys.exit("our code was loaded")
np.savez(sys.argv[3], *answers)
"""


def _by_cpp_loader(
    version: Path, photographs: list[np.ndarray], folder: Path
) -> Translator:
    """Return what answers each photograph in turn, as the loader did."""
    np.savez(folder / "photographs.npz", *photographs)
    subprocess.run(
        [
            sys.executable, "-I", "-c", _LOADER, version,
            folder / "photographs.npz", folder / "answers.npz",
        ],
        cwd=folder, check=True,
    )  # fmt: skip
    answers = iter(np.load(folder / "answers.npz").values())
    return lambda _: np.rint(next(answers)).astype(np.uint8)


def _forms(photographs: list[np.ndarray], folder: Path) -> dict:
    """Return a translator of each form; int8 only if it passes."""
    # Here, after the flags are parsed: these programs have flags of their own.
    from export.agreement import BOUNDS
    from export.to_saved_model import export_saved_model
    from export.to_tflite import export_tflite

    version = export_saved_model(_RUN.value, folder / "saved_model")
    forms: dict[str, Translator] = {
        "SavedModel, Python": load_translator(version),
        "SavedModel, C++ loader": _by_cpp_loader(version, photographs, folder),
    }
    for kind in BOUNDS:
        file = folder / f"{kind}.tflite"
        try:
            export_tflite(_RUN.value, file, kind, _DATASET.value)
        except InputError as error:
            print(f"TFLite {kind}: left out, {error}")
        else:
            forms[f"TFLite {kind}"] = load_translator(file)
    return forms


def _row(name: str, agreements: list[Agreement]) -> tuple:
    least = min(agreement.psnr for agreement in agreements)
    similar = min(agreement.ssim for agreement in agreements)
    worst = max(agreement.worst for agreement in agreements)
    return name, worst, figure(least, 1), figure(similar, 5)


def main() -> None:
    """Compare all forms with Keras."""
    files = [f for p in _PHOTOGRAPHS.value for f in sorted(glob.glob(p))]
    if not files:
        raise InputError(f"--photographs={_PHOTOGRAPHS.value}: nothing found")
    photographs = [read_fundus(file) for file in files]
    generator = load_generator(_RUN.value)
    print(f"{len(photographs)} photographs\n")
    with tempfile.TemporaryDirectory() as folder:
        forms = _forms(photographs, Path(folder))
        show_table(
            ("Form", "Worst pixel", "Least PSNR, dB", "Least SSIM"),
            (
                _row(name, [compare(generator, translator, [fundus])
                            for fundus in photographs])
                for name, translator in forms.items()
            ),
        )  # fmt: skip


if __name__ == "__main__":
    cli.run(main)
