"""The forms of a generator that take part, and how each is made and loaded."""

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.harness import Contender, installed
from ffa_keras.errors import InputError

if TYPE_CHECKING:
    from ffa_keras.models.resnet import ResnetGenerator, Stage
    from ffa_keras.translation.answers import Translator

KINDS = ("float32", "float16", "dynamic", "int8")
MATMUL = "Matrix product"


def native_run(run_dir: str, folder: Path) -> Path:
    """Write a copy of a run whose generator scales no photograph.

    Args:
        run_dir: as `load_generator` takes it.
        folder: where to.

    Returns:
        The folder of the copy.
    """
    from ffa_keras.translation.places import CONFIG_NAME, GENERATOR_NAME, locate
    from ffa_keras.translation.run_folder import load_generator

    copy = folder / "run"
    copy.mkdir()
    shutil.copy(locate(run_dir) / CONFIG_NAME, copy)
    generator = load_generator(run_dir)
    generator.field_diameter = 0
    generator.save(copy / GENERATOR_NAME)
    return copy


def export_forms(
    run: Path, folder: Path, size: int, dataset: str, kinds: Sequence[str]
) -> dict[str, Path]:
    """Return where each form of a generator is; TFLite only if it passes.

    Args:
        run: folder of `native_run`.
        folder: where to.
        size: side of the photographs that TFLite is to be fast for.
        dataset: that calibrates int8; the run's own if empty.
        kinds: of TFLite file.
    """
    from export.to_saved_model import export_saved_model
    from export.to_tflite import export_tflite

    forms = {"SavedModel": export_saved_model(run, folder / "saved_model")}
    for kind in kinds:
        file = folder / f"{kind}.tflite"
        try:
            export_tflite(run, file, kind, dataset, [(size, size)])
        except InputError as error:
            print(f"TFLite {kind}: left out, {error}")
        else:
            forms[f"TFLite {kind}"] = file
    return forms


def write_rivals(run: Path, folder: Path) -> dict[str, Path]:
    """Return the same weights for the other runtimes that are installed.

    Args:
        run: folder of `native_run`.
        folder: where to.
    """
    from benchmarks.inference.rivals import write_onnx, write_plan
    from ffa_keras.translation.run_folder import load_generator

    plan = write_plan(load_generator(run), folder / "plan.pickle")
    forms = {}
    if installed("torch"):
        names = "PyTorch eager", "PyTorch compiled", "PyTorch bfloat16"
        forms = dict.fromkeys(names, plan)
    if installed("onnx"):
        graph = write_onnx(plan, folder / "generator.onnx")
        if installed("onnxruntime"):
            forms["ONNX Runtime"] = graph
        if installed("openvino"):
            forms |= {"OpenVINO": graph, "OpenVINO bfloat16": graph}
    return forms


def contender(name: str, model: Path, size: int, answer: Path) -> Contender:
    """Start a process that translates in a form.

    Args:
        name: of the form.
        model: where it is.
        size: side of the photograph.
        answer: where its first answer goes, `.npy`.
    """
    return Contender(
        name,
        [
            "benchmarks.inference", f"--model={model}", f"--form={name}",
            f"--size={size}", f"--answer={answer}",
        ],
    )  # fmt: skip


def load(name: str, model: str) -> "Translator":
    """Return the function that translates in a form.

    Args:
        name: of the form.
        model: where it is.
    """
    from benchmarks.inference import rivals

    if name == MATMUL:
        return rivals.load_matmul()
    bfloat16 = name.endswith("bfloat16")
    if name.startswith("PyTorch"):
        return rivals.load_torch(
            Path(model), name.endswith("compiled"), bfloat16
        )
    if name == "ONNX Runtime":
        return rivals.load_onnx(Path(model))
    if name.startswith("OpenVINO"):
        return rivals.load_openvino(Path(model), bfloat16)
    from ffa_keras.translation.forms import load_translator
    from ffa_keras.translation.keras_model import translator_of
    from ffa_keras.translation.run_folder import load_generator

    if name == "Keras, strips":
        return translator_of(load_generator(model), at_once=0)
    return load_translator(model)


def arithmetic(generator: "ResnetGenerator", size: int) -> float:
    """Return the floating-point operations of the convolutions.

    Args:
        generator: the model.
        size: side of the photograph, a multiple of 4.

    Returns:
        Multiplications and additions, each counted.
    """
    return _arithmetic(generator.stages(), size)[0]


def _arithmetic(
    stages: tuple["Stage", ...], size: float
) -> tuple[float, float]:
    """Return operations, and the side of the outcome."""
    total = 0.0
    for stage in stages:
        if stage.branch:
            total += _arithmetic(stage.branch, size)[0]
            continue
        kernel = getattr(stage.layer, "kernel", None)
        if kernel is None:
            continue
        stride = stage.layer.strides[0]
        grows = type(stage.layer).__name__.endswith("Transpose")
        # A transposed convolution multiplies each pixel that it reads.
        made = size if grows else size / stride
        total += 2 * made**2 * float(kernel.shape.num_elements())
        size = size * stride if grows else made
    return total, size
