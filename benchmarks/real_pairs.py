"""Real pairs, registered by their vessels, for the benchmarks that judge."""

import csv
import dataclasses
from pathlib import Path

import numpy as np

from ffa_keras.images.files import read_ffa, read_fundus
from ffa_keras.preparation.align import AlignedPair, align_registered
from ffa_keras.registration import RegistrationResult, register_pair


@dataclasses.dataclass(frozen=True)
class Pair:
    """A real pair, registered.

    Attributes:
        name: of the pair.
        eye: whose repeats share it.
        colour: whether the photograph is no red-free one.
        fundus: uint8 [H, W, 3].
        ffa: uint8 [H', W', 1].
        result: how the photograph lies on the FFA.
        aligned: both in the frame of the FFA.
    """

    name: str
    eye: str
    colour: bool
    fundus: np.ndarray
    ffa: np.ndarray
    result: RegistrationResult
    aligned: AlignedPair


def read_pairs(folder: Path) -> list[Pair]:
    """Read pairs and register each by its vessels.

    Args:
        folder: with `pairs.csv` and the files that it names.
    """
    pairs = []
    with open(folder / "pairs.csv", encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            fundus = read_fundus(folder / row["fundus"])
            ffa = read_ffa(folder / row["ffa"])
            result = register_pair(fundus, ffa)
            pairs.append(
                Pair(
                    name=row["pair_id"],
                    eye=row["eye"],
                    colour=row["fundus_kind"] == "color",
                    fundus=fundus,
                    ffa=ffa,
                    result=result,
                    aligned=align_registered(fundus, ffa, result),
                )
            )
    return pairs
