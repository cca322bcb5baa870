"""A run's generator as a TFLite file."""

import tempfile
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from ffa_keras.errors import InputError
from ffa_keras.files import replacing
from ffa_keras.models import ResnetGenerator
from ffa_keras.training.runs import load_config
from ffa_keras.translation.forms import fingerprint, load_translator
from ffa_keras.translation.run_folder import load_generator

from .agreement import Agreement, calibration_patches, compare, held_out
from .endpoints import FUNDUS, PRECISIONS, SERVING_DEFAULT
from .equalize import equalize
from .metadata import add_metadata
from .signatures import ExportedGenerator

# Least PSNR, dB, between the 8-bit answers of a kind and those of Keras. One
# pixel in 60 off by one grey level is 66 dB; 40 is 2.5 levels on average.
BOUNDS = dict(zip(PRECISIONS, (66.0, 55.0, 36.0, 30.0), strict=True))


def export_tflite(
    run_dir: str | Path,
    output: str | Path,
    precision: str = "float32",
    dataset_dir: str | Path = "",
) -> tuple[Path, Agreement]:
    """Write the generator as a TFLite file, whole or not at all.

    Args:
        run_dir: folder of the run.
        output: file to write or replace, ending in `.tflite`.
        precision: `float32`; `float16` or `dynamic` (8-bit weights), which
            halve and quarter the file; `int8`, all arithmetic in 8 bits, for
            which the training photographs set the ranges.
        dataset_dir: prepared dataset whose validation photographs judge the
            file; the run's own if empty.

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
    dataset = dataset_dir or load_config(run_dir).dataset_dir
    patches = []
    if precision == "int8":
        patches = calibration_patches(dataset)
        if isinstance(generator, ResnetGenerator):
            equalize(generator, patches)
    with replacing(output) as temporary:
        temporary.write_bytes(_convert(generator, precision, patches))
        agreement = compare(
            load_generator(run_dir),
            load_translator(temporary),
            held_out(dataset),
        )
        if agreement.psnr < BOUNDS[precision]:
            raise InputError(
                f"--precision={precision}: {agreement}; at least"
                f" {BOUNDS[precision]:.0f} dB wanted, choose a finer precision"
            )
        add_metadata(temporary, precision, agreement, fingerprint(run_dir))
    return output, agreement


def _convert(
    generator: keras.Model, precision: str, images: list[np.ndarray]
) -> bytes:
    """Return the file's content; `images` [1, H, W, 3] calibrate int8."""
    module = ExportedGenerator(generator)
    with tempfile.TemporaryDirectory() as folder:
        tf.saved_model.save(
            module,
            folder,
            {SERVING_DEFAULT: module.signatures[SERVING_DEFAULT]},
        )
        converter = tf.lite.TFLiteConverter.from_saved_model(
            folder, signature_keys=[SERVING_DEFAULT]
        )
        if precision != "float32":
            converter.optimizations = [tf.lite.Optimize.DEFAULT]
        if precision == "float16":
            converter.target_spec.supported_types = [tf.float16]
        if precision == "int8":
            converter.target_spec.supported_ops = [
                tf.lite.OpsSet.TFLITE_BUILTINS_INT8
            ]
            converter.representative_dataset = lambda: (
                (SERVING_DEFAULT, {FUNDUS: image}) for image in images
            )
        return converter.convert()
