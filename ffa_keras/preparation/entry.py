"""A pair as a manifest lists it: where its files lie, and whose it is."""

import dataclasses
from pathlib import Path

import numpy as np

from ffa_keras.records.schema import CATEGORIES


@dataclasses.dataclass(frozen=True)
class PairFiles:
    """What alignment needs to know of a pair.

    Attributes:
        fundus: path of the photograph; `None` if the angiogram stands alone.
        ffa: path of the angiogram; `None` if the photograph stands alone.
        matrix: 3x3, fundus xy → FFA xy in pixels, as given; or `None`.
        given: as in `PairEntry`.
        bits: as in `PairEntry`.
        frames: as in `PairEntry`.
        early: as in `PairEntry`.
    """

    fundus: Path | None
    ffa: Path | None
    matrix: np.ndarray | None = None
    given: str = ""
    bits: tuple[int | None, int | None] = (None, None)
    frames: tuple[int | None, int | None] = (None, None)
    early: Path | None = None


@dataclasses.dataclass(frozen=True)
class PairEntry:
    """One row of a manifest.

    Attributes:
        pair_id: unique in the manifest.
        fundus: path of the photograph; `None` if the angiogram stands alone.
        ffa: path of the angiogram; `None` if the photograph stands alone.
        patient: who is photographed; the eye if the manifest does not say.
        eye: which eye, unique among all patients; the pair if it is not said.
        category: one of `schema.CATEGORIES`.
        matrix: 3x3, fundus xy → FFA xy in pixels, as given; or `None`.
        split: the split asked for, or `None`.
        given: what says how the pair is aligned: "affine", "homography",
            "landmarks", "aligned" or, if nothing does, "".
        row: line of the manifest, from 1.
        bits: of the brightest sample possible in the photograph and in the
            angiogram, if their samples have 16; or `None`.
        frames: of a DICOM file of several, which one of the photograph and of
            the angiogram, from 1; or `None`.
        keep: what whoever looked at the pair says: whether it is kept; or
            `None`.
        seconds: from the injection to the angiogram, if that is known.
        early: path of an early frame of the angiogram, by way of which the
            pair may be registered; or `None`.
    """

    pair_id: str
    fundus: Path | None
    ffa: Path | None
    patient: str
    eye: str
    category: str = CATEGORIES[0]
    matrix: np.ndarray | None = None
    split: str | None = None
    given: str = ""
    row: int = 0
    bits: tuple[int | None, int | None] = (None, None)
    frames: tuple[int | None, int | None] = (None, None)
    keep: bool | None = None
    seconds: float | None = None
    early: Path | None = None

    @property
    def files(self) -> PairFiles:
        """Where the files lie, and how the pair lies."""
        names = (field.name for field in dataclasses.fields(PairFiles))
        return PairFiles(**{name: getattr(self, name) for name in names})

    @property
    def paths(self) -> tuple[Path, ...]:
        """The photograph and the angiogram, as far as they are there."""
        return tuple(p for p in (self.fundus, self.ffa) if p is not None)

    @property
    def kinds(self) -> tuple[list[Path], list[Path]]:
        """The photograph, and the angiogram with its early frame."""
        ffa = [path for path in (self.ffa, self.early) if path]
        return [self.fundus] if self.fundus else [], ffa

    @property
    def images(self) -> tuple[tuple[Path, int | None], ...]:
        """All files that are there, each with its frame."""
        files = (self.fundus, self.ffa, self.early)
        frames = (*self.frames, None)
        return tuple(
            (path, frame)
            for path, frame in zip(files, frames, strict=True)
            if path is not None
        )

    @property
    def lone(self) -> str:
        """Which of `schema.LONE` stands alone; empty for a pair."""
        if len(self.paths) > 1:
            return ""
        return "ffa" if self.fundus is None else "fundus"

    def unit(self, split_by: str) -> str:
        """Return what may not be torn apart, by one of `schema.SPLIT_UNITS`."""
        if split_by == "image":
            return self.pair_id
        return self.eye if split_by == "eye" else self.patient
