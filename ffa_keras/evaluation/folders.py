"""Two folders of pictures: the predictions of any system, and the real FFA."""

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np

from ffa_keras.errors import InputError
from ffa_keras.evaluation.classical import CLASSICAL, ConstantFfa
from ffa_keras.evaluation.eyes import HeldOut
from ffa_keras.evaluation.measures import Eye
from ffa_keras.evaluation.subgroups import groups_of_row, read_table
from ffa_keras.images.dicom import is_synthetic
from ffa_keras.images.files import IMAGE_SUFFIXES, read_ffa, read_fundus
from ffa_keras.registration.retina import field_of_view
from ffa_keras.translation.answers import Translator

PREDICTIONS = "predictions"
_CONSTANT = "best constant"
_HALF = 127


@dataclasses.dataclass(frozen=True)
class Folders:
    """Where the pictures lie; files of one stem belong together.

    Attributes:
        predictions: of a system.
        references: the real FFA, each of the prediction's size.
        masks: white where pixels count; the reference's field of view if
            empty.
        photographs: aligned with the references, for the classical pictures;
            none of these if empty.
    """

    predictions: str
    references: str
    masks: str = ""
    photographs: str = ""

    def eyes(self, table: str, columns: Sequence[str]) -> Iterator[HeldOut]:
        """Yield what is to be judged, in the order of the references' names.

        Args:
            table: CSV file with a column `image`, the name or stem of a
                reference, and optionally `patient` and `eye`; empty for
                none.
            columns: its columns that tell subgroups.

        Raises:
            InputError: a folder, a file or the line of a file is missing, or a
                picture has another size than its reference.
        """
        stems = _files("references", self.references)
        others = {
            flag: _files(flag, folder) for flag, folder in self._given().items()
        }
        rows = {}
        for row in read_table(table, columns) if table else ():
            rows[Path(row.get("image") or "").stem] = row
        for flag, files in others.items():
            if missing := sorted(stems.keys() - files.keys()):
                raise InputError(
                    f"--{flag}={self._given()[flag]}: no picture for"
                    f" {stems[missing[0]].name} of --references, nor for"
                    f" {len(missing) - 1} more"
                )
        if table and (missing := sorted(stems.keys() - rows.keys())):
            raise InputError(
                f"--table={table}: the column image has no"
                f" {stems[missing[0]].name}, nor {len(missing) - 1} more"
            )
        for stem, path in stems.items():
            row = rows.get(stem, {})
            if _cell(row, "eye") and not _cell(row, "patient"):
                raise InputError(
                    f"--table={table}: {path.name} has an eye and no patient,"
                    " so nobody knows whose; fill in patient, or empty eye"
                )
        for number, (stem, path) in enumerate(stems.items(), start=1):
            row = rows.get(stem, {})
            real = read_ffa(path)
            found = {flag: files[stem] for flag, files in others.items()}
            if self.masks:
                mask = read_ffa(found["masks"])[..., 0] > _HALF
            else:
                mask = field_of_view(real[..., 0])
            fundus = np.zeros((*real.shape[:2], 3), np.uint8)
            if self.photographs:
                fundus = read_fundus(found["photographs"])
            for flag, image in (("masks", mask), ("photographs", fundus)):
                if image.shape[:2] != real.shape[:2]:
                    raise InputError(
                        f"{found[flag]}: not of the size of {path}; all files"
                        " of a stem must have one"
                    )
            yield HeldOut(
                f"{number:04d}",
                _cell(row, "patient"),
                "",
                Eye(fundus, real, mask[..., None]),
                groups=groups_of_row(row, columns) if row else {},
                predictions={PREDICTIONS: read_ffa(found["predictions"])},
                eye_id=_eye_of(row),
            )

    def floor(self) -> dict[str, Translator]:
        """Return the trivial and the classical pictures, by name."""
        constant = ConstantFfa()
        for path in _files("references", self.references).values():
            constant.add(read_ffa(path))
        floor: dict[str, Translator] = {_CONSTANT: constant}
        return floor | CLASSICAL if self.photographs else floor

    def _given(self) -> dict[str, str]:
        folders = dataclasses.asdict(self)
        del folders["references"]
        return {flag: folder for flag, folder in folders.items() if folder}


def _cell(row: Mapping[str, str], name: str) -> str:
    return row.get(name, "").strip()


def _eye_of(row: Mapping[str, str]) -> str:
    """Return what tells an eye from all others; empty if it is not known."""
    eye = _cell(row, "eye")
    return f"{_cell(row, 'patient')} {eye}" if eye else ""


def _is_answer(path: Path) -> bool:
    """Whether a file is the DICOM image that stands beside an answer."""
    with path.open("rb") as file:
        return is_synthetic(file.read(512))


def _files(flag: str, folder: str) -> dict[str, Path]:
    """Return the pictures of a folder by their stems, sorted."""
    if not Path(folder).is_dir():
        raise InputError(f"--{flag}={folder}: no such folder")
    files: dict[str, Path] = {}
    for path in sorted(Path(folder).iterdir()):
        if path.suffix.lower() in IMAGE_SUFFIXES and not _is_answer(path):
            if path.stem in files:
                raise InputError(
                    f"{path}: has the stem of {files[path.stem].name}; leave"
                    " one of them"
                )
            files[path.stem] = path
    if not files:
        raise InputError(f"--{flag}={folder}: holds no picture")
    return files
