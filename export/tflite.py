r"""Export a run's generator as a TFLite (LiteRT) file.

    python -m export.tflite --run_dir=runs/isfahan --output=models/ffa.tflite

float32, any batch, height and width; the signature is `serving_default`.
"""

import tempfile
from pathlib import Path

from absl import flags

from ffa_keras import cli
from ffa_keras.errors import InputError
from ffa_keras.files import replacing

_RUN_DIR = flags.DEFINE_string("run_dir", None, "Run folder.", required=True)
_OUTPUT = flags.DEFINE_string("output", None, "File.tflite.", required=True)


def export_tflite(run_dir: str | Path, output: str | Path) -> Path:
    """Write the generator as a TFLite file, whole or not at all.

    Args:
        run_dir: folder of the run.
        output: file to write or replace, ending in `.tflite`.

    Returns:
        The file.

    Raises:
        InputError: the run has no generator, or `output` is no `.tflite`.
    """
    import tensorflow as tf

    from export.signatures import SERVING_DEFAULT, ExportedGenerator
    from ffa_keras.training.runs import load_generator

    output = Path(output)
    if output.suffix != ".tflite" or output.is_dir():
        raise InputError(f"--output={output}: name a file ending in .tflite")
    module = ExportedGenerator(load_generator(run_dir))
    with tempfile.TemporaryDirectory() as folder:
        tf.saved_model.save(module, folder, module.signatures)
        converter = tf.lite.TFLiteConverter.from_saved_model(
            folder, signature_keys=[SERVING_DEFAULT]
        )
        content = converter.convert()
    with replacing(output) as temporary:
        temporary.write_bytes(content)
    return output


def main() -> None:
    """Export and say where to."""
    file = export_tflite(_RUN_DIR.value, _OUTPUT.value)
    print(f"TFLite: {file}, {file.stat().st_size / 1e6:.1f} MB")


if __name__ == "__main__":
    cli.run(main)
