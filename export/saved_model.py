r"""Export a run's generator as a SavedModel for TensorFlow Serving.

    python -m export.saved_model --run_dir=runs/isfahan --output=models/ffa

Writes `OUTPUT/VERSION/`; the version is one more than the largest there. Its
`SHA256SUMS` tell whether its files are still what was written.
"""

from pathlib import Path

from absl import flags

from export.shared_flags import OUTPUT, RUN_DIR
from ffa_keras import cli
from ffa_keras.errors import InputError
from ffa_keras.files import replacing

_VERSION = flags.DEFINE_integer(
    "version", None, "Version; one more than the largest if not given.", 1
)
_WARM_UP = flags.DEFINE_bool(
    "warm_up", False, "Add requests that warm up TensorFlow Serving."
)


def export_saved_model(
    run_dir: str | Path,
    output: str | Path,
    version: int | None = None,
    warm_up: bool = False,
) -> Path:
    """Write a version of the generator, whole or not at all.

    Args:
        run_dir: folder of the run.
        output: folder of the versions, made if absent.
        version: its number; one more than the largest there if `None`.
        warm_up: whether to add warm-up requests for TensorFlow Serving, in
            which the model has the name of `output`.

    Returns:
        The folder of the version.

    Raises:
        InputError: the run has no generator, the version exists, or warm-up
            requests are wanted without `tensorflow-serving-api`.
    """
    import tensorflow as tf

    from export.signatures import ExportedGenerator
    from export.warm_up import write_warm_up
    from ffa_keras.translation.run_folder import load_generator

    module = ExportedGenerator(load_generator(run_dir))
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
        if warm_up:
            write_warm_up(temporary, output.resolve().name)
    return folder


def main() -> None:
    """Export and say where to."""
    folder = export_saved_model(
        RUN_DIR.value, OUTPUT.value, _VERSION.value, _WARM_UP.value
    )
    print(f"SavedModel: {folder}")


if __name__ == "__main__":
    cli.run(main)
