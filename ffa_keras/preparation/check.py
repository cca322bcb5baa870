"""Look at every file of a collection before any work starts.

What is wrong is named in one message: files that cannot be read, that stand
for two patients, that are listed twice, or that seem to have changed places.
What is only odd is returned as notes.
"""

import dataclasses
import hashlib
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ffa_keras.errors import InputError
from ffa_keras.images.files import (
    is_image,
    read_fundus,
    sample_bits,
    usual_bits,
)
from ffa_keras.preparation.align import Treatment
from ffa_keras.preparation.entry import PairEntry
from ffa_keras.preparation.manifest import shown
from ffa_keras.preparation.parallel import on_all_cores
from ffa_keras.preparation.shared_images import RawImage, find_shared_images
from ffa_keras.records.schema import LONE

# Formats that have no more.
_EIGHT_BITS = (".jpg", ".jpeg", ".bmp", ".gif")
# Mean spread of the channels, grey levels: photographs have 20 and more.
_COLOURED = 12
_SHOWN = 10
_OWNERS = {"patient": "patients", "eye": "eyes", "image": "pairs"}


@dataclasses.dataclass(frozen=True)
class FileFacts:
    """What a look at a file says.

    Attributes:
        digest: SHA-256 of its content, hexadecimal; empty if not readable.
        shape: (H, W).
        coloured: whether its channels differ, as those of a photograph do.
        problem: why it cannot be read, else empty.
        bits: of its brightest sample, 8 to 16.
    """

    digest: str = ""
    shape: tuple[int, int] = (0, 0)
    coloured: bool = False
    problem: str = ""
    bits: int = 8


def inspect_file(image_file: tuple[Path, int | None]) -> FileFacts:
    """Say what a file holds, given its path and frame; never raises."""
    path, frame = image_file
    try:
        image = read_fundus(path, frame=frame)
        eight = path.suffix.lower() in _EIGHT_BITS
        bits = 8 if eight else sample_bits(path, frame)
    except InputError as error:
        return FileFacts(problem=str(error))
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    spread = np.ptp(image[::4, ::4].astype(np.int16), axis=-1).mean()
    coloured = bool(spread > _COLOURED)
    return FileFacts(digest, image.shape[:2], coloured, bits=bits)


def inspect_files(
    entries: Sequence[PairEntry], workers: int = 0
) -> dict[Path, FileFacts]:
    """Return the facts of all files of a collection by their paths.

    Args:
        entries: the pairs.
        workers: processes; 0 for one on each core.
    """
    files = {file for entry in entries for file in entry.images}
    ordered = sorted(files, key=lambda file: (file[0], file[1] or 0))
    found = on_all_cores(inspect_file, ordered, "checking", workers)
    facts: dict[Path, FileFacts] = {}
    for (path, _), fact in zip(ordered, found, strict=True):
        if fact.problem or path not in facts:
            facts[path] = fact
    return facts


def decide_bits(
    entries: Sequence[PairEntry], facts: dict[Path, FileFacts]
) -> tuple[list[PairEntry], list[str]]:
    """Say of every file of 16 bits how many of them count.

    One number for all photographs and one for all angiograms of which the
    manifest says nothing, so that none is brighter than another by the
    brightest sample of each: the least of 8, 12 and 16 bits that holds the
    brightest sample of all.

    Args:
        entries: the pairs.
        facts: of every file.

    Returns:
        The pairs with all of their `bits`, and a note on each number above 8.
    """
    usual, notes = [], []
    for index, name in enumerate(("fundus", "ffa")):
        found = [
            facts[path].bits
            for entry in entries
            if entry.bits[index] is None
            for path in entry.kinds[index]
        ]
        most = max(found, default=8)
        usual.append(usual_bits(most))
        if most > 8:
            notes.append(
                f"every {name} of 16 bits is read as one of {usual[-1]}, since"
                f" the brightest sample of all takes {most}; a column bits in"
                " the manifest can say otherwise"
            )
    decided = [
        dataclasses.replace(
            entry,
            bits=(entry.bits[0] or usual[0], entry.bits[1] or usual[1]),
        )
        for entry in entries
    ]
    return decided, notes


def file_problems(
    entries: Sequence[PairEntry],
    treatment: Treatment,
    facts: dict[Path, FileFacts],
) -> list[str]:
    """Return all that is wrong with the files of a collection.

    Args:
        entries: the pairs.
        treatment: of the collection.
        facts: of every file.
    """
    problems = [fact.problem for fact in facts.values() if fact.problem]
    for entry in entries:
        if all(facts[path].digest for path in entry.paths):
            problems += _mismatches(entry, treatment, facts)
    return [*problems, *_duplicates(entries, facts)]


