"""The eyes that systems are judged on, wherever they come from."""

import dataclasses
from collections.abc import Iterable, Iterator, Mapping

import numpy as np

from ffa_keras.evaluation.baselines import CHANCE, resized
from ffa_keras.evaluation.measures import Eye
from ffa_keras.records.dataset import PreparedDataset
from ffa_keras.records.patches import PatchSampling, allowed_places, circle

FEATURES = (
    "pair", "patient", "eye", "category", "circular", "fundus", "ffa",
    "valid_mask", "leakage_mask",
)  # fmt: skip
_SHORT = 8


@dataclasses.dataclass(frozen=True)
class HeldOut:
    """A held-out eye and what is known of it.

    Attributes:
        pair: what outputs call it: first digits of its hash, or a number.
        patient: whose eye it is, empty if it is not known; no output holds it.
        category: name of its class; empty if there are none.
        eye: photograph, real FFA and masks.
        circular: whether the photograph is a disc.
        groups: its subgroups by column, such as `{"sex": "f"}`.
        predictions: those at hand, uint8 [H, W, 1] by the name of the system;
            others are made from the photograph.
        beside: pictures that no system made, such as what chance gives; they
            are judged after all systems. `None` where this eye has none and
            others have.
        eye_id: of which eye, by any name, since eyes weigh alike; empty if it
            counts by itself, as patches do. No output holds it.
    """

    pair: str
    patient: str
    category: str
    eye: Eye
    circular: bool = False
    groups: Mapping[str, str] = dataclasses.field(default_factory=dict)
    predictions: Mapping[str, np.ndarray] = dataclasses.field(
        default_factory=dict
    )
    beside: Mapping[str, np.ndarray | None] = dataclasses.field(
        default_factory=dict
    )
    eye_id: str = ""

    @property
    def owner(self) -> str:
        """Whose it is, as far as is known: a patient, an eye or a picture."""
        return self.patient or self.eye_id or self.pair


def eyes_of(
    dataset: PreparedDataset,
    split: str,
    groups: Mapping[str, Mapping[str, str]] | None = None,
) -> Iterator[HeldOut]:
    """Yield the eyes of a split of a prepared dataset.

    Args:
        dataset: which.
        split: which of its splits.
        groups: the subgroups of each pair by its hash.

    Raises:
        InputError: the split cannot be had, or a record cannot be judged.
    """
    for record in dataset.records(split, FEATURES):
        pair = record["pair"].decode()
        leakage = record.get("leakage_mask")
        yield HeldOut(
            pair[:_SHORT],
            record["patient"].decode(),
            dataset.categories[int(record["category"])],
            Eye(
                record["fundus"],
                record["ffa"],
                record["valid_mask"] > 0,
                None if leakage is None else leakage > 0,
            ),
            bool(record.get("circular", False)),
            (groups or {}).get(pair, {}),
            eye_id=record["eye"].decode(),
        )


def with_chance(eyes: Iterable[HeldOut]) -> Iterator[HeldOut]:
    """Put the real FFA of another patient beside each eye's own.

    It is that of the last eye before it that is not the same patient's; of the
    first patient's eyes, which wait for it, that of the next one. Where all
    eyes are one patient's there is none.

    Args:
        eyes: one after the other.
    """
    waiting: list[HeldOut] = []
    last: HeldOut | None = None
    other: HeldOut | None = None
    for held in eyes:
        if last is not None and held.owner != last.owner:
            other = last
        if other is None:
            waiting.append(held)
        else:
            yield from (_beside(first, held) for first in waiting)
            waiting = []
            yield _beside(held, other)
        last = held
    yield from waiting


def _beside(held: HeldOut, other: HeldOut) -> HeldOut:
    """Return an eye with the real FFA of another, in its size."""
    image = resized(other.eye.real[..., 0], held.eye.real.shape[:2])
    beside = {**held.beside, CHANCE: image[..., None]}
    return dataclasses.replace(held, beside=beside)


def patches_of(
    eyes: Iterable[HeldOut], sampling: PatchSampling
) -> Iterator[HeldOut]:
    """Cut eyes into the patches that the paper's Tables 1 and 2 are means of.

    Photograph and FFA are black outside the valid mask and, where the sampling
    says so, outside the circle as wide as the patch; that black counts.

    Args:
        eyes: full frames; those smaller than a patch give none.
        sampling: size, grid and mask of the patches, as in training.
    """
    size = np.array([sampling.height, sampling.width])
    disc = circle(*size)
    for held in eyes:
        eye = held.eye
        if (eye.mask.shape[:2] < size).any():
            continue
        round_ = sampling.circular_mask == "always" or (
            sampling.circular_mask == "auto" and held.circular
        )
        places = np.argwhere(allowed_places(eye.mask, sampling).numpy())
        for number, (top, left) in enumerate(places):
            part = np.s_[top : top + size[0], left : left + size[1]]
            mask = eye.mask[part] & disc if round_ else eye.mask[part]
            fundus, real = (
                np.where(mask, image[part], np.uint8(0))
                for image in (eye.fundus, eye.real)
            )
            yield dataclasses.replace(
                held,
                pair=f"{held.pair}-{number}",
                eye=Eye(fundus, real, mask),
                eye_id="",
            )
