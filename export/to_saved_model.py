"""A run's generator as a SavedModel."""

from pathlib import Path

import tensorflow as tf

from ffa_keras.errors import InputError
from ffa_keras.files import replacing
from ffa_keras.training.runs import load_config
from ffa_keras.translation.forms import fingerprint
from ffa_keras.translation.places import locate
from ffa_keras.translation.run_folder import load_generator
from ffa_keras.translation.whole import trained_diameter

from .agreement import checked
from .metadata import add_metadata, describe
from .serving.warm_up import write_warm_up
from .signatures import ExportedGenerator


def export_saved_model(
    run_dir: str | Path,
    output: str | Path,
    version: int | None = None,
    warm_up: bool = False,
    precision: str = "float32",
) -> Path:
    """Write a version of the generator, whole or not at all.

    Args:
        run_dir: folder of the run.
        output: folder of the versions, made if absent.
        version: its number; one more than the largest there if `None`.
        warm_up: whether to add warm-up requests for TensorFlow Serving, in
            which the model has the name of `output`.
        precision: of the weights: `float32`, or `float16`, half the size.

    Returns:
        The folder of the version.

    Raises:
        InputError: the run has no generator, the version exists, warm-up
            requests are wanted without `tensorflow-serving-api`, or the
            answers of `float16` are further from Keras than `BOUNDS`.
    """
    generator = load_generator(run_dir)
    module = ExportedGenerator(generator, precision)
    output = Path(output)
    if output.exists() and not output.is_dir():
        raise InputError(f"--output={output}: is a file; name a folder")
    taken = [int(p.name) for p in output.glob("*") if p.name.isdecimal()]
    folder = output / str(version or max(taken, default=0) + 1)
    if folder.exists():
        raise InputError(
            f"--version={folder.name}: {folder} exists; versions are never"
            " replaced"
        )
    with replacing(folder, exclusive=True) as temporary:
        tf.saved_model.save(module, str(temporary), module.signatures)
        agreement = ""
        if precision != "float32":
            dataset = load_config(locate(run_dir)).dataset_dir
            agreement = str(checked(generator, temporary, precision, dataset))
        about = describe(
            fingerprint(run_dir),
            precision,
            trained_diameter(generator),
            agreement,
        )
        add_metadata(temporary, about)
        if warm_up:
            write_warm_up(temporary, output.resolve().name)
    return folder
