r"""What translation costs, each as a ratio of two things measured in turn.

    python -m benchmarks.inference.goals --run=pretrained \
      --dataset=DATA --photographs='eyes/*.tif'

Prints Markdown tables: TFLite files over the SavedModel, how close they are
to Keras, what is on the disk, one photograph from command to file, many over
the network alone, and a large frame in strips over its pixels in pieces.
`--rows` chooses among these parts. Where no dataset is named, phantoms
calibrate int8, and where no photographs are, phantoms are compared.
"""

import contextlib
import functools
import glob
import io
import resource
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from ffa_keras import cli  # isort: skip

import cv2
import numpy as np
from absl import flags

from benchmarks.harness import able, figure, show_table, take_turns, timed
from benchmarks.inference.forms import contender, export_forms, native_run
from ffa_keras.errors import InputError
from ffa_keras.images.files import read_fundus, write_png
from ffa_keras.phantom import make_pair

_RUN = flags.DEFINE_string("run", "pretrained", "Run folder.")
_DATASET = flags.DEFINE_string(
    "dataset", "", "Prepared dataset that calibrates int8."
)
_PHOTOGRAPHS = flags.DEFINE_list(
    "photographs", [], "Files or patterns, to compare with Keras."
)
_ROUNDS = flags.DEFINE_integer("rounds", 5, "Turns of each.", 1)
_MANY = flags.DEFINE_integer("many", 12, "Photographs at once.", 2)
_FRAME = flags.DEFINE_string("frame", "3900x3000", "WIDTHxHEIGHT of the frame.")
_ROWS = flags.DEFINE_multi_enum(
    "rows",
    ["exports", "one", "many", "frame"],
    ["exports", "one", "many", "frame"],
    "Parts to measure.",
)

_SIZE = 512
_KINDS = ("float32", "dynamic", "int8")
Row = tuple[str, str, str]


def _exports(folder: Path) -> Iterator[Row]:
    """Time, closeness and size of the exports."""
    run = native_run(_RUN.value, folder)
    dataset = _DATASET.value or _phantoms(folder)
    forms = export_forms(run, folder, _SIZE, dataset, _KINDS)
    contenders = able(
        contender(name, model, _SIZE, folder / f"{name}.npy")
        for name, model in forms.items()
    )
    take_turns(contenders, _ROUNDS.value)
    saved, *others = contenders
    for other in others:
        yield (
            f"{other.name} over SavedModel, {_SIZE}x{_SIZE}",
            _ratio(other.seconds, saved.seconds),
            "≤ 1.2" if other.name.endswith("float32") else "≤ float32's",
        )
    yield from _closeness(run, forms)
    yield from _disk(run, forms["SavedModel"], folder)


