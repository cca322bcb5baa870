"""Translate photographs into files."""

import os
import sys
from pathlib import Path

import keras

from ffa_keras.data.images import encode_png, read_fundus
from ffa_keras.errors import InputError
from ffa_keras.files import replacing
from ffa_keras.inference.files import LABEL, find_photographs, label_png
from ffa_keras.inference.translators import fingerprint, load_translator


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
    _check_writable(folder)
    taken = [a for a in answers.values() if (folder / a).exists()]
    if taken and not overwrite:
        raise InputError(
            f"--output={output}: {len(taken)} answers exist, {taken[0]} first;"
            " add --overwrite or name another folder"
        )
    translate = load_translator(model)
    label = {**LABEL, "Model": fingerprint(model)}
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
                temporary.write_bytes(label_png(encode_png(ffa), label))
        progress.add(1)
    return failures


def _check_writable(folder: Path) -> None:
    """Refuse a folder that cannot be written, before any work is done."""
    standing = folder
    while not standing.exists() and standing != standing.parent:
        standing = standing.parent
    if not standing.is_dir() or not os.access(standing, os.W_OK):
        raise InputError(
            f"--output={folder}: cannot be written; name another folder"
        )
