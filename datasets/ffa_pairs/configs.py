"""Where pairs come from: the configs of the builder, and what they collect.

The fields that have `help` are flags of `python -m datasets.ffa_pairs`.
"""

import abc
import dataclasses
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, ClassVar

import tensorflow_datasets as tfds

from ffa_keras.errors import InputError
from ffa_keras.preparation.align import Treatment
from ffa_keras.preparation.check import (
    FileFacts,
    decide_bits,
    extra_files,
    file_problems,
    inspect_files,
    shared_eyes,
)
from ffa_keras.preparation.entry import PairEntry
from ffa_keras.preparation.manifest import raise_problems, read_manifest
from ffa_keras.preparation.prepare import Task, make_task
from ffa_keras.preparation.splits import (
    DEFAULT_KEY_FILE,
    absent_categories,
    lone_images,
    read_key,
    split_pairs,
)
from ffa_keras.records.schema import LEAKAGE, SPLIT_UNITS

from . import isfahan
from .phantoms import phantom_tasks

_MIN_PHANTOM_PAIRS = 4
_HRA_SIDE = 768
# The archive is public: with one key for all, everybody has the same splits.
_ISFAHAN_KEY = b"isfahan_misp, a public archive"

Notify = Callable[[str], None]


def _flag(default: Any, help_: str, **about: Any) -> Any:
    """Return a field that is a flag; `about` goes to absl, or is `required`."""
    return dataclasses.field(
        default=default, metadata={"help": help_, "about": about}
    )


@dataclasses.dataclass(eq=False, kw_only=True)
class PairsConfig(tfds.core.BuilderConfig, abc.ABC):
    """Where pairs come from.

    Attributes:
        truth: whether their records hold truth masks.
        split_by: what never parts, one of `SPLIT_UNITS`.
        cache_dir: folder of finished pairs.
        workers: processes that prepare pairs; 0 for one on each core.
        beam: whether Apache Beam spreads the work instead.
        pictures_dir: folder for pictures of every pair, none if empty.
    """

    truth: ClassVar[bool] = False
    split_by: str = "patient"
    cache_dir: str = ""
    workers: int = 1
    beam: bool = False
    pictures_dir: str = ""

    @abc.abstractmethod
    def collect(
        self,
        manual_dir: Callable[[], Path],
        cache: Path,
        notify: Notify,
        naming: bool = False,
    ) -> list[Task]:
        """Find all pairs and check every file.

        Args:
            manual_dir: returns the folder that is searched if none is named.
            cache: folder of finished pairs if none is named.
            notify: is told whatever is odd.
            naming: whether it may hear the names of a clinic's files.

        Returns:
            One task for each pair.

        Raises:
            InputError: names all that is wrong.
        """


@dataclasses.dataclass(eq=False, kw_only=True)
class PhantomConfig(PairsConfig):
    """Pairs drawn by the project itself."""

    truth: ClassVar[bool] = True
    num_pairs: int = _flag(80, "number of pairs.")
    image_size: int = _flag(256, "side of the images, pixels.", lower_bound=64)
    seed: int = _flag(0, "same seed, same pairs.", lower_bound=0)

    def collect(
        self,
        manual_dir: Callable[[], Path],
        cache: Path,
        notify: Notify,
        naming: bool = False,
    ) -> list[Task]:
        """See `PairsConfig.collect`."""
        if self.num_pairs < _MIN_PHANTOM_PAIRS:
            raise InputError(
                f"--num_pairs={self.num_pairs}: fewer than"
                f" {_MIN_PHANTOM_PAIRS} pairs do not fill three splits"
            )
        return [*phantom_tasks(self.num_pairs, self.image_size, self.seed)]


@dataclasses.dataclass(frozen=True)
class Collection:
    """Pairs of photographs that were found and checked.

    Attributes:
        entries: of all pairs.
        facts: of every file.
        treatment: of all pairs alike.
        key: secret of the hashes.
        closed: whether nobody will join, so that shares can be exact.
    """

    entries: list[PairEntry]
    facts: dict[Path, FileFacts]
    treatment: Treatment
    key: bytes
    closed: bool = False


@dataclasses.dataclass(eq=False, kw_only=True)
class PhotographConfig(PairsConfig):
    """Pairs of photographs; says of its collection what `find` returns."""

    split_by: str = _flag(
        "patient", "what no split tears apart.", enum_values=list(SPLIT_UNITS)
    )
    cache_dir: str = _flag(
        "", "folder of finished pairs; DATA_DIR/ffa_pairs_cache if empty."
    )
    pictures_dir: str = _flag(
        "",
        "folder for a checkerboard and a vessel overlay of every pair, named"
        " by its row in the manifest, and for pairs.html, which shows all of"
        " them, worst first.",
    )
    workers: int = _flag(0, "processes; 0 for one on each core.", lower_bound=0)

    @abc.abstractmethod
    def find(
        self, manual_dir: Callable[[], Path], notify: Notify, naming: bool
    ) -> Collection:
        """Find all pairs and check every file; see `collect`."""

    def collect(
        self,
        manual_dir: Callable[[], Path],
        cache: Path,
        notify: Notify,
        naming: bool = False,
    ) -> list[Task]:
        """See `PairsConfig.collect`."""
        found = self.find(manual_dir, notify, naming)
        entries, notes = decide_bits(found.entries, found.facts)
        splits = split_pairs(entries, found.key, self.split_by, found.closed)
        entries = [
            dataclasses.replace(entry, split=split)
            for entry, split in zip(entries, splits, strict=True)
        ]
        notes += [*absent_categories(entries), *lone_images(entries)]
        if naming:
            notes += shared_eyes(entries, self.split_by, self.workers)
        for note in notes:
            notify(note)
        return [
            make_task(
                entry,
                found.treatment,
                found.facts,
                found.key,
                Path(self.cache_dir or cache),
                Path(self.pictures_dir) if self.pictures_dir else None,
            )
            for entry in entries
        ]


