"""Translate photographs into files."""

import csv
import dataclasses
import errno
import hashlib
import io
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

import keras
import numpy as np

from ffa_keras.errors import InputError, Interrupted
from ffa_keras.files import replacing, write_text
from ffa_keras.images.files import (
    decode_png,
    encode_png,
    read_ffa,
    read_fundus,
)
from ffa_keras.inference.dicom import DicomOutput
from ffa_keras.inference.files import (
    DICOM,
    NUMBERS,
    REPORT_COLUMNS,
    REPORT_NAME,
    STEMS,
    check_folder,
    check_nothing_lost,
    check_same_model,
    files_of,
    find_photographs,
    map_path,
)
from ffa_keras.inference.label import LABEL, is_labelled, is_whole, label_png
from ffa_keras.inference.maps import Map
from ffa_keras.inference.plausibility import USUAL_SCORE, Plausibility, judge
from ffa_keras.translation.flips import AVERAGED, over_flips
from ffa_keras.translation.forms import (
    SMALLEST_SIDE,
    fingerprint,
    load_translator,
)
from ffa_keras.translation.whole import Translator

# Of a name that the file system does not take: other photographs go on.
_NAME_ERRORS = {
    errno.EEXIST,
    errno.EILSEQ,
    errno.EINVAL,
    errno.EISDIR,
    errno.ENAMETOOLONG,
    errno.ENOTDIR,
}


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
    label = {**LABEL, "Model": fingerprint(model)}
    if exemplar:
        ffa = _read_exemplar(exemplar)
        translate = load_translator(model, ffa)
        label["Exemplar"] = _digest(ffa)
    else:
        translate = load_translator(model)
    if average_flips:
        translate = over_flips(translate)
        label["Model"] += f", {AVERAGED}"
    if resume:
        for answer in answers.values():
            check_same_model(folder, files_of(answer, maps), label)
    work = _Work(translate, folder, label, maps, resume, frame, dicom)
    progress = keras.utils.Progbar(len(answers), unit_name="photograph")
    report: list[tuple] = []
    stop: Exception | None = None
    try:
        for number, (photograph, answer) in enumerate(answers.items(), 1):
            report.append((number, *work.translate(photograph, answer)))
            progress.add(1)
    except KeyboardInterrupt:
        stop = Interrupted(
            f"{len(report)} of {len(answers)} photographs are done; add"
            " --resume to go on"
        )
    except OSError as error:
        stop = _unwritable(folder, error)
    try:
        _write_report(folder / REPORT_NAME, report)
    except OSError as error:
        stop = stop or _unwritable(folder, error)
    if stop:
        raise stop
    return sum(row[-1] == "skipped" for row in report)


@dataclasses.dataclass(frozen=True)
class _Work:
    """What is done with each photograph."""

    translator: Translator
    folder: Path
    label: dict[str, str]
    maps: Mapping[str, Map]
    resume: bool
    frame: int | None
    dicom: DicomOutput | None

    def translate(self, photograph: Path, answer: Path) -> tuple:
        """Write the files of one photograph; return its row of the report."""
        try:
            fundus = read_fundus(photograph, frame=self.frame)
            plausibility = judge(fundus)
            files = self._files(answer, fundus, plausibility)
            if not self._kept(files):
                pictures = self._draw(fundus)
                for name, (path, texts) in files.items():
                    png = label_png(encode_png(pictures[name]), texts)
                    with replacing(path) as temporary:
                        temporary.write_bytes(png)
            if self.dicom:
                self._write_dicom(self.dicom, photograph, self.folder / answer)
        # One photograph, whatever is wrong with it, costs its own line only;
        # what stops all that follow is raised.
        except Exception as error:
            if isinstance(error, OSError) and error.errno not in _NAME_ERRORS:
                raise
            reason = _reason(error).removeprefix(f"{photograph}: ")
            print(f"\nskipped {photograph}: {reason}", file=sys.stderr)
            return "", "", "", "", "skipped"
        _warn(photograph, plausibility)
        score = f"{plausibility.score:.2f}", plausibility.suspicious
        return *fundus.shape[1::-1], *score, "translated"

    def _files(
        self, answer: Path, fundus: np.ndarray, plausibility: Plausibility
    ) -> dict[str, tuple[Path, dict[str, str]]]:
        """Return path and text fields of each map and, by "", the answer.

        The answer is last: where it is, its maps are.
        """
        path = self.folder / answer
        score = f"{plausibility.score:.2f}, usual up to {USUAL_SCORE}"
        texts = {
            **self.label,
            "Photograph": _digest(fundus),
            "Photograph score": score,
        }
        drawn = {
            name: (map_path(path, name), {**texts, "Comment": map_.comment})
            for name, map_ in self.maps.items()
        }
        return {**drawn, "": (path, texts)}

    def _write_dicom(
        self, dicom: DicomOutput, photograph: Path, answer: Path
    ) -> None:
        """Write an answer that is there as a DICOM file, too."""
        image = decode_png(answer.read_bytes())
        model = self.label["Model"]
        content = dicom.content(photograph, self.frame, image, model)
        path = map_path(answer, DICOM)
        if not path.is_file() or path.read_bytes() != content:
            with replacing(path) as temporary:
                temporary.write_bytes(content)

    def _kept(self, files: dict[str, tuple[Path, dict[str, str]]]) -> bool:
        """Whether an earlier start has made all that would be made now."""
        if not self.resume:
            return False
        there = [item for item in files.values() if item[0].exists()]
        for path, texts in there:
            png = path.read_bytes()
            if not (is_labelled(png, texts) and is_whole(png)):
                print(
                    f"\nmade again {path}: it is damaged, or of another"
                    " photograph or version",
                    file=sys.stderr,
                )
                return False
        return len(there) == len(files)

    def _draw(self, fundus: np.ndarray) -> dict[str, np.ndarray]:
        """Return the answer, by the name "", and the maps by theirs."""
        ffa = self.translator(fundus)
        return {
            "": ffa,
            **{k: m.draw(ffa) for k, m in self.maps.items()},
        }


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


def _digest(image: np.ndarray) -> str:
    return f"pixels, SHA-256 {hashlib.sha256(image.tobytes()).hexdigest()[:12]}"


def _reason(error: Exception) -> str:
    """Return in one line why a photograph is skipped."""
    if isinstance(error, InputError):
        return str(error)
    if isinstance(error, OSError):
        return (
            f"its answer cannot be written ({error.strerror}); give it another"
            f" name or add --names={NUMBERS}"
        )
    words = (str(error).splitlines() or [""])[0]
    return f"cannot be translated ({type(error).__name__}: {words})"


def _unwritable(folder: Path, error: OSError) -> InputError:
    return InputError(
        f"--output={folder}: {error.strerror}; make room there, then add"
        " --resume to go on, or name another folder"
    )


def _warn(photograph: Path, plausibility: Plausibility) -> None:
    if plausibility.suspicious:
        print(
            f"\nwarning: {photograph}: is this a colour fundus photograph?"
            f" {plausibility.reason} (score {plausibility.score:.1f}, usual up"
            f" to {USUAL_SCORE})",
            file=sys.stderr,
        )


def _write_report(path: Path, rows: list[tuple]) -> None:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(REPORT_COLUMNS)
    writer.writerows(rows)
    write_text(path, text.getvalue())
