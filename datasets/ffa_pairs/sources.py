"""Where pairs come from: the configs of the builder, and what they collect."""

import dataclasses
from collections.abc import Callable
from pathlib import Path

import tensorflow_datasets as tfds

from ffa_keras.data import isfahan
from ffa_keras.data.align import Treatment
from ffa_keras.data.check import (
    FileFacts,
    extra_files,
    file_problems,
    inspect_files,
)
from ffa_keras.data.manifest import (
    CATEGORIES,
    PairEntry,
    raise_problems,
    read_manifest,
)
from ffa_keras.data.prepare import Task, make_task
from ffa_keras.data.splits import (
    DEFAULT_KEY_FILE,
    absent_categories,
    read_key,
    split_pairs,
)
from ffa_keras.errors import InputError

_HRA_SIDE = 768
_HRA_CATEGORIES = CATEGORIES[1:2] + CATEGORIES[3:]
# The archive is public: with one key for all, everybody has the same splits.
_ISFAHAN_KEY = b"isfahan_misp, a public archive"

_Found = tuple[list[PairEntry], dict[Path, FileFacts], Treatment]


@dataclasses.dataclass(eq=False, kw_only=True)
class PhantomConfig(tfds.core.BuilderConfig):
    """Pairs drawn by the project itself.

    Attributes:
        num_pairs: of all splits together.
        image_size: side of the square images, pixels.
        seed: same seed, same pairs.
    """

    num_pairs: int = 80
    image_size: int = 256
    seed: int = 0


@dataclasses.dataclass(eq=False, kw_only=True)
class PhotographConfig(tfds.core.BuilderConfig):
    """Pairs of photographs.

    Attributes:
        split_by: what never parts: `patient`, `eye` or `image`.
        cache_dir: folder of finished pairs; `ffa_pairs_cache` beside the
            dataset if it is empty.
        pictures_dir: folder for pictures of every pair; none if it is empty.
        workers: processes that prepare pairs; 0 for one on each core.
        beam: whether Apache Beam spreads the work instead.
    """

    split_by: str = "patient"
    cache_dir: str = ""
    pictures_dir: str = ""
    workers: int = 0
    beam: bool = False


@dataclasses.dataclass(eq=False, kw_only=True)
class FolderConfig(PhotographConfig):
    """A clinic's pairs, listed in a manifest.

    Attributes:
        manifest: path of the CSV file; `pairs.csv` in the manual folder of
            TFDS if it is empty.
        assume_aligned: whether pairs of which the manifest does not say how
            they lie are aligned already; else they are registered.
        key_file: secret key of the patient hashes, made on first use.
    """

    manifest: str = ""
    assume_aligned: bool = False
    key_file: str = str(DEFAULT_KEY_FILE)


@dataclasses.dataclass(eq=False, kw_only=True)
class HraConfig(FolderConfig):
    """Pairs of the Heidelberg HRA: labelled classes, 768x768."""


@dataclasses.dataclass(eq=False, kw_only=True)
class IsfahanConfig(PhotographConfig):
    """The public Isfahan MISP archive.

    Attributes:
        archive: its folder; the manual folder of TFDS if it is empty.
        affines: table of transforms, `fundus,ffa,m11,...,m23`; pairs are
            registered if it is empty.
        corrections: which defects of the archive are mended.
    """

    archive: str = ""
    affines: str = ""
    corrections: tuple[str, ...] = tuple(isfahan.CORRECTIONS)


def collect(
    config: PhotographConfig,
    manual_dir: str,
    cache: str,
    notify: Callable[[str], None],
    naming: bool = False,
) -> list[Task]:
    """Find all pairs of a config and check every file.

    Args:
        config: of photographs.
        manual_dir: folder that is searched where the config names none.
        cache: folder of finished pairs where the config names none.
        notify: is told whatever is odd.
        naming: whether it may hear the names of a clinic's files.

    Returns:
        One task for each pair.

    Raises:
        InputError: names all that is wrong.
    """
    if isinstance(config, IsfahanConfig):
        entries, facts, treatment = _isfahan(config, manual_dir, notify)
        key, closed = _ISFAHAN_KEY, True
    elif isinstance(config, FolderConfig):
        entries, facts, treatment = _listed(config, manual_dir, notify, naming)
        key, closed = read_key(config.key_file), False
    splits = split_pairs(entries, key, config.split_by, closed)
    for note in absent_categories(entries, splits):
        notify(note)
    return [
        make_task(
            entry,
            split,
            treatment,
            (facts[entry.fundus].digest, facts[entry.ffa].digest),
            key,
            Path(config.cache_dir or cache),
            Path(config.pictures_dir) if config.pictures_dir else None,
        )
        for entry, split in zip(entries, splits, strict=True)
    ]


def _listed(
    config: FolderConfig,
    manual_dir: str,
    notify: Callable[[str], None],
    naming: bool,
) -> _Found:
    """Return the pairs of a manifest."""
    path = Path(config.manifest or Path(manual_dir, "pairs.csv"))
    entries = read_manifest(path, config.split_by)
    treatment = Treatment(config.assume_aligned)
    if isinstance(config, HraConfig):
        treatment = Treatment(config.assume_aligned, side=_HRA_SIDE)
        _check_labels(entries, path)
    folder = path if path.is_dir() else path.parent
    for note in extra_files(entries, folder, naming):
        notify(note)
    facts = inspect_files(entries, config.workers)
    raise_problems(path, file_problems(entries, treatment, facts))
    return entries, facts, treatment


def _isfahan(
    config: IsfahanConfig, manual_dir: str, notify: Callable[[str], None]
) -> _Found:
    """Return the pairs of the archive."""
    unknown = set(config.corrections) - set(isfahan.CORRECTIONS)
    if unknown:
        raise InputError(
            f"--corrections={','.join(sorted(unknown))}: unknown; use"
            f" {','.join(isfahan.CORRECTIONS)}"
        )
    archive = Path(config.archive or manual_dir)
    if not archive.is_dir():
        raise InputError(f"--archive={archive}: no such folder")
    affines = Path(config.affines) if config.affines else None
    entries, notes = isfahan.read_archive(archive, config.corrections, affines)
    masked = "burnt_in_text" in config.corrections
    treatment = Treatment(text_box=isfahan.TEXT_BOX if masked else None)
    if not masked:
        notes.append("date and time burnt into the FFAs stay where they are")
    facts = inspect_files(entries, config.workers)
    if "shared_files" in config.corrections:
        entries, joined = isfahan.one_patient_for_shared_files(entries, facts)
        notes += joined
    for note in notes:
        notify(note)
    problems = file_problems(entries, treatment, facts)
    problems += isfahan.frame_problems(entries, facts)
    raise_problems(archive, problems)
    return entries, facts, treatment


def _check_labels(entries: list[PairEntry], path: Path) -> None:
    raise_problems(
        path,
        [
            f"line {entry.row}: category {entry.category!r}; label every pair"
            f" {', '.join(_HRA_CATEGORIES)}"
            for entry in entries
            if entry.category not in _HRA_CATEGORIES
        ],
    )
