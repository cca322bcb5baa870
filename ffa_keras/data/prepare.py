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
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ffa_keras.data.align import Treatment, Verdict, align_entry
from ffa_keras.data.images import decode_png, encode_png, write_png
from ffa_keras.data.manifest import PairEntry
from ffa_keras.data.parallel import on_all_cores
from ffa_keras.data.splits import hashed_id
from ffa_keras.files import replacing
from ffa_keras.registration.pictures import PICTURES

# To be raised whenever the same input gives other output.
_VERSION = 1
_IMAGES = ("fundus", "ffa", "valid_mask")
_VERDICT = "verdict.json"


@dataclasses.dataclass(frozen=True)
class Task:
    """A pair to prepare.

    Attributes:
        entry: with hashes in the place of all identifiers, and its split.
        treatment: of the collection.
        outcome: file of the finished pair in the cache.
        pictures: folder for pictures to judge the pair by, or `None`.
    """

    entry: PairEntry
    treatment: Treatment
    outcome: Path
    pictures: Path | None = None


def make_task(
    entry: PairEntry,
    split: str,
    treatment: Treatment,
    digests: tuple[str, str],
    key: bytes,
    cache: Path,
    pictures: Path | None = None,
) -> Task:
    """Return the task of a pair, without the identifiers of its entry.

    Args:
        entry: as it was read.
        split: of the pair.
        treatment: of the collection.
        digests: of the content of the photograph and of the angiogram.
        key: secret of the site.
        cache: folder of finished pairs.
        pictures: folder for pictures, or `None`.
    """
    matrix = None if entry.matrix is None else entry.matrix.tolist()
    content = json.dumps(
        [_VERSION, *digests, matrix, entry.given]
        + [dataclasses.astuple(treatment)]
    )
    name = hmac.digest(key, content.encode(), hashlib.sha256).hex()
    hidden = dataclasses.replace(
        entry,
        pair_id=hashed_id(key, "pair", entry.pair_id),
        patient=hashed_id(key, "patient", entry.patient),
        eye=hashed_id(key, "eye", entry.eye),
        split=split,
    )
    return Task(hidden, treatment, cache / f"{name}.zip", pictures)


def prepare_pair(task: Task) -> Verdict:
    """Prepare a pair, unless that is done already.

    Args:
        task: what to prepare; its outcome is written whole or not at all.

    Raises:
        InputError: a file cannot be read.
    """
    verdict = read_verdict(task)
    if verdict is None:
        pair, verdict = align_entry(task.entry, task.treatment)
        mask = pair.valid_mask.astype(np.uint8) * 255
        images = dict(zip(_IMAGES, (pair.fundus, pair.ffa, mask), strict=True))
        about = dataclasses.asdict(verdict) | {"circular": pair.circular}
        with replacing(task.outcome) as temporary:
            _write_outcome(temporary, images, about)
    if task.pictures:
        _draw(task, verdict, task.pictures)
    return verdict


def prepare_pairs(tasks: Sequence[Task], workers: int = 0) -> list[Verdict]:
    """Prepare pairs on all cores; see `prepare_pair`.

    Args:
        tasks: in any order.
        workers: processes; 0 for one on each core.

    Returns:
        The verdicts in the order of the tasks.
    """
    return on_all_cores(prepare_pair, tasks, "preparing", workers)


def read_verdict(task: Task) -> Verdict | None:
    """Return the verdict of a finished pair, `None` if it is not finished."""
    if not task.outcome.exists():
        return None
    with zipfile.ZipFile(task.outcome) as outcome:
        about = json.loads(outcome.read(_VERDICT))
    del about["circular"]
    return Verdict(**about)


def read_record(task: Task) -> dict[str, Any]:
    """Return the record of a finished pair, its images as PNG files."""
    with zipfile.ZipFile(task.outcome) as outcome:
        images = {name: outcome.read(f"{name}.png") for name in _IMAGES}
        circular = json.loads(outcome.read(_VERDICT))["circular"]
    entry = task.entry
    return {
        **images,
        "circular": circular,
        "category": entry.category,
        "patient": entry.patient,
        "eye": entry.eye,
        "pair": entry.pair_id,
    }


def _write_outcome(
    path: Path, images: dict[str, np.ndarray], about: dict
) -> None:
    # The date of an entry is the fixed one of ZipInfo: same pair, same bytes.
    with zipfile.ZipFile(path, "w") as outcome:
        for name, image in images.items():
            entry = zipfile.ZipInfo(f"{name}.png")
            outcome.writestr(entry, encode_png(image))
        outcome.writestr(zipfile.ZipInfo(_VERDICT), json.dumps(about))


def _draw(task: Task, verdict: Verdict, folder: Path) -> None:
    """Write the pictures of a pair under the number of its row."""
    record = read_record(task)
    fundus, ffa = decode_png(record["fundus"]), decode_png(record["ffa"])
    for name, draw in PICTURES.items():
        stem = f"{task.entry.row:05d}_{verdict.status}_{name}"
        write_png(folder / f"{stem}.png", draw(fundus, ffa))
