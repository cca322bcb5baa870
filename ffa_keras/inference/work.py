"""What is done with each photograph: read, translate, write."""

import dataclasses
import errno
import hashlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ffa_keras.errors import InputError
from ffa_keras.files import replacing
from ffa_keras.images.checks import say
from ffa_keras.images.files import decode_png, encode_png, read_fundus
from ffa_keras.inference.dicom import DicomOutput
from ffa_keras.inference.files import DICOM, NUMBERS, map_path
from ffa_keras.inference.label import is_labelled, is_whole, label_png
from ffa_keras.inference.maps import Map
from ffa_keras.inference.plausibility import USUAL_SCORE, Plausibility, judge
from ffa_keras.translation.answers import Translator

# Of a name that the file system does not take: other photographs go on.
_NAME_ERRORS = {
    errno.EEXIST,
    errno.EILSEQ,
    errno.EINVAL,
    errno.EISDIR,
    errno.ENAMETOOLONG,
    errno.ENOTDIR,
}
_SKIPPED = ("", "", "", "", "skipped")


@dataclasses.dataclass
class Task:
    """A photograph on its way to its answer.

    Attributes:
        photograph: its file.
        answer: relative path of the answer.
        fundus: uint8 [H, W, 3], once it is read.
        plausibility: of the photograph, once it is read.
        pictures: the answer, by the name "", and its maps, once they are
            drawn; none if those of an earlier start are kept.
        words: what there is to say of it, a line each.
        failed: whether nothing more is to be done.
    """

    photograph: Path
    answer: Path
    fundus: np.ndarray = dataclasses.field(init=False)
    plausibility: Plausibility = dataclasses.field(init=False)
    pictures: dict[str, np.ndarray] = dataclasses.field(default_factory=dict)
    words: list[str] = dataclasses.field(default_factory=list)
    failed: bool = False

    def row(self) -> tuple[Any, ...]:
        """Return its line of the report, without the number."""
        if self.failed:
            return _SKIPPED
        score = f"{self.plausibility.score:.2f}"
        suspicious = self.plausibility.suspicious
        size = self.fundus.shape[1::-1]
        return *size, score, suspicious, "translated"

    def tell(self) -> None:
        """Print what there is to say."""
        for line in self.words:
            say(line)


@dataclasses.dataclass(frozen=True)
class Work:
    """The stages of every photograph, each for any thread.

    One photograph, whatever is wrong with it, costs its own line only; what
    stops all that follow, such as a full disk, is raised.

    Attributes:
        translator: of the model.
        folder: of the answers.
        label: text fields of all answers.
        maps: what is drawn beside each, by name.
        resume: whether whole answers of an earlier start are kept.
        frame: of DICOM photographs of several.
        dicom: how answers are written as DICOM files, if at all.
    """

    translator: Translator
    folder: Path
    label: dict[str, str]
    maps: Mapping[str, Map]
    resume: bool
    frame: int | None
    dicom: DicomOutput | None

    def read(self, task: Task) -> Task:
        """Read and judge the photograph."""
        return _tried(self._read, task)

    def translate(self, task: Task) -> Task:
        """Draw the pictures, unless an earlier start has."""
        return _tried(self._translate, task)

    def write(self, task: Task) -> Task:
        """Write the files, each whole or not at all."""
        return _tried(self._write, task)

    def _read(self, task: Task) -> None:
        task.fundus = read_fundus(task.photograph, frame=self.frame)
        task.plausibility = judge(task.fundus)

    def _translate(self, task: Task) -> None:
        if self._kept(task):
            return
        ffa = self.translator(task.fundus)
        task.pictures = {
            **{
                name: map_.draw(task.fundus, ffa)
                for name, map_ in self.maps.items()
            },
            "": ffa,
        }

    def _write(self, task: Task) -> None:
        files = self._files(task) if task.pictures else {}
        for name, (path, texts) in files.items():
            png = label_png(encode_png(task.pictures[name]), texts)
            with replacing(path) as temporary:
                temporary.write_bytes(png)
        if self.dicom:
            self._write_dicom(self.dicom, task.photograph, task.answer)
        if task.plausibility.suspicious:
            task.words.append(_warning(task))

    def _files(self, task: Task) -> dict[str, tuple[Path, dict[str, str]]]:
        """Return path and text fields of each map and, by "", the answer.

        The answer is last: where it is, its maps are.
        """
        path = self.folder / task.answer
        score = f"{task.plausibility.score:.2f}, usual up to {USUAL_SCORE}"
        texts = {
            **self.label,
            "Photograph": digest(task.fundus),
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
        path = self.folder / answer
        image = decode_png(path.read_bytes())
        model = self.label["Model"]
        content = dicom.content(photograph, self.frame, image, model)
        path = map_path(path, DICOM)
        if not path.is_file() or path.read_bytes() != content:
            with replacing(path) as temporary:
                temporary.write_bytes(content)

    def _kept(self, task: Task) -> bool:
        """Whether an earlier start has made all that would be made now."""
        if not self.resume:
            return False
        files = self._files(task)
        there = [item for item in files.values() if item[0].exists()]
        for path, texts in there:
            png = path.read_bytes()
            if not (is_labelled(png, texts) and is_whole(png)):
                task.words.append(
                    f"made again {path}: it is damaged, or of another"
                    " photograph or version"
                )
                return False
        return len(there) == len(files)


def digest(image: np.ndarray) -> str:
    """Return what tells the pixels of an image from others.

    Args:
        image: uint8 [H, W, C].
    """
    return f"pixels, SHA-256 {hashlib.sha256(image.tobytes()).hexdigest()[:12]}"


def _tried(stage: Callable[[Task], None], task: Task) -> Task:
    """Do a stage, unless one before it has failed."""
    if task.failed:
        return task
    try:
        stage(task)
    except Exception as error:
        if isinstance(error, OSError) and error.errno not in _NAME_ERRORS:
            raise
        reason = _reason(error).removeprefix(f"{task.photograph}: ")
        task.words.append(f"skipped {task.photograph}: {reason}")
        task.failed = True
    return task


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


def _warning(task: Task) -> str:
    plausibility = task.plausibility
    return (
        f"warning: {task.photograph}: is this a colour fundus photograph?"
        f" {plausibility.reason} (score {plausibility.score:.1f}, usual up"
        f" to {USUAL_SCORE})"
    )