def extra_files(
    entries: Iterable[PairEntry], folder: Path, naming: bool
) -> list[str]:
    """Return a note on the images of a folder that no pair names, if any.

    Args:
        entries: the pairs.
        folder: searched at any depth.
        naming: whether the note names the first of them.
    """
    named = {path.resolve() for entry in entries for path, _ in entry.images}
    extra = [
        path.relative_to(folder).as_posix()
        for path in sorted(folder.rglob("*"))
        if is_image(path) and path.resolve() not in named
    ]
    if not extra:
        return []
    note = f"images that belong to no pair: {len(extra)}"
    if not naming:
        return [f"{note}; --check names them"]
    more = f" and {len(extra) - _SHOWN} more" if len(extra) > _SHOWN else ""
    return [f"{note}: {', '.join(map(shown, extra[:_SHOWN]))}{more}"]


def shared_eyes(
    entries: Sequence[PairEntry], split_by: str, workers: int = 0
) -> list[str]:
    """Return a note on every eye that two owners seem to share.

    Content is compared, not names: a photograph that was cropped, turned,
    mirrored or saved again, and another photograph of the same eye.

    Args:
        entries: the pairs, every file of them readable.
        split_by: one of `schema.SPLIT_UNITS`; the owners.
        workers: processes; 0 for one on each core.

    Returns:
        Notes that name files and say what to do; one on what was compared if
        there is nothing to be done.
    """
    notes, compared = [], []
    for kind, name in (("fundus", "photographs"), ("ffa", "FFA")):
        owners = {
            (path, frame): entry.unit(split_by)
            for entry in entries
            for path, frame in entry.images
            if path == getattr(entry, kind)
        }
        found = find_shared_images(
            [RawImage(path, o, frame) for (path, frame), o in owners.items()],
            kind == "ffa",
            workers,
        )
        compared.append(f"{len(owners)} {name}")
        notes += [
            f"{shared.kind}: {shown(shared.first)} and {shown(shared.second)},"
            f" which the manifest gives to two {_OWNERS[split_by]}: training"
            " and test may share the eye; give both one patient and eye"
            for shared in found
        ]
    if notes:
        return notes
    return [
        f"compared {' and '.join(compared)}: no eye under two"
        f" {_OWNERS[split_by]}"
    ]


def _mismatches(
    entry: PairEntry, treatment: Treatment, facts: dict[Path, FileFacts]
) -> Iterator[str]:
    for paths, bits in zip(entry.kinds, entry.bits, strict=True):
        for path in paths:
            if bits is not None and facts[path].bits > bits:
                yield (
                    f"{path}: a sample takes {facts[path].bits} bits, more than"
                    f" the {bits} of the column bits"
                )
    if entry.ffa is None:
        return
    ffa = facts[entry.ffa]
    height, width = ffa.shape
    if treatment.side and height != width:
        yield (
            f"{entry.ffa}: {width}x{height} pixels, not square; crop it to the"
            " image of the retina"
        )
    if entry.fundus is None:
        if ffa.coloured:
            yield f"{entry.ffa} is in colour: name it as the fundus"
        return
    fundus = facts[entry.fundus]
    if ffa.coloured and not fundus.coloured:
        yield (
            f"{entry.fundus} is grey and {entry.ffa} is in colour: exchange"
            " the fundus and the ffa"
        )
    aligned = treatment.way(entry.given) == "aligned"
    if aligned and fundus.shape != ffa.shape:
        yield (
            f"{entry.fundus}: {fundus.shape[1]}x{fundus.shape[0]} pixels, but"
            f" {entry.ffa} has {width}x{height}; images that are aligned"
            " already have one size, else let them be registered"
        )


def _duplicates(
    entries: Sequence[PairEntry], facts: dict[Path, FileFacts]
) -> Iterator[str]:
    """Yield pairs that are listed twice and files of two patients."""
    first: dict[tuple[Any, ...], Path] = {}
    owners: dict[str, tuple[str, Path]] = {}
    for entry in entries:
        paths = entry.paths
        content = tuple(facts[path].digest for path in paths)
        if not all(content):
            continue
        if len(set(content)) < len(content):
            yield f"{' and '.join(map(str, paths))} are the same file"
            continue
        images = *content, entry.frames
        if images in first:
            what = LONE.get(entry.lone, "pair")
            yield (
                f"the {what} of {paths[0]} repeats that of {first[images]};"
                " leave one out"
            )
            continue
        first[images] = paths[0]
        for path in paths:
            owner = owners.setdefault(facts[path].digest, (entry.patient, path))
            if owner[0] != entry.patient:
                yield (
                    f"{path} is the same file as {owner[1]} of another"
                    " patient; correct one, or give them one patient"
                )
