"""Latency and memory of a generator in each of its forms.

`python -m benchmarks.inference --run=RUN_DIR` exports the generator of a run,
translates one phantom photograph in every form, each in a process of its own,
and prints a Markdown table. Calls are interleaved, so that a busy moment of
the machine falls on all forms; memory is the peak of the process above what
it held before the model was loaded. PyTorch and ONNX Runtime, with the same
weights, take part where `torch` and `onnx` and `onnxruntime` are installed.
"""

import importlib.util
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from ffa_keras import cli  # isort: skip

import numpy as np
from absl import flags

from benchmarks.harness import (
    Contender,
    Reply,
    able,
    figure,
    peak_mb,
    serve,
    show_table,
    take_turns,
    timed,
)
from ffa_keras.errors import InputError

if TYPE_CHECKING:
    from ffa_keras.translation.whole import Translator

_RUN = flags.DEFINE_string("run", "", "Run folder.")
_MODEL = flags.DEFINE_string("model", "", "What a process serves.")
_SIZE = flags.DEFINE_integer("size", 512, "Side of the photograph.", 16)
_ROUNDS = flags.DEFINE_integer("rounds", 5, "Timed calls of each form.", 1)
_ANSWER = flags.DEFINE_string("answer", "", "Write it here; for the parent.")
_FORM = flags.DEFINE_string("form", "", "Serve this form; used by the parent.")

_KINDS = ("float32", "float16", "dynamic", "int8")


def _export(run_dir: str, folder: Path) -> dict[str, Path]:
    """Return where each form of the generator is; int8 only if it passes."""
    from export.to_saved_model import export_saved_model
    from export.to_tflite import export_tflite

    forms = {
        "Keras": Path(run_dir) / "generator.keras",
        "Keras, strips": Path(run_dir) / "generator.keras",
        "SavedModel": export_saved_model(run_dir, folder / "saved_model"),
    }
    for kind in _KINDS:
        file = folder / f"{kind}.tflite"
        try:
            forms[f"TFLite {kind}"] = export_tflite(run_dir, file, kind)[0]
        except InputError as error:
            print(f"TFLite {kind}: left out, {error}")
    return forms | _rivals(run_dir, folder)


def _rivals(run_dir: str, folder: Path) -> dict[str, Path]:
    from benchmarks.inference.rivals import write_onnx, write_plan
    from ffa_keras.translation.run_folder import load_generator

    plan = write_plan(load_generator(run_dir), folder / "plan.pickle")
    forms = {}
    if _installed("torch"):
        forms = {"PyTorch eager": plan, "PyTorch compiled": plan}
    if _installed("onnx") and _installed("onnxruntime"):
        forms["ONNX Runtime"] = write_onnx(plan, folder / "generator.onnx")
    return forms


def _installed(package: str) -> bool:
    if importlib.util.find_spec(package):
        return True
    print(f"{package}: not installed, left out")
    return False


def _contender(name: str, model: Path, answer: Path) -> Contender:
    return Contender(
        name,
        [
            "benchmarks.inference", f"--model={model}", f"--form={name}",
            f"--size={_SIZE.value}", f"--answer={answer}",
        ],
    )  # fmt: skip


def _load(name: str, model: str) -> "Translator":
    """Return the function that translates in a form."""
    from benchmarks.inference import rivals

    if name.startswith("PyTorch"):
        return rivals.load_torch(Path(model), name.endswith("compiled"))
    if name == "ONNX Runtime":
        return rivals.load_onnx(Path(model))
    from ffa_keras.translation.forms import load_translator, translator_of
    from ffa_keras.translation.run_folder import load_generator

    if name == "Keras, strips":
        return translator_of(load_generator(model), at_once=0)
    return load_translator(model)


def _serve() -> tuple[Reply, Callable[[], Reply]]:
    from ffa_keras.phantom import make_pair

    name = _FORM.value
    if name.startswith("PyTorch"):
        import torch  # noqa: F401
    elif name == "ONNX Runtime":
        import onnxruntime  # noqa: F401
    else:
        from ffa_keras.translation import forms  # noqa: F401
    fundus = make_pair(0, "normal", _SIZE.value).fundus
    before = peak_mb()
    translate = _load(name, _MODEL.value)
    np.save(_ANSWER.value, translate(fundus))
    return (
        {"memory": peak_mb() - before},
        lambda: {"seconds": timed(lambda: translate(fundus))},
    )


def _size_mb(path: Path) -> float:
    files = [path] if path.is_file() else path.rglob("*")
    return sum(f.stat().st_size for f in files if f.is_file()) / 1e6


def _compare(folder: Path) -> None:
    forms = _export(_RUN.value, folder)
    contenders = able(
        _contender(name, model, folder / f"{name}.npy")
        for name, model in forms.items()
    )
    take_turns(contenders, _ROUNDS.value)
    answers = {
        c.name: np.load(folder / f"{c.name}.npy").astype(int)
        for c in contenders
    }
    show_table(
        ("Form", "Best s", "Worst s", "Peak MB", "Size MB", "Worst pixel"),
        (
            (
                c.name, min(c.seconds), max(c.seconds),
                figure(c.ready["memory"], 0),
                figure(_size_mb(forms[c.name]), 1),
                np.abs(answers[c.name] - answers["Keras"]).max(),
            )
            for c in contenders
        ),
    )  # fmt: skip


def main() -> None:
    """Serve one form, or compare all of them."""
    if _FORM.value:
        serve(_serve)
        return
    if not _RUN.value:
        raise InputError("--run: name the folder of a run")
    with tempfile.TemporaryDirectory() as folder:
        _compare(Path(folder))


if __name__ == "__main__":
    cli.run(main)
