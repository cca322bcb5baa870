"""Translate photographs into files."""

import csv
import io
import os
import sys
from collections.abc import Collection
from pathlib import Path

import keras
import numpy as np

from ffa_keras.data.images import encode_png, read_fundus
from ffa_keras.errors import InputError
from ffa_keras.files import replacing, write_text
from ffa_keras.inference.files import (
    LABEL,
    MAPS,
    SALIENCY,
    UNCERTAINTY,
    check_vacant,
    find_photographs,
    label_png,
    map_path,
)
from ffa_keras.inference.maps import draw_saliency, draw_uncertainty
from ffa_keras.inference.plausibility import USUAL_SCORE, Plausibility, judge
from ffa_keras.inference.translators import (
    Translator,
    fingerprint,
    load_translator,
)

REPORT_NAME = "report.csv"
_REPORT_COLUMNS = (
    "number",
    "width",
    "height",
    "score",
    "suspicious",
    "outcome",
)


def predict(
    model: str,
    source: str,
    output: str,
    overwrite: bool = False,
    maps: Collection[str] = (),
) -> int:
    """Translate every photograph and write single-channel PNG files.

    A file that cannot be translated is reported in one line and skipped. A
    picture that looks like no fundus photograph draws a warning. `report.csv`
    has a line for each photograph, by its number in the order of their paths.

    Args:
        model: as `load_translator` takes it.
        source: as `find_photographs` takes it.
        output: folder of the answers, made if absent.
        overwrite: whether answers that exist may be replaced.
        maps: of `files.MAPS`, what to draw beside each answer.

    Returns:
        The number of photographs that could not be translated.

    Raises:
        InputError: no model, no photograph, or answers exist already.
    """
    answers = find_photographs(source, maps)
    folder = Path(output)
    if folder.exists() and not folder.is_dir():
        raise InputError(f"--output={output}: is a file; name a folder")
    _check_writable(folder)
    if not overwrite:
        check_vacant(folder, [*answers.values(), Path(REPORT_NAME)], maps)
    translate = load_translator(model)
    label = {**LABEL, "Model": fingerprint(model)}
    progress = keras.utils.Progbar(len(answers), unit_name="photograph")
    report = []
    for number, (photograph, answer) in enumerate(answers.items(), 1):
        try:
            fundus = read_fundus(photograph)
            pictures = _draw(translate, fundus, maps)
        except InputError as error:
            reason = str(error).removeprefix(f"{photograph}: ")
            print(f"\nskipped {photograph}: {reason}", file=sys.stderr)
            report.append((number, "", "", "", "", "skipped"))
        else:
            plausibility = judge(fundus)
            _warn(photograph, plausibility)
            _write(folder / answer, pictures, label, plausibility)
            size = fundus.shape[1::-1]
            score = f"{plausibility.score:.2f}", plausibility.suspicious
            report.append((number, *size, *score, "translated"))
        progress.add(1)
    _write_report(folder / REPORT_NAME, report)
    return sum(row[-1] == "skipped" for row in report)


def _draw(
    translate: Translator, fundus: np.ndarray, maps: Collection[str]
) -> dict[str, np.ndarray]:
    """Return the answer, by the name "", and the maps by theirs."""
    pictures = {"": translate(fundus)}
    if SALIENCY in maps:
        pictures[SALIENCY] = draw_saliency(pictures[""])
    if UNCERTAINTY in maps:
        pictures[UNCERTAINTY] = draw_uncertainty(translate, fundus)
    return pictures


def _warn(photograph: Path, plausibility: Plausibility) -> None:
    if plausibility.suspicious:
        print(
            f"\nwarning: {photograph}: is this a colour fundus photograph?"
            f" {plausibility.reason} (score {plausibility.score:.1f}, usual up"
            f" to {USUAL_SCORE})",
            file=sys.stderr,
        )


def _write(
    answer: Path,
    pictures: dict[str, np.ndarray],
    label: dict[str, str],
    plausibility: Plausibility,
) -> None:
    score = f"{plausibility.score:.2f}, usual up to {USUAL_SCORE}"
    label = {**label, "Photograph score": score}
    for name, picture in pictures.items():
        path = map_path(answer, name) if name else answer
        texts = {**label, "Comment": MAPS[name]} if name else label
        try:
            with replacing(path) as temporary:
                temporary.write_bytes(label_png(encode_png(picture), texts))
        except OSError as error:
            raise InputError(
                f"--output={path.parent}: {error.strerror}; make room or name"
                " another folder"
            ) from error


def _write_report(path: Path, rows: list[tuple]) -> None:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(_REPORT_COLUMNS)
    writer.writerows(rows)
    write_text(path, text.getvalue())


def _check_writable(folder: Path) -> None:
    """Refuse a folder that cannot be written, before any work is done."""
    standing = folder
    while not standing.exists() and standing != standing.parent:
        standing = standing.parent
    if not standing.is_dir() or not os.access(standing, os.W_OK):
        raise InputError(
            f"--output={folder}: cannot be written; name another folder"
        )
