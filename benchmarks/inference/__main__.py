"""Latency and memory of a generator in each of its forms.

`python -m benchmarks.inference --run=RUN_DIR` exports the generator of a run,
translates one phantom photograph in every form, each in a process of its own,
and prints a Markdown table. Calls are interleaved, so that a busy moment of
the machine falls on all forms; memory is the peak of the process above what
it held before the model was loaded. PyTorch and ONNX Runtime, with the same
weights, take part where `torch` and `onnx` and `onnxruntime` are installed.
"""

import tempfile
from collections.abc import Callable
from pathlib import Path

from ffa_keras import cli  # isort: skip

import numpy as np
from absl import flags

from benchmarks.harness import (
    Reply,
    able,
    figure,
    peak_mb,
    serve,
    show_table,
    take_turns,
    timed,
)
from benchmarks.inference.forms import (
    KINDS,
    MATMUL,
    arithmetic,
    contender,
    export_forms,
    load,
    native_run,
    write_rivals,
)
from ffa_keras.errors import InputError

_RUN = flags.DEFINE_string("run", "", "Run folder.")
_DATASET = flags.DEFINE_string(
    "dataset", "", "To calibrate int8 on; the run's own if empty."
)
_FORMS = flags.DEFINE_list(
    "forms", [], "Names of those that take part beside Keras; all if empty."
)
_MODEL = flags.DEFINE_string("model", "", "What a process serves.")
_SIZE = flags.DEFINE_integer("size", 512, "Side of the photograph.", 16)
_ROUNDS = flags.DEFINE_integer("rounds", 5, "Timed calls of each form.", 1)
_ANSWER = flags.DEFINE_string("answer", "", "Write it here; for the parent.")
_FORM = flags.DEFINE_string("form", "", "Serve this form; used by the parent.")


def _serve() -> tuple[Reply, Callable[[], Reply]]:
    from ffa_keras.phantom import make_pair

    name = _FORM.value
    if name.startswith("PyTorch"):
        import torch  # noqa: F401
    elif name == "ONNX Runtime":
        import onnxruntime  # noqa: F401
    elif name.startswith("OpenVINO"):
        import openvino  # noqa: F401
    else:
        from ffa_keras.translation import forms  # noqa: F401
    fundus = make_pair(0, "normal", _SIZE.value).fundus
    before = peak_mb()
    translate = load(name, _MODEL.value)
    np.save(_ANSWER.value, translate(fundus))
    return (
        {"memory": peak_mb() - before},
        lambda: {"seconds": timed(lambda: translate(fundus))},
    )


def _size_mb(path: Path) -> float:
    files = [path] if path.is_file() else path.rglob("*")
    return sum(f.stat().st_size for f in files if f.is_file()) / 1e6


def _takes_part(name: str) -> bool:
    return not _FORMS.value or name in _FORMS.value


def _compare(folder: Path) -> None:
    from benchmarks.inference.rivals import MATMUL_OPERATIONS
    from ffa_keras.translation.run_folder import load_generator

    run = native_run(_RUN.value, folder)
    kinds = [kind for kind in KINDS if _takes_part(f"TFLite {kind}")]
    forms = {
        "Keras, strips": run / "generator.keras",
        **export_forms(run, folder, _SIZE.value, _DATASET.value, kinds),
        **write_rivals(run, folder),
    }
    forms = {
        "Keras": run / "generator.keras",
        **{n: path for n, path in forms.items() if _takes_part(n)},
        MATMUL: run,
    }
    contenders = able(
        contender(name, model, _SIZE.value, folder / f"{name}.npy")
        for name, model in forms.items()
    )
    take_turns(contenders, _ROUNDS.value)
    *contenders, product = contenders
    wanted = arithmetic(load_generator(run), _SIZE.value)
    limit = min(product.seconds) * wanted / MATMUL_OPERATIONS
    answers = {
        c.name: np.load(folder / f"{c.name}.npy").astype(int)
        for c in contenders
    }
    print(f"limit: {limit:.3f} s\n")
    show_table(
        (
            "Form", "Best s", "Worst s", "Limits", "Peak MB", "Size MB",
            "Worst pixel",
        ),
        (
            (
                c.name, min(c.seconds), max(c.seconds),
                figure(min(c.seconds) / limit, 2),
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
