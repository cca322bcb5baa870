"""What all configs of the builder share, and those of photographs.

The fields that have `help` are flags of `python -m datasets.ffa_pairs`.
"""

import abc
import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

import tensorflow_datasets as tfds

from ffa_keras.preparation.align import Treatment
from ffa_keras.preparation.check import FileFacts, decide_bits, shared_eyes
from ffa_keras.preparation.entry import PairEntry
from ffa_keras.preparation.prepare import Task, make_task
from ffa_keras.preparation.splits import (
    absent_categories,
    lone_images,
    split_pairs,
)
from ffa_keras.records.schema import SPLIT_UNITS


def flag(default: Any, help_: str, **about: Any) -> Any:
    """Return a field that is a flag.

    Args:
        default: of the flag.
        help_: of the flag.
        **about: what absl is told as well, or `required`.
    """
    return dataclasses.field(
        default=default, metadata={"help": help_, "about": about}
    )


@dataclasses.dataclass(frozen=True)
class Search:
    """Where pairs are looked for, and who is told.

    Attributes:
        manual_dir: returns the folder that is searched if none is named.
        cache: folder of finished pairs if none is named.
        notify: is told whatever is odd.
        naming: whether it may hear the names of a clinic's files.
    """

    manual_dir: Callable[[], Path]
    cache: Path
    notify: Callable[[str], None]
    naming: bool = False


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
    def collect(self, search: Search) -> list[Task]:
        """Find all pairs and check every file.

        Args:
            search: where, and who is told.

        Returns:
            One task for each pair.

        Raises:
            InputError: names all that is wrong.
        """


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

    split_by: str = flag(
        "patient", "what no split tears apart.", enum_values=list(SPLIT_UNITS)
    )
    cache_dir: str = flag(
        "", "folder of finished pairs; DATA_DIR/ffa_pairs_cache if empty."
    )
    pictures_dir: str = flag(
        "",
        "folder for a checkerboard and a vessel overlay of every pair, named"
        " by its row in the manifest, and for pairs.html, which shows all of"
        " them, worst first.",
    )
    workers: int = flag(0, "processes; 0 for one on each core.", lower_bound=0)

    @abc.abstractmethod
    def find(self, search: Search) -> Collection:
        """Find all pairs and check every file; see `collect`."""

    def collect(self, search: Search) -> list[Task]:
        """See `PairsConfig.collect`."""
        found = self.find(search)
        entries, notes = decide_bits(found.entries, found.facts)
        splits = split_pairs(entries, found.key, self.split_by, found.closed)
        entries = [
            dataclasses.replace(entry, split=split)
            for entry, split in zip(entries, splits, strict=True)
        ]
        notes += [*absent_categories(entries), *lone_images(entries)]
        if search.naming:
            notes += shared_eyes(entries, self.split_by, self.workers)
        for note in notes:
            search.notify(note)
        return [
            make_task(
                entry,
                found.treatment,
                found.facts,
                found.key,
                Path(self.cache_dir or search.cache),
                Path(self.pictures_dir) if self.pictures_dir else None,
            )
            for entry in entries
        ]
