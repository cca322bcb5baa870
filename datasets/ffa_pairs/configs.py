"""Where pairs come from: the configs of the builder, and what they collect.

The fields that have `help` are flags of `python -m datasets.ffa_pairs`.
"""

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

from ffa_keras.errors import InputError
from ffa_keras.preparation.align import Treatment
from ffa_keras.preparation.check import (
    extra_files,
    file_problems,
    inspect_files,
)
from ffa_keras.preparation.entry import PairEntry
from ffa_keras.preparation.manifest import raise_problems, read_manifest
from ffa_keras.preparation.prepare import Task
from ffa_keras.preparation.splits import (
    DEFAULT_KEY_FILE,
    read_key,
)
from ffa_keras.records.schema import LEAKAGE

from . import isfahan
from .base import (
    Collection,
    PairsConfig,
    PhotographConfig,
    Search,
    flag,
)
from .phantoms import phantom_tasks

_MIN_PHANTOM_PAIRS = 4
_HRA_SIDE = 768
# The archive is public: with one key for all, everybody has the same splits.
_ISFAHAN_KEY = b"isfahan_misp, a public archive"


def _key_file() -> Any:
    return flag(
        str(DEFAULT_KEY_FILE),
        "secret key of the patient hashes and the splits; made if absent, to"
        " be kept.",
    )


@dataclasses.dataclass(eq=False, kw_only=True)
class PhantomConfig(PairsConfig):
    """Pairs drawn by the project itself."""

    truth: ClassVar[bool] = True
    num_pairs: int = flag(80, "number of pairs.")
    image_size: int = flag(256, "side of the images, pixels.", lower_bound=64)
    seed: int = flag(0, "same seed, same pairs.", lower_bound=0)

    def collect(self, search: Search) -> list[Task]:
        """See `PairsConfig.collect`."""
        if self.num_pairs < _MIN_PHANTOM_PAIRS:
            raise InputError(
                f"--num_pairs={self.num_pairs}: fewer than"
                f" {_MIN_PHANTOM_PAIRS} pairs do not fill three splits"
            )
        return [*phantom_tasks(self.num_pairs, self.image_size, self.seed)]


@dataclasses.dataclass(eq=False, kw_only=True)
class FolderConfig(PhotographConfig):
    """A clinic's pairs, listed in a manifest."""

    manifest: str = flag("", "the pairs.csv.", required=True)
    assume_aligned: bool = flag(
        False,
        "pairs of which the manifest does not say how they lie are aligned"
        " already; else they are registered.",
    )
    field_diameter: int = flag(
        0,
        "scale every aligned pair until the photograph's field of view is so"
        " many pixels wide, as --field_diameter of training wants it; 0 keeps"
        " the pixels of the angiogram.",
        lower_bound=0,
    )
    key_file: str = _key_file()

    def treatment(self) -> Treatment:
        """Return what is done to every pair."""
        return Treatment(
            self.assume_aligned, field_diameter=self.field_diameter
        )

    def label_problems(self, entries: Sequence[PairEntry]) -> list[str]:
        """Return what is wrong with the categories of the pairs."""
        return []

    def find(self, search: Search) -> Collection:
        """See `PhotographConfig.find`."""
        path = Path(self.manifest or search.manual_dir() / "pairs.csv")
        entries = read_manifest(path, self.split_by)
        raise_problems(path, self.label_problems(entries))
        folder = path if path.is_dir() else path.parent
        for note in extra_files(entries, folder, search.naming):
            search.notify(note)
        facts = inspect_files(entries, self.workers)
        treatment = self.treatment()
        raise_problems(path, file_problems(entries, treatment, facts))
        return Collection(entries, facts, treatment, read_key(self.key_file))


@dataclasses.dataclass(eq=False, kw_only=True)
class DicomConfig(PairsConfig):
    """A DICOM export, of which a manifest is made to be looked at."""

    dicom_dir: str = flag("", "folder of the export.", required=True)
    key_file: str = _key_file()

    def collect(self, search: Search) -> list[Task]:
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

    archive: str = flag("", "folder of the archive.", required=True)
    affines: str = flag(
        "",
        "table fundus,ffa,m11,m12,m13,m21,m22,m23 of transforms; else pairs"
        " are registered.",
    )
    corrections: tuple[str, ...] = flag(
        tuple(isfahan.CORRECTIONS),
        "defects of the archive that are mended. "
        + "; ".join(f"{k}: {v}" for k, v in isfahan.CORRECTIONS.items()),
    )

    def find(self, search: Search) -> Collection:
        """See `PhotographConfig.find`."""
        unknown = set(self.corrections) - set(isfahan.CORRECTIONS)
        if unknown:
            raise InputError(
                f"--corrections={','.join(sorted(unknown))}: unknown; use"
                f" {','.join(isfahan.CORRECTIONS)}"
            )
        archive = Path(self.archive or search.manual_dir())
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
            search.notify(note)
        problems = file_problems(entries, treatment, facts)
        problems += isfahan.frame_problems(entries, facts)
        raise_problems(archive, problems)
        return Collection(entries, facts, treatment, _ISFAHAN_KEY, closed=True)
