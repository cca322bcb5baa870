"""Put every system before the same held-out eyes."""

import dataclasses
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import tensorflow_datasets as tfds

from ffa_keras.data.pipeline import find_dataset, load_pairs
from ffa_keras.evaluation.inception import (
    InceptionFeatures,
    frechet_distance,
    kernel_distance,
)
from ffa_keras.evaluation.memorisation import TrainingImages
from ffa_keras.evaluation.metrics import judge
from ffa_keras.translation.whole import Translator

NO_INCEPTION = (
    "not computed: give a file of Inception weights with --inception_weights"
)
_SHORT = 8


@dataclasses.dataclass(frozen=True)
class Case:
    """A held-out eye and the answers to its photograph.

    Attributes:
        pair: first digits of its hash.
        category: name of its class.
        fundus: uint8 [H, W, 3].
        real: uint8 [H, W, 1].
        mask: bool [H, W, 1], the valid area.
        leakage: bool [H, W, 1], where the eye leaks; `None` if not known.
        fakes: uint8 [H, W, 1] by the name of who answered.
    """

    pair: str
    category: str
    fundus: np.ndarray
    real: np.ndarray
    mask: np.ndarray
    leakage: np.ndarray | None
    fakes: dict[str, np.ndarray]


class Judging:
    """Judge translators on a split of a prepared dataset.

    Args:
        dataset_dir: prepared dataset.
        split: which of its splits.
        translators: fundus uint8 [H, W, 3] to FFA uint8 [H, W, 1], by name.
        inception: features for KID and FID; `None` leaves both out.

    Attributes:
        images: by name, one dict an image with `pair`, `patient`, `category`
            and the figures, once `cases` has run through.

    Raises:
        InputError: dataset or split cannot be had.
    """

    def __init__(
        self,
        dataset_dir: str,
        split: str,
        translators: Mapping[str, Translator],
        inception: InceptionFeatures | None = None,
    ):
        self._pairs = load_pairs(dataset_dir, split)
        self._categories = category_names(dataset_dir)
        self._translators = dict(translators)
        self._training = TrainingImages(load_pairs(dataset_dir, "train"))
        self._inception = inception
        self._real_features: list[np.ndarray] = []
        self._features: dict[str, list[np.ndarray]] = {
            name: [] for name in translators
        }
        self.images: dict[str, list[dict[str, Any]]] = {
            name: [] for name in translators
        }

    def __len__(self) -> int:
        return int(self._pairs.cardinality())

    def cases(self) -> Iterator[Case]:
        """Judge and yield one eye after the other."""
        for pair in tfds.as_numpy(self._pairs):
            fundus, real, mask = (
                pair[name] for name in ("fundus", "ffa", "valid_mask")
            )
            leakage = pair.get("leakage_mask")
            about = {
                "pair": pair["pair"].decode()[:_SHORT],
                "patient": pair["patient"].decode(),
                "category": self._categories[int(pair["category"])],
            }
            fakes = {n: f(fundus) for n, f in self._translators.items()}
            for name, fake in fakes.items():
                figures = judge(real, fake, mask, leakage)
                figures |= self._training.nearest(real, fake)
                self.images[name].append({**about, **figures})
            self._gather_features(real, fakes)
            yield Case(
                about["pair"],
                about["category"],
                fundus,
                real,
                mask > 0,
                None if leakage is None else leakage > 0,
                fakes,
            )

    def distances(self) -> dict[str, Any]:
        """Return KID and FID of each name, or the reason why there are none."""
        if self._inception is None:
            return {"KID and FID": NO_INCEPTION}
        count = len(self._real_features)
        if count < 2:
            return {"KID and FID": "not computed: fewer than two images"}
        real = np.stack(self._real_features)
        result = {}
        for name, features in self._features.items():
            fake = np.stack(features)
            result[f"KID and FID of {name}"] = (
                f"{kernel_distance(real, fake):.4f} and"
                f" {frechet_distance(real, fake):.2f}, N = {count}"
            )
        return result

    def _gather_features(
        self, real: np.ndarray, fakes: dict[str, np.ndarray]
    ) -> None:
        if self._inception is None:
            return
        self._real_features.append(self._inception(real))
        for name, fake in fakes.items():
            self._features[name].append(self._inception(fake))


def category_names(dataset_dir: str) -> list[str]:
    """Return the names of a dataset's classes."""
    builder = tfds.builder_from_directory(find_dataset(dataset_dir))
    return builder.info.features["category"].names
