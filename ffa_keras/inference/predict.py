"""Translate photographs into files."""

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import tqdm

from ffa_keras.errors import InputError, Interrupted
from ffa_keras.files import write_table
from ffa_keras.images.files import read_ffa
from ffa_keras.inference.dicom import DicomOutput
from ffa_keras.inference.files import (
    DICOM,
    REPORT_COLUMNS,
    REPORT_NAME,
    STEMS,
    check_folder,
    check_nothing_lost,
    check_same_model,
    files_of,
    find_photographs,
)
from ffa_keras.inference.label import LABEL
from ffa_keras.inference.maps import Map
from ffa_keras.inference.overlap import overlapped
from ffa_keras.inference.work import Task, Work, digest
from ffa_keras.translation.answers import Translator
from ffa_keras.translation.flips import over_flips
from ffa_keras.translation.forms import fingerprint, load_translator
from ffa_keras.translation.scale import SMALLEST_SIDE


def predict(
    model: str,
    source: str | Sequence[str],
    output: str,
    overwrite: bool = False,
    maps: Mapping[str, Map] = MappingProxyType({}),
    resume: bool = False,
    names: str = STEMS,
    exemplar: str = "",
    frame: int | None = None,
    dicom: DicomOutput | None = None,
    average_flips: bool = False,
) -> int:
    """Translate every photograph and write single-channel PNG files.

    A file that cannot be translated is reported in one line and skipped. A
    picture that looks like no fundus photograph draws a warning. `report.csv`
    has a line for each photograph, by its number in the order of their paths;
    after an interruption or on a full disk, for each one done.

    Args:
        model: as `load_translator` takes it.
        source: one of those that `find_photographs` takes, or several.
        output: folder of the answers, made if absent.
        overwrite: whether answers that exist may be replaced.
        maps: what is drawn beside an answer, by its name in
            `files.MAPS`.
        resume: whether whole answers of the same model are kept.
        names: of `files.NAMES`, what an answer is named by.
        exemplar: file of an FFA image whose appearance the answers take, as
            `load_translator` does; the model's own if empty.
        frame: of DICOM files of several, which one; as `read_fundus` takes it.
        dicom: how each answer is also written as a DICOM file, if at all.
        average_flips: whether answers are means over flips and turns.

    Returns:
        The number of photographs that could not be translated.

    Raises:
        InputError: no model, no photograph, answers exist already, something
            else would be replaced, or nothing more can be written.
        Interrupted: by Ctrl-C; `resume` goes on.
    """
    if overwrite and resume:
        raise InputError("--overwrite replaces what --resume keeps; give one")
    folder = Path(output)
    sources = [source] if isinstance(source, str) else source
    beside = [*maps, DICOM] if dicom else maps
    answers = find_photographs(sources, beside, folder, names)
    check_folder(folder)
    check_nothing_lost(folder, answers, beside, overwrite or resume)
    translate, label = _load(model, exemplar, average_flips)
    if resume:
        for answer in answers.values():
            check_same_model(folder, files_of(answer, maps), label)
    work = Work(translate, folder, label, maps, resume, frame, dicom)
    report: list[tuple[Any, ...]] = []
    stop: Exception | None = None

    def done(task: Task) -> None:
        report.append((len(report) + 1, *task.row()))
        with progress.external_write_mode(sys.stderr):
            task.tell()
        progress.update()

    tasks = (Task(photograph, answer) for photograph, answer in answers.items())
    try:
        with tqdm.tqdm(
            total=len(answers),
            unit="photograph",
            disable=None,
            # Standard error leads nowhere while a thread decodes.
            file=sys.stdout,
        ) as progress:
            overlapped(tasks, work.read, work.translate, work.write, done)
    except KeyboardInterrupt:
        stop = Interrupted(
            f"{len(report)} of {len(answers)} photographs are done; add"
            " --resume to go on"
        )
    except OSError as error:
        stop = _unwritable(folder, error)
    try:
        write_table(folder / REPORT_NAME, [REPORT_COLUMNS, *report])
    except OSError as error:
        stop = stop or _unwritable(folder, error)
    if stop:
        raise stop
    return sum(row[-1] == "skipped" for row in report)


def _load(
    model: str, exemplar: str, average_flips: bool
) -> tuple[Translator, dict[str, str]]:
    """Return what answers, and what every answer says of it."""
    label = {**LABEL, "Model": fingerprint(model, average_flips)}
    if exemplar:
        ffa = _read_exemplar(exemplar)
        translate = load_translator(model, ffa)
        label["Exemplar"] = digest(ffa)
    else:
        translate = load_translator(model)
    return over_flips(translate) if average_flips else translate, label


def _read_exemplar(path: str) -> np.ndarray:
    try:
        ffa = read_ffa(path)
    except InputError as error:
        raise InputError(f"--exemplar: {error}") from error
    if min(ffa.shape[:2]) < SMALLEST_SIDE:
        raise InputError(
            f"--exemplar={path}: too small, give at least {SMALLEST_SIDE}"
            " pixels a side"
        )
    return ffa


def _unwritable(folder: Path, error: OSError) -> InputError:
    return InputError(
        f"--output={folder}: {error.strerror}; make room there, then add"
        " --resume to go on, or name another folder"
    )