def _phantoms(folder: Path) -> str:
    """Return a dataset of phantoms."""
    data = str(folder / "phantoms")
    subprocess.run(
        [
            sys.executable, "-m", "datasets.ffa_pairs", "--config=phantom",
            "--num_pairs=16", f"--image_size={_SIZE}", f"--data_dir={data}",
        ],
        check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    return data


def _closeness(run: Path, forms: dict[str, Path]) -> Iterator[Row]:
    from export.agreement import compare
    from ffa_keras.translation.forms import load_translator
    from ffa_keras.translation.run_folder import load_generator
    from ffa_keras.translation.scale import to_field
    from ffa_keras.translation.whole import trained_diameter

    diameter = trained_diameter(load_generator(_RUN.value))
    files = [f for p in _PHOTOGRAPHS.value for f in sorted(glob.glob(p))]
    photographs = [read_fundus(file) for file in files] or [
        make_pair(seed, "large_focal", _SIZE).fundus for seed in range(4)
    ]
    photographs = [to_field(fundus, diameter) for fundus in photographs]
    what = f"{len(photographs)} {'photographs' if files else 'phantoms'}"
    generator = load_generator(run)
    for kind in _KINDS[1:]:
        if f"TFLite {kind}" not in forms:
            continue
        translate = load_translator(forms[f"TFLite {kind}"])
        close = [
            compare(generator, translate, [fundus]).ssim
            for fundus in photographs
        ]
        yield (
            f"TFLite {kind}, SSIM to Keras, {what}",
            f"{np.mean(close):.3f}, least {min(close):.3f}",
            "≥ .95",
        )


def _disk(run: Path, saved_model: Path, folder: Path) -> Iterator[Row]:
    from export.to_saved_model import export_saved_model
    from ffa_keras.translation.run_folder import load_generator

    half = export_saved_model(run, folder / "half", precision="float16")
    weights = 4e-6 * load_generator(run).count_params()
    sizes = [
        sum(f.stat().st_size for f in version.rglob("variables.data*")) / 1e6
        for version in (saved_model, half)
    ]
    yield (
        f"SavedModel, weights on the disk, MB (float32: {weights:.1f})",
        f"{sizes[0]:.1f}; float16 {sizes[1]:.1f}",
        "once",
    )


def _one(folder: Path) -> Iterator[Row]:
    """One photograph, from the command to its file."""
    from export.to_tflite import export_tflite

    photograph = folder / "one.png"
    write_png(photograph, make_pair(0, "normal", _SIZE).fundus)
    models = {
        "run folder": _RUN.value,
        "TFLite": export_tflite(_RUN.value, folder / "one.tflite")[0],
    }
    seconds: dict[str, list[float]] = {name: [] for name in models}
    busy: dict[str, list[float]] = {name: [] for name in models}
    for name, model in list(models.items()) * _ROUNDS.value:
        command = [
            sys.executable, "-m", "ffa_keras.inference", str(photograph),
            f"--model={model}", f"--output={folder / 'one'}", "--overwrite",
        ]  # fmt: skip
        before = _busy()
        run = functools.partial(
            subprocess.run, command, check=True, capture_output=True
        )
        seconds[name].append(timed(run))
        busy[name].append(_busy() - before)
    for name in models:
        yield (
            f"one photograph, {name}, command to file, s (of a processor, s)",
            f"{min(seconds[name]):.1f} ({min(busy[name]):.1f})",
            "≤ 2.5",
        )


def _busy() -> float:
    """Return the processor's seconds of the processes that have ended."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def _many(folder: Path) -> Iterator[Row]:
    """Many photographs, over what the network alone takes."""
    from ffa_keras.inference.predict import predict
    from ffa_keras.translation.forms import load_translator

    number = _MANY.value
    photographs = [
        make_pair(seed, "normal", _SIZE).fundus for seed in range(number)
    ]
    for at, fundus in enumerate(photographs):
        write_png(folder / f"many/{at}.png", fundus)
    translate = load_translator(_RUN.value)

    def program(source: str) -> float:
        with contextlib.redirect_stdout(io.StringIO()):
            return timed(
                lambda: predict(
                    _RUN.value, source, str(folder / "answers"), overwrite=True
                )
            )

    alone, within = [], []
    for _ in range(_ROUNDS.value):
        alone.append(timed(lambda: [translate(f) for f in photographs[1:]]))
        # What the first costs, and the model, is in both.
        first = program(str(folder / "many/0.png"))
        within.append(program(str(folder / "many")) - first)
    yield (
        f"{number} photographs, share of the network's own rate",
        _ratio(alone, within),
        "≥ 0.9",
    )


def _frame(_folder: Path) -> Iterator[Row]:
    """A large frame in strips, over its pixels in pieces that fit."""
    from ffa_keras.translation.keras_model import MOST_PIXELS_AT_ONCE
    from ffa_keras.translation.run_folder import load_generator
    from ffa_keras.translation.strips import translate_in_strips
    from ffa_keras.translation.whole import translate_native

    generator = load_generator(_RUN.value)
    width, height = map(int, _FRAME.value.split("x"))
    fundus = make_pair(0, "normal", _SIZE).fundus
    frame = np.asarray(cv2.resize(fundus, (width, height)), np.uint8)
    number = -(-frame[..., 0].size // MOST_PIXELS_AT_ONCE)
    pieces, strips = [], []
    for _ in range(_ROUNDS.value):
        pieces.append(
            timed(
                lambda: [
                    translate_native(generator, piece)
                    for piece in np.array_split(frame, number)
                ]
            )
        )
        strips.append(timed(lambda: translate_in_strips(generator, frame)))
    yield (
        f"{_FRAME.value} in strips, over the same pixels in pieces",
        _ratio(strips, pieces),
        "≤ 1.3",
    )


def _ratio(ours: list[float], theirs: list[float]) -> str:
    """Return the median over turns, and the range of several."""
    ratios = [a / b for a, b in zip(ours, theirs, strict=True)]
    text = figure(statistics.median(ratios), 2)
    if len(ratios) > 1:
        text += f" ({min(ratios):.2f} to {max(ratios):.2f})"
    return text


_PARTS = {"exports": _exports, "one": _one, "many": _many, "frame": _frame}


def main() -> None:
    """Measure, and print a table of each part."""
    if _PHOTOGRAPHS.value and not any(map(glob.glob, _PHOTOGRAPHS.value)):
        raise InputError(f"--photographs={_PHOTOGRAPHS.value}: nothing found")
    with tempfile.TemporaryDirectory() as folder:
        for part in _ROWS.value:
            rows = _PARTS[part](Path(folder))
            show_table(("What", "Here", "Goal"), rows, part)


if __name__ == "__main__":
    cli.run(main)
