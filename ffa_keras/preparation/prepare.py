"""Prepare pairs for training: align, judge, and keep what is finished.

Each finished pair is a file in a cache, named by a keyed hash of everything
that the result depends on, so that no pair is ever registered twice: not by a
run that goes on where another stopped, nor after pairs were added.
"""

import dataclasses
import hashlib
import hmac
import json
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from absl import logging

from ffa_keras.files import replacing
from ffa_keras.images.files import decode_png, encode_png, write_png
from ffa_keras.preparation.align import Treatment, Verdict, align_files
from ffa_keras.preparation.check import FileFacts
from ffa_keras.preparation.entry import PairEntry, PairFiles
from ffa_keras.preparation.parallel import on_all_cores
from ffa_keras.preparation.splits import hashed_id
from ffa_keras.records import schema
from ffa_keras.registration.pictures import PICTURES

_VERDICT = "verdict.json"


@dataclasses.dataclass(frozen=True)
class HiddenPair:
    """What may be stored, logged and printed of a pair: no name, no path.

    Attributes:
        pair: hash in the place of the identifier; `patient`, `eye` likewise.
        category: one of `schema.CATEGORIES`.
        split: one of `schema.SPLITS`.
        row: line of the manifest, or number of the pair.
        bits: that count of photograph and angiogram.
        seconds: from the injection to the angiogram, if that is known.
        lone: which of `schema.LONE` stands alone; empty for a pair.
    """

    pair: str
    patient: str
    eye: str
    category: str
    split: str
    row: int
    bits: tuple[int | None, int | None] = (8, 8)
    seconds: float | None = None
    lone: str = ""

    @property
    def stored_in(self) -> str:
        """Where its record lies."""
        return schema.stored_in(self.split, self.lone)

    @classmethod
    def of(cls, entry: PairEntry, key: bytes) -> "HiddenPair":
        """Hide who and what a pair is.

        Args:
            entry: of a manifest, with its split.
            key: secret of the site.
        """
        return cls(
            hashed_id(key, "pair", entry.pair_id),
            hashed_id(key, "patient", entry.patient),
            hashed_id(key, "eye", entry.eye),
            entry.category,
            entry.split or "",
            entry.row,
            entry.bits,
            entry.seconds,
            entry.lone,
        )

    def record(
        self, images: dict[str, bytes], circular: bool
    ) -> dict[str, Any]:
        """Return the record of the pair.

        Args:
            images: PNG files, by feature name.
            circular: whether the photograph's field of view is a disc.
        """
        about = {name: getattr(self, name) for name in schema.IDENTIFIERS}
        return {
            **images,
            "circular": circular,
            "category": self.category,
            **about,
        }


class Task(Protocol):
    """A pair to prepare."""

    @property
    def pair(self) -> HiddenPair:
        """What may be told of it."""

    def prepare(self) -> Verdict:
        """Prepare the pair, unless that is done already."""

    def record(self) -> dict[str, Any]:
        """Return its record, images as PNG files."""


@dataclasses.dataclass(frozen=True)
class Outcome:
    """What became of a pair."""

    pair: HiddenPair
    verdict: Verdict


@dataclasses.dataclass(frozen=True)
class PhotographTask:
    """A pair of photographs to prepare.

    Attributes:
        pair: what may be told of it.
        files: where they lie; paths may bear names, so that only the worker
            who reads them is told.
        treatment: of the collection.
        outcome: file of the finished pair in the cache.
        pictures: folder for pictures to judge the pair by, or `None`.
        keep: whether it is kept whatever comes of it, or never; or `None`.
    """

    pair: HiddenPair
    files: PairFiles = dataclasses.field(repr=False)
    treatment: Treatment
    outcome: Path
    pictures: Path | None = None
    keep: bool | None = None

    def prepare(self) -> Verdict:
        """Prepare the pair, unless that is done already.

        Its outcome is written whole or not at all. A pair that is not to be
        kept is not registered for it.

        Raises:
            InputError: a file cannot be read.
        """
        finished = _read_outcome(self.outcome)
        if finished:
            verdict = finished[0]
        elif self.keep is False:
            return decided(Verdict(False, "not aligned", "", {}), self.keep)
        else:
            aligned, verdict = align_files(self.files, self.treatment)
            mask = aligned.valid_mask.astype(np.uint8) * 255
            images = (aligned.fundus, aligned.ffa, mask)
            with replacing(self.outcome) as temporary:
                _write_outcome(
                    temporary,
                    dict(zip(schema.IMAGES, images, strict=True)),
                    dataclasses.asdict(verdict)
                    | {"circular": aligned.circular},
                )
        verdict = decided(verdict, self.keep)
        if self.pictures and not self.pair.lone:
            _draw(self, verdict, self.pictures)
        return verdict

    def finished(self) -> dict[str, bytes] | None:
        """Return its images as PNG files, `None` if it was not prepared."""
        outcome = _read_outcome(self.outcome)
        return outcome[2] if outcome else None

    def record(self) -> dict[str, Any]:
        """Return the record of the pair, which is prepared if need be."""
        while (outcome := _read_outcome(self.outcome)) is None:
            self.prepare()
        _, circular, images = outcome
        return self.pair.record(images, circular)


