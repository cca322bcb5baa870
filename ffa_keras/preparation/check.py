"""Look at every file of a collection before any work starts.

What is wrong is named in one message: files that cannot be read, that stand
for two patients, that are listed twice, or that seem to have changed places.
What is only odd is returned as notes.
"""

import dataclasses
import hashlib
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np

from ffa_keras.errors import InputError
from ffa_keras.images.files import is_image, read_fundus, sample_bits
from ffa_keras.preparation.align import Treatment
from ffa_keras.preparation.manifest import PairEntry, shown
from ffa_keras.preparation.parallel import on_all_cores

# Formats that have no more.
_EIGHT_BITS = (".jpg", ".jpeg", ".bmp", ".gif")
# Of cameras and files.
_USUAL_BITS = (8, 12, 16)
# Mean spread of the channels, grey levels: photographs have 20 and more.
_COLOURED = 12
_SHOWN = 10


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
    files = {
        (path, frame)
        for entry in entries
        for path, frame in zip(
            (entry.fundus, entry.ffa), entry.frames, strict=True
        )
    }
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
            facts[getattr(entry, name)].bits
            for entry in entries
            if entry.bits[index] is None
        ]
        most = max(found, default=8)
        usual.append(next(bits for bits in _USUAL_BITS if bits >= most))
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
        if facts[entry.fundus].digest and facts[entry.ffa].digest:
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
    named = {p.resolve() for e in entries for p in (e.fundus, e.ffa)}
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


def _mismatches(
    entry: PairEntry, treatment: Treatment, facts: dict[Path, FileFacts]
) -> Iterator[str]:
    fundus, ffa = facts[entry.fundus], facts[entry.ffa]
    if ffa.coloured and not fundus.coloured:
        yield (
            f"{entry.fundus} is grey and {entry.ffa} is in colour: exchange"
            " the fundus and the ffa"
        )
    for path, bits in zip((entry.fundus, entry.ffa), entry.bits, strict=True):
        if bits is not None and facts[path].bits > bits:
            yield (
                f"{path}: a sample takes {facts[path].bits} bits, more than"
                f" the {bits} of the column bits"
            )
    aligned = treatment.way(entry.given) == "aligned"
    height, width = ffa.shape
    if aligned and fundus.shape != ffa.shape:
        yield (
            f"{entry.fundus}: {fundus.shape[1]}x{fundus.shape[0]} pixels, but"
            f" {entry.ffa} has {width}x{height}; images that are aligned"
            " already have one size, else let them be registered"
        )
    if treatment.side and height != width:
        yield (
            f"{entry.ffa}: {width}x{height} pixels, not square; crop it to the"
            " image of the retina"
        )


def _duplicates(
    entries: Sequence[PairEntry], facts: dict[Path, FileFacts]
) -> Iterator[str]:
    """Yield pairs that are listed twice and files of two patients."""
    pairs: dict[tuple, PairEntry] = {}
    owners: dict[str, tuple[str, Path]] = {}
    for entry in entries:
        content = facts[entry.fundus].digest, facts[entry.ffa].digest
        if not all(content):
            continue
        if content[0] == content[1]:
            yield f"{entry.fundus} and {entry.ffa} are the same file"
            continue
        pair = *content, entry.frames
        if pair in pairs:
            yield (
                f"the pair of {entry.fundus} repeats that of"
                f" {pairs[pair].fundus}; leave one out"
            )
            continue
        pairs[pair] = entry
        for path in (entry.fundus, entry.ffa):
            owner = owners.setdefault(facts[path].digest, (entry.patient, path))
            if owner[0] != entry.patient:
                yield (
                    f"{path} is the same file as {owner[1]} of another"
                    " patient; correct one, or give them one patient"
                )