@dataclasses.dataclass(eq=False, kw_only=True)
class FolderConfig(PhotographConfig):
    """A clinic's pairs, listed in a manifest."""

    manifest: str = _flag("", "the pairs.csv.", required=True)
    assume_aligned: bool = _flag(
        False,
        "pairs of which the manifest does not say how they lie are aligned"
        " already; else they are registered.",
    )
    field_diameter: int = _flag(
        0,
        "scale every aligned pair until the photograph's field of view is so"
        " many pixels wide, as --field_diameter of training wants it; 0 keeps"
        " the pixels of the angiogram.",
        lower_bound=0,
    )
    key_file: str = _flag(
        str(DEFAULT_KEY_FILE),
        "secret key of the patient hashes and the splits; made if absent, to"
        " be kept.",
    )

    def treatment(self) -> Treatment:
        """Return what is done to every pair."""
        return Treatment(
            self.assume_aligned, field_diameter=self.field_diameter
        )

    def label_problems(self, entries: Sequence[PairEntry]) -> list[str]:
        """Return what is wrong with the categories of the pairs."""
        return []

    def find(
        self, manual_dir: Callable[[], Path], notify: Notify, naming: bool
    ) -> Collection:
        """See `PhotographConfig.find`."""
        path = Path(self.manifest or manual_dir() / "pairs.csv")
        entries = read_manifest(path, self.split_by)
        raise_problems(path, self.label_problems(entries))
        folder = path if path.is_dir() else path.parent
        for note in extra_files(entries, folder, naming):
            notify(note)
        facts = inspect_files(entries, self.workers)
        treatment = self.treatment()
        raise_problems(path, file_problems(entries, treatment, facts))
        return Collection(entries, facts, treatment, read_key(self.key_file))


@dataclasses.dataclass(eq=False, kw_only=True)
class DicomConfig(PairsConfig):
    """A DICOM export, of which a manifest is made to be looked at."""

    dicom_dir: str = _flag("", "folder of the export.", required=True)
    key_file: str = _flag(
        str(DEFAULT_KEY_FILE),
        "secret key of the patient hashes and the splits; made if absent, to"
        " be kept.",
    )

    def collect(
        self,
        manual_dir: Callable[[], Path],
        cache: Path,
        notify: Notify,
        naming: bool = False,
    ) -> list[Task]:
        """Refuse: the pairs of an export are listed, and then looked at."""
        raise InputError(
            "--config=dicom: lists pairs and packs none; give the pairs.csv"
            " that it writes to --config=folder"
        )


@dataclasses.dataclass(eq=False, kw_only=True)
class HraConfig(FolderConfig):
    """Pairs of the Heidelberg HRA: labelled classes, 768x768."""

    def treatment(self) -> Treatment:
        """Return what is done to every pair."""
        return dataclasses.replace(super().treatment(), side=_HRA_SIDE)

    def label_problems(self, entries: Sequence[PairEntry]) -> list[str]:
        """Return what is wrong with the categories of the pairs."""
        return [
            f"line {entry.row}: category {entry.category!r}; label every pair"
            f" {', '.join(LEAKAGE)}"
            for entry in entries
            if entry.category not in LEAKAGE
        ]


@dataclasses.dataclass(eq=False, kw_only=True)
class IsfahanConfig(PhotographConfig):
    """The public Isfahan MISP archive."""

    archive: str = _flag("", "folder of the archive.", required=True)
    affines: str = _flag(
        "",
        "table fundus,ffa,m11,m12,m13,m21,m22,m23 of transforms; else pairs"
        " are registered.",
    )
    corrections: tuple[str, ...] = _flag(
        tuple(isfahan.CORRECTIONS),
        "defects of the archive that are mended. "
        + "; ".join(f"{k}: {v}" for k, v in isfahan.CORRECTIONS.items()),
    )

    def find(
        self, manual_dir: Callable[[], Path], notify: Notify, naming: bool
    ) -> Collection:
        """See `PhotographConfig.find`."""
        unknown = set(self.corrections) - set(isfahan.CORRECTIONS)
        if unknown:
            raise InputError(
                f"--corrections={','.join(sorted(unknown))}: unknown; use"
                f" {','.join(isfahan.CORRECTIONS)}"
            )
        archive = Path(self.archive or manual_dir())
        if not archive.is_dir():
            raise InputError(f"--archive={archive}: no such folder")
        affines = Path(self.affines) if self.affines else None
        entries, notes = isfahan.read_archive(
            archive, self.corrections, affines
        )
        masked = "burnt_in_text" in self.corrections
        treatment = Treatment(text_box=isfahan.TEXT_BOX if masked else None)
        if not masked:
            notes.append(
                "date and time burnt into the FFAs stay where they are"
            )
        facts = inspect_files(entries, self.workers)
        if "shared_files" in self.corrections:
            entries, joined = isfahan.one_patient_for_shared_files(
                entries, facts
            )
            notes += joined
        for note in notes:
            notify(note)
        problems = file_problems(entries, treatment, facts)
        problems += isfahan.frame_problems(entries, facts)
        raise_problems(archive, problems)
        return Collection(entries, facts, treatment, _ISFAHAN_KEY, closed=True)
