"""A run's generator as a TFLite file."""

import tempfile
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf
from absl import logging

from ffa_keras.errors import InputError
from ffa_keras.files import replacing
from ffa_keras.models import ResnetGenerator
from ffa_keras.training.runs import load_config
from ffa_keras.translation.endpoint import of_size
from ffa_keras.translation.forms import fingerprint
from ffa_keras.translation.places import locate
from ffa_keras.translation.run_folder import load_generator
from ffa_keras.translation.whole import trained_diameter

from .agreement import (
    Agreement,
    calibration_patches,
    checked,
    frame_sizes,
)
from .endpoints import FUNDUS, SERVING_DEFAULT
from .equalize import equalize
from .metadata import add_metadata, describe
from .signatures import ExportedGenerator

# What int8 leaves as it is. In 8 bits the moments of a picture, the sums of
# the residual blocks and what joins two pictures of unlike range are too
# coarse (SSIM .65 on real photographs, .97 without), and no faster.
_IN_FLOAT32 = [
    "ADD",
    "AVERAGE_POOL_2D",
    "CONCATENATION",
    "GATHER",
    "MAXIMUM",
    "MEAN",
    "MINIMUM",
    "MIRROR_PAD",
    "MUL",
    "RELU",
    "RSQRT",
    "SQUARED_DIFFERENCE",
    "STRIDED_SLICE",
    "SUB",
    "TANH",
    "TRANSPOSE_CONV",
]
# And the first and the last of the other convolutions, in order. Like those
# that are transposed they work at full and half resolution: they have little of
# the arithmetic, and 8 bits cost most there, since at the edge of the field a
# channel may be 40 times as loud as along a vessel.
_NUM_FIRST, _NUM_LAST = 2, 1
# Photographs that calibrate a signature of one size: large ones take long.
_NUM_OF_SIZE = 8


def export_tflite(
    run_dir: str | Path,
    output: str | Path,
    precision: str = "float32",
    dataset_dir: str | Path = "",
    sizes: Sequence[tuple[int, int]] | None = None,
) -> tuple[Path, Agreement]:
    """Write the generator as a TFLite file, whole or not at all.

    Args:
        run_dir: folder of the run.
        output: file to write or replace, ending in `.tflite`.
        precision: `float32`; `float16` or `dynamic` (8-bit weights), which
            halve and quarter the file; `int8`, convolutions in 8 bits, for
            which the training photographs set the ranges.
        dataset_dir: prepared dataset whose validation photographs judge the
            file; the run's own if empty.
        sizes: height and width of photographs that are to be fast; any others
            are answered too. Those of the dataset's own if `None`.

    Returns:
        The file, and how closely it answers as Keras does.

    Raises:
        InputError: the run or its dataset is not there, `output` is no
            `.tflite`, or the answers are further from Keras than `BOUNDS`.
    """
    output = Path(output)
    if output.suffix != ".tflite" or output.is_dir():
        raise InputError(f"--output={output}: name a file ending in .tflite")
    generator = load_generator(run_dir)
    dataset = dataset_dir or load_config(locate(run_dir)).dataset_dir
    diameter = trained_diameter(generator)
    if sizes is None:
        # Photographs that are scaled to a field have no size of their own.
        sizes = [] if diameter else frame_sizes(dataset)
    elif sizes and diameter:
        logging.warning(
            "--sizes: are for other programs; ffa_keras scales every photograph"
            " until its field is %d pixels wide, whatever size it has then",
            diameter,
        )
    patches = []
    if precision == "int8":
        patches = calibration_patches(dataset, diameter)
        if isinstance(generator, ResnetGenerator):
            equalize(generator, patches)
    with replacing(output) as temporary:
        content = convert(generator, precision, patches, sizes)
        temporary.write_bytes(content)
        kept = load_generator(run_dir)
        agreement = checked(kept, temporary, precision, dataset)
        about = describe(
            fingerprint(run_dir),
            precision,
            diameter,
            str(agreement),
        )
        add_metadata(temporary, about)
    return output, agreement


def convert(
    generator: keras.Model,
    precision: str,
    images: list[np.ndarray],
    sizes: Sequence[tuple[int, int]] = (),
) -> bytes:
    """Return the file's content.

    Args:
        generator: the model.
        precision: of `PRECISIONS`.
        images: float32 [1, H, W, 3], grey levels, that calibrate int8.
        sizes: height and width of photographs with a signature of their own.
    """
    module = ExportedGenerator(generator)
    signatures = {of_size(*size): module.serve_at(*size) for size in sizes}
    signatures[SERVING_DEFAULT] = module.serve
    # The converter takes a module with a `serve` for one of Keras, and leaves
    # out the other signatures.
    bare = tf.Module()
    bare.weights = module.weights
    with tempfile.TemporaryDirectory() as folder:
        tf.saved_model.save(bare, folder, signatures)
        converter = tf.lite.TFLiteConverter.from_saved_model(
            folder, signature_keys=sorted(signatures)
        )
        if precision != "float32":
            converter.optimizations = [tf.lite.Optimize.DEFAULT]
        if precision == "float16":
            converter.target_spec.supported_types = [tf.float16]
        if precision == "int8":
            return _quantized(converter, images, sizes)
        return converter.convert()


def _quantized(
    converter: tf.lite.TFLiteConverter,
    images: list[np.ndarray],
    sizes: Sequence[tuple[int, int]],
) -> bytes:
    """Return a file of which only the inner convolutions have 8 bits."""

    def calibrate() -> Iterator[tuple[str, dict[str, np.ndarray]]]:
        for image in images:
            yield SERVING_DEFAULT, {FUNDUS: image}
        for height, width in sizes:
            for image in images[:_NUM_OF_SIZE]:
                image = image[:, :height, :width]
                missing = height - image.shape[1], width - image.shape[2]
                sides = [(0, 0), *((0, n) for n in missing), (0, 0)]
                # Mirrored, not enlarged: details have their size.
                mirrored = np.pad(image, sides, "reflect")
                yield of_size(height, width), {FUNDUS: mirrored}

    converter.target_spec.supported_ops = [
        tf.lite.OpsSet.TFLITE_BUILTINS_INT8,
        tf.lite.OpsSet.TFLITE_BUILTINS,
    ]
    converter.representative_dataset = calibrate
    options = tf.lite.experimental.QuantizationDebugOptions(
        denylisted_ops=_IN_FLOAT32
    )
    with warnings.catch_warnings():
        # Of tools that are to move to another package.
        warnings.simplefilter("ignore")
        debugger = tf.lite.experimental.QuantizationDebugger(
            converter=converter,
            debug_dataset=calibrate,
            debug_options=options,
        )
        options.denylisted_nodes = _outer_convolutions(
            debugger.calibrated_model
        )
        return debugger.get_nondebug_quantized_model()


def _outer_convolutions(content: bytes) -> list[str]:
    """Return what each signature has of convolutions that stay float32.

    The transposed ones are left out: by a name they would not be found.
    """
    from ai_edge_litert.tools import flatbuffer_utils

    model = flatbuffer_utils.convert_bytearray_to_object(bytearray(content))
    found = []
    for graph in model.subgraphs:
        names = [
            graph.tensors[operator.outputs[0]].name.decode()
            for operator in graph.operators
            if flatbuffer_utils.opcode_to_name(model, operator.opcodeIndex)
            == "CONV_2D"
        ]
        found += names[:_NUM_FIRST] + names[-_NUM_LAST:]
    return found