def decided(verdict: Verdict, keep: bool | None) -> Verdict:
    """Let a person have the last word on a pair.

    Args:
        verdict: of the registration.
        keep: what the manifest says; `None` if nothing.

    Returns:
        The verdict, accepted or refused as the manifest says.
    """
    if keep is None or (keep and verdict.accepted):
        return verdict
    said = f"keep is {'yes' if keep else 'no'} in the manifest"
    reason = f"{said}; {verdict.reason}" if verdict.reason else said
    return dataclasses.replace(verdict, accepted=keep, reason=reason)


def make_task(
    entry: PairEntry,
    treatment: Treatment,
    facts: Mapping[Path, FileFacts],
    key: bytes,
    cache: Path,
    pictures: Path | None = None,
) -> PhotographTask:
    """Return the task of a pair, without the identifiers of its entry.

    Args:
        entry: with its split.
        treatment: of the collection.
        facts: of every file.
        key: secret of the site.
        cache: folder of finished pairs.
        pictures: folder for pictures, or `None`.
    """
    matrix = None if entry.matrix is None else entry.matrix.tolist()
    digests = [
        facts[path].digest if path else "" for path in (entry.fundus, entry.ffa)
    ]
    content = json.dumps(
        [schema.FORMAT, *digests, matrix, entry.given]
        + [dataclasses.astuple(treatment)]
        + ([entry.bits] if set(entry.bits) - {8, None} else [])
        + ([{"frames": entry.frames}] if set(entry.frames) - {None} else [])
        + ([{"early": facts[entry.early].digest}] if entry.early else [])
    )
    name = hmac.digest(key, content.encode(), hashlib.sha256).hex()
    return PhotographTask(
        HiddenPair.of(entry, key),
        entry.files,
        treatment,
        cache / f"{name}.zip",
        pictures,
        entry.keep,
    )


def prepare_pairs(tasks: Sequence[Task], workers: int = 0) -> list[Outcome]:
    """Prepare pairs on all cores.

    Args:
        tasks: in any order.
        workers: processes; 0 for one on each core.

    Returns:
        What became of each, in the order of the tasks.
    """
    return on_all_cores(_prepared, tasks, "preparing", workers)


def _prepared(task: Task) -> Outcome:
    return Outcome(task.pair, task.prepare())


def _read_outcome(path: Path) -> tuple[Verdict, bool, dict[str, bytes]] | None:
    """Return verdict, `circular` and PNG files; remove what is damaged."""
    try:
        with zipfile.ZipFile(path) as outcome:
            # Reading compares each part with its checksum.
            about = json.loads(outcome.read(_VERDICT))
            images = {n: outcome.read(f"{n}.png") for n in schema.IMAGES}
        circular = about.pop("circular")
        return Verdict(**about), circular, images
    except FileNotFoundError:
        return None
    # What a damaged archive raises is not to be foreseen.
    except Exception as error:
        # Its name is a hash.
        logging.warning(
            "%s: damaged (%s), made again", path.name, type(error).__name__
        )
        path.unlink(missing_ok=True)
        return None


def _write_outcome(
    path: Path, images: dict[str, np.ndarray], about: dict[str, Any]
) -> None:
    # The date of an entry is the fixed one of ZipInfo: same pair, same bytes.
    with zipfile.ZipFile(path, "w") as outcome:
        for name, image in images.items():
            entry = zipfile.ZipInfo(f"{name}.png")
            outcome.writestr(entry, encode_png(image))
        outcome.writestr(zipfile.ZipInfo(_VERDICT), json.dumps(about))


def _draw(task: PhotographTask, verdict: Verdict, folder: Path) -> None:
    """Write the pictures of a pair under the number of its row."""
    record = task.record()
    fundus, ffa = decode_png(record["fundus"]), decode_png(record["ffa"])
    for name, draw in PICTURES.items():
        stem = f"{task.pair.row:05d}_{verdict.status}_{name}"
        write_png(folder / f"{stem}.png", draw(fundus, ffa))
