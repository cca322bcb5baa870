"""Two folders of pictures: the predictions of any system, and the real FFA."""

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np

from ffa_keras.errors import InputError
from ffa_keras.evaluation.baselines import (
    CONSTANT,
    MEAN_OF_OTHERS,
    MeanTrainingFfa,
)
from ffa_keras.evaluation.classical import CLASSICAL, ConstantFfa
from ffa_keras.evaluation.eyes import HeldOut
from ffa_keras.evaluation.measures import Eye
from ffa_keras.evaluation.second import with_second
from ffa_keras.evaluation.subgroups import groups_of_row, read_table
from ffa_keras.images.dicom import is_synthetic
from ffa_keras.images.files import (
    has_suffix,
    read_ffa,
    read_fundus,
    sample_bits,
    usual_bits,
)
from ffa_keras.registration.retina import field_of_view
from ffa_keras.translation.answers import Translator

PREDICTIONS = "predictions"
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
        real = _Pictures.of("references", self.references)
        others = {
            flag: _Pictures.of(flag, folder)
            for flag, folder in self._given().items()
        }
        rows = _rows_by_stem(table, columns) if table else {}
        _check_match(real, others, rows if table else None, table)
        ids = [_eye_of(rows.get(stem, {})) for stem in real.files]

        def others_of(held: HeldOut) -> Iterator[np.ndarray]:
            for number, stem in enumerate(real.files, start=1):
                if held.eye_id == ids[number - 1] and held.pair != _name(
                    number
                ):
                    yield real.ffa(stem)

        several = len({*ids} - {""}) < sum(map(bool, ids))
        cases = _cases(real, others, rows, columns)
        yield from with_second(cases, others_of if several else None)

    def classical(self) -> dict[str, Translator]:
        """Return the classical pictures by name; none without photographs."""
        return dict(CLASSICAL) if self.photographs else {}

    def _given(self) -> dict[str, str]:
        folders = dataclasses.asdict(self)
        del folders["references"]
        return {flag: folder for flag, folder in folders.items() if folder}


def _name(number: int) -> str:
    """Return what outputs call an image."""
    return f"{number:04d}"


@dataclasses.dataclass(frozen=True)
class _Pictures:
    """The pictures of a folder by their stems, sorted; one scale for all.

    Attributes:
        folder: with the flag that names it.
        files: by stem.
        bits: of the brightest sample possible in any of them.
    """

    folder: str
    files: dict[str, Path]
    bits: int

    @classmethod
    def of(cls, flag: str, folder: str) -> "_Pictures":
        """Look through a folder."""
        files = _files(flag, folder)
        bits = usual_bits(max(map(sample_bits, files.values())))
        return cls(f"--{flag}={folder}", files, bits)

    def ffa(self, stem: str) -> np.ndarray:
        return read_ffa(self.files[stem], self.bits)

    def fundus(self, stem: str) -> np.ndarray:
        return read_fundus(self.files[stem], self.bits)


def _cases(
    real: _Pictures,
    others: Mapping[str, _Pictures],
    rows: Mapping[str, Mapping[str, str]],
    columns: Sequence[str],
) -> Iterator[HeldOut]:
    """Yield what is to be judged, with the trivial pictures beside it."""
    owners = {s: _cell(rows.get(s, {}), "patient") for s in real.files}
    mean, constant = MeanTrainingFfa(), ConstantFfa()
    for stem in real.files:
        mean.add(ffa := real.ffa(stem))
        constant.add(ffa)
    for number, (stem, mine) in enumerate(owners.items(), start=1):
        row = rows.get(stem, {})
        eye, predicted = _read(stem, real, others)
        same = [s for s, owner in owners.items() if mine and owner == mine]
        rest = mean.without(map(real.ffa, same or [stem]), eye.real.shape[:2])
        beside = {} if rest is None else {MEAN_OF_OTHERS: rest}
        yield HeldOut(
            _name(number),
            mine,
            "",
            eye,
            groups=groups_of_row(row, columns) if row else {},
            predictions={PREDICTIONS: predicted},
            beside={**beside, CONSTANT: constant(eye.fundus)},
            eye_id=_eye_of(row),
        )


def _check_match(
    real: _Pictures,
    others: Mapping[str, _Pictures],
    rows: Mapping[str, Mapping[str, str]] | None,
    table: str,
) -> None:
    """Refuse references of which something is missing; say what is left over.

    Args:
        real: the references.
        others: predictions, and what else is given, by flag.
        rows: of the table by stem; `None` if there is none.
        table: its file.
    """
    for pictures in others.values():
        if missing := sorted(real.files.keys() - pictures.files.keys()):
            raise InputError(
                f"{pictures.folder}: no picture for"
                f" {real.files[missing[0]].name} of --references, nor for"
                f" {len(missing) - 1} more"
            )
    left = sorted(others["predictions"].files.keys() - real.files.keys())
    if left:
        print(
            f"note: {len(left)} predictions have no reference and are not"
            f" judged, {others['predictions'].files[left[0]].name} among them"
        )
    if rows is None:
        return
    if missing := sorted(real.files.keys() - rows.keys()):
        raise InputError(
            f"--table={table}: the column image has no"
            f" {real.files[missing[0]].name}, nor {len(missing) - 1} more"
        )
    for stem, path in real.files.items():
        if _cell(rows[stem], "eye") and not _cell(rows[stem], "patient"):
            raise InputError(
                f"--table={table}: {path.name} has an eye and no patient,"
                " so nobody knows whose; fill in patient, or empty eye"
            )


def _read(
    stem: str, real: _Pictures, others: Mapping[str, _Pictures]
) -> tuple[Eye, np.ndarray]:
    """Return an eye and its prediction, all of one size."""
    ffa = real.ffa(stem)
    fundus = np.zeros((*ffa.shape[:2], 3), np.uint8)
    mask = field_of_view(ffa[..., 0])
    predicted = others["predictions"].ffa(stem)
    if "photographs" in others:
        fundus = others["photographs"].fundus(stem)
    if "masks" in others:
        mask = others["masks"].ffa(stem)[..., 0]
        # Some programs write masks of 0 and 1.
        mask = mask > (_HALF if mask.max() > 1 else 0)
    images = {"predictions": predicted, "masks": mask, "photographs": fundus}
    for flag, pictures in others.items():
        if images[flag].shape[:2] != ffa.shape[:2]:
            raise InputError(
                f"{pictures.files[stem]}: not of the size of"
                f" {real.files[stem]}; all files of a stem must have one"
            )
    if not (ffa[mask] > 0).any():
        raise InputError(
            f"{others.get('masks', real).files[stem]}: leaves nothing to judge,"
            " as the reference is black there or no pixel of a mask is white"
        )
    return Eye(fundus, ffa, mask[..., None]), predicted


def _rows_by_stem(
    table: str, columns: Sequence[str]
) -> dict[str, dict[str, str]]:
    """Return the lines of a table by the stem of the reference they name."""
    rows: dict[str, dict[str, str]] = {}
    for row in read_table(table, columns):
        name = Path(_cell(row, "image"))
        # A stem may hold a dot of its own.
        stem = name.stem if has_suffix(name) else name.name
        if stem in rows:
            raise InputError(
                f"--table={table}: has two lines for {name.name}; leave one"
            )
        rows[stem] = row
    return rows


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
        if has_suffix(path) and not _is_answer(path):
            if path.stem in files:
                raise InputError(
                    f"{path}: has the stem of {files[path.stem].name}; leave"
                    " one of them"
                )
            files[path.stem] = path
    if not files:
        raise InputError(f"--{flag}={folder}: holds no picture")
    return files
