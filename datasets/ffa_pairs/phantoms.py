"""Pairs that the project draws itself, as tasks of the preparation."""

import dataclasses
from typing import Any

import numpy as np

from ffa_keras.images.files import encode_png
from ffa_keras.phantom import make_pair
from ffa_keras.preparation.align import Verdict, align_images
from ffa_keras.preparation.prepare import HiddenPair
from ffa_keras.preparation.splits import hashed_id
from ffa_keras.records.schema import LEAKAGE

# The splits of ten patients: 20 % test, and every split from four pairs on.
_SPLITS = (
    "train test validation train train train test train train train"
).split()


@dataclasses.dataclass(frozen=True)
class PhantomTask:
    """A phantom to draw.

    Attributes:
        pair: what may be told of it.
        seed: of the eye.
        size: side of the images, pixels.
    """

    pair: HiddenPair
    seed: int
    size: int

    def prepare(self) -> Verdict:
        """Accept the pair, which is drawn as it is written."""
        return Verdict(True, "drawn", "", {})

    def record(self) -> dict[str, Any]:
        """Return its record, masks as 0 or 255."""
        raw = make_pair(self.seed, self.pair.category, self.size)
        pair = align_images(raw.fundus, raw.ffa, raw.matrix)
        masks = {
            "valid_mask": pair.valid_mask,
            "vessel_mask": raw.vessel_mask > 0,
            "leakage_mask": raw.leakage_mask > 0,
        }
        images = {
            name: mask.astype(np.uint8) * 255 for name, mask in masks.items()
        } | {"fundus": pair.fundus, "ffa": pair.ffa}
        # TensorFlow's encoder, which TFDS would use, takes 15 times as long.
        encoded = {name: encode_png(image) for name, image in images.items()}
        return self.pair.record(encoded, pair.circular)


def phantom_tasks(num_pairs: int, size: int, seed: int) -> list[PhantomTask]:
    """Return the tasks of a collection; two of three pairs are one patient's.

    Args:
        num_pairs: of all splits together.
        size: side of the images, pixels.
        seed: same seed, same pairs.
    """
    key = f"phantom {seed}".encode()
    tasks = []
    for number in range(num_pairs):
        patient = 2 * (number // 3) + number % 3 // 2
        pair = HiddenPair(
            hashed_id(key, "pair", f"{number}"),
            hashed_id(key, "patient", f"{patient}"),
            hashed_id(key, "eye", f"{number}"),  # One photograph of each eye.
            LEAKAGE[number % len(LEAKAGE)],
            _SPLITS[patient % len(_SPLITS)],
            number + 1,
        )
        tasks.append(PhantomTask(pair, seed * 1_000_003 + number, size))
    return tasks
