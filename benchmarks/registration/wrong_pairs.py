"""Photographs registered with the angiograms of other eyes.

An image stands in many pairs, so its vessels are found once for all of them;
what each pair gets is what `register_pair` gives it.
"""

import contextlib
import csv
import dataclasses
import functools
import itertools
import random
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import get_type_hints

import numpy as np

from benchmarks.harness import figure, show_table
from benchmarks.registration.trial import Pair
from ffa_keras.images.files import read_ffa, read_fundus
from ffa_keras.registration.estimate import by_vessels
from ffa_keras.registration.quality import (
    MIN_INLIER_RATIO,
    MIN_INLIERS,
    evidence,
)
from ffa_keras.registration.register import checked_views, judged
from ffa_keras.registration.view import View

_EYES = ("the second half", "one of each half", "the first half")


@dataclasses.dataclass(frozen=True)
class Row:
    """A row of a manifest, whose files are read when asked for."""

    name: str
    eye: str
    files: dict[str, Path]

    def pair(self) -> Pair:
        """Read the pair; it has no landmarks."""
        none = np.zeros((0, 2))
        return Pair(
            self.name, self.eye, read_fundus(self.files["fundus"]),
            read_ffa(self.files["ffa"]), none, none,
        )  # fmt: skip


def read_rows(paths: list[Path]) -> list[Row]:
    """Read manifests; eyes of different folders are different eyes."""
    return [
        Row(
            row["pair_id"],
            f"{path.parent.name} {row.get('eye') or row['pair_id']}",
            {
                name: path.parent / row[name]
                for name in ("fundus", "ffa", "early_ffa")
                if row.get(name)
            },
        )
        for path in paths
        for row in csv.DictReader(path.read_text().splitlines())
    ]


@dataclasses.dataclass(frozen=True)
class _KeptView(View):
    """A view that keeps what it has made, for the next pair.

    Attributes:
        sizes: the views of the same image, by their scale.
    """

    sizes: dict[float, View]

    def resized(self, factor: float) -> View:
        return _kept(super().resized(factor), self.sizes)

    @functools.cached_property
    def _turned(self) -> dict[float, np.ndarray]:
        return {}

    def described(self, turn: float, scale: float) -> np.ndarray:
        if scale != 1:  # Of no other pair.
            return super().described(turn, scale)
        if turn not in self._turned:
            self._turned[turn] = super().described(turn, scale)
        return self._turned[turn]


def _kept(view: View, sizes: dict[float, View]) -> View:
    if view.scale not in sizes:
        sizes[view.scale] = _KeptView(
            view.image, view.scale, view.polarity, sizes
        )
    return sizes[view.scale]


@dataclasses.dataclass(frozen=True)
class _Found:
    """What a wrong pair gets; a line of the log."""

    view: str
    photograph: str
    ffa: str
    eyes: str
    accepted: int
    keypoints: int
    share: float
    correlation: float
    vessels: float
    blocks: int
    evidence: float


def show_wrong_pairs(
    paths: list[Path], views: Mapping[str, Callable[[Pair], Pair]], log: str
) -> None:
    """Register photographs with the FFAs of other eyes and print the table.

    Args:
        paths: of manifests.
        views: by name what changes the photographs.
        log: file for what was found, which is not sought again; empty: none.
    """
    found = _logged(log)
    known = {(one.view, one.photograph, one.ffa) for one in found}
    # An interrupt ends the search; the table is of what was found.
    with contextlib.suppress(KeyboardInterrupt):
        for one in _sought(read_rows(paths), views, known):
            line = ",".join(map(str, dataclasses.astuple(one)))
            print(line, flush=True)
            if log:
                with Path(log).open("a") as file:
                    file.write(line + "\n")
            found.append(one)
    show_table(
        ("wrong pairs", "both eyes of", "number", "accepted", "most keypoints",
         "highest correlation", "most vessels in place", "most blocks",
         "most evidence"),
        _table(found, views),
        "--wrong_pairs",
    )  # fmt: skip


def _logged(log: str) -> list[_Found]:
    if not log or not Path(log).exists():
        return []
    kinds = get_type_hints(_Found).values()
    return [
        _Found(*(kind(cell) for kind, cell in zip(kinds, cells, strict=True)))
        for cells in csv.reader(Path(log).read_text().splitlines())
    ]


def _sought(
    rows: list[Row],
    views: Mapping[str, Callable[[Pair], Pair]],
    known: set[tuple[str, str, str]],
) -> Iterator[_Found]:
    pairs = [row.pair() for row in rows]
    # A photograph with an early and a late FFA stands in two rows.
    first = {row.files["fundus"]: n for n, row in reversed([*enumerate(rows)])}
    # Every other eye; no image of one half is an image of the other.
    half = set([*dict.fromkeys(pair.eye for pair in pairs)][::2])
    # Whoever stops early has seen FFAs taken at random, each with all eyes.
    ffas = random.Random(0).sample(pairs, len(pairs))
    for name, view in views.items():
        changed: list[tuple[Pair, dict[float, View]]] = [
            (view(pairs[n]), {}) for n in sorted(first.values())
        ]
        for other in ffas:
            sizes: dict[float, View] = {}
            for pair, its_sizes in changed:
                key = (name, pair.name, other.name)
                if pair.eye == other.eye or key in known:
                    continue
                fixed, moving = checked_views(pair.fundus, other.ffa)
                result = judged(
                    by_vessels(_kept(fixed, sizes), _kept(moving, its_sizes)),
                    other.ffa.shape[:2],
                    (MIN_INLIERS, MIN_INLIER_RATIO),
                )
                quality = result.quality
                yield _Found(
                    *key,
                    _EYES[(pair.eye in half) + (other.eye in half)],
                    int(result.accepted),
                    quality.num_inliers,
                    quality.inlier_ratio,
                    quality.vessel_ncc,
                    quality.centreline_fraction,
                    quality.num_blocks,
                    evidence(quality),
                )


def _table(found: list[_Found], views: Iterable[str]) -> Iterator[tuple]:
    for view, eyes in itertools.product(views, _EYES[::-1]):
        those = [one for one in found if (one.view, one.eyes) == (view, eyes)]
        if those:
            yield (
                view, eyes, len(those), sum(one.accepted for one in those),
                max(one.keypoints for one in those),
                *(
                    figure(max(getattr(one, name) for one in those), 2)
                    for name in ("correlation", "vessels")
                ),
                max(one.blocks for one in those),
                figure(max(one.evidence for one in those), 2),
            )  # fmt: skip
