"""Translate photographs into files."""

import sys
from pathlib import Path

import keras

from ffa_keras import __version__
from ffa_keras.data.images import encode_png, read_fundus
from ffa_keras.errors import InputError
from ffa_keras.files import replacing
from ffa_keras.inference.files import find_photographs, label_png
from ffa_keras.inference.translators import load_translator

LABEL = {
    "Title": "Synthetic FFA",
    "Software": f"ffa_keras {__version__}",
    "Disclaimer": "Synthetic image, not for clinical use",
}


def predict(
    model: str, source: str, output: str, overwrite: bool = False
) -> int:
    """Translate every photograph and write single-channel PNG files.

    A file that cannot be translated is reported in one line and skipped.

    Args:
        model: as `load_translator` takes it.
        source: as `find_photographs` takes it.
        output: folder of the answers, made if absent.
        overwrite: whether answers that exist may be replaced.

    Returns:
        The number of photographs that could not be translated.

    Raises:
        InputError: no model, no photograph, or answers exist already.
    """
    answers = find_photographs(source)
    folder = Path(output)
    if folder.exists() and not folder.is_dir():
        raise InputError(f"--output={output}: is a file; name a folder")
    taken = [a for a in answers.values() if (folder / a).exists()]
    if taken and not overwrite:
        raise InputError(
            f"--output={output}: {len(taken)} answers exist, {taken[0]} first;"
            " add --overwrite or name another folder"
        )
    translate = load_translator(model)
    progress = keras.utils.Progbar(len(answers), unit_name="photograph")
    failures = 0
    for photograph, answer in answers.items():
        try:
            ffa = translate(read_fundus(photograph))
        except InputError as error:
            failures += 1
            reason = str(error).removeprefix(f"{photograph}: ")
            print(f"\nskipped {photograph}: {reason}", file=sys.stderr)
        else:
            with replacing(folder / answer) as temporary:
                temporary.write_bytes(label_png(encode_png(ffa), LABEL))
        progress.add(1)
    return failures
