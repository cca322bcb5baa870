"""Training patches whose photographs and FFA images do not belong together."""

from typing import Any

import tensorflow as tf

from ffa_keras.errors import InputError
from ffa_keras.records.dataset import PreparedDataset
from ffa_keras.records.patches import PatchSampling
from ffa_keras.records.pipeline import TrainingPatches
from ffa_keras.records.schema import LONE

# The FFA images of an epoch are those of one so much later: another order of
# the pairs, other places, other variations. No run has so many epochs.
_LATER = 500_000


class UnpairedPatches:
    """Batches of unpaired training patches, for CycleGAN and its like.

    Photographs are drawn from the pairs and from those that stand alone, FFA
    images likewise, each in an order of its own. An epoch ends with the
    smaller of the two pools; the other goes on with other images in the next,
    by chance. As in CycleGAN's own sampling, the two come from one pair now
    and then.

    Args:
        dataset: whose train split is read.
        sampling: size, place and variation of the patches.
        seed: of every order and random choice.

    Attributes:
        pair_ids: hash of each record; if any image stands alone, those that
            hold photographs, then those that hold FFA images.
        num_patches: patches of each kind in an epoch.

    Raises:
        InputError: there is no photograph, or no FFA image; or as
            `TrainingPatches`.
    """

    def __init__(
        self, dataset: PreparedDataset, sampling: PatchSampling, seed: int
    ):
        for lone, name in LONE.items():
            if not dataset.stores_of("train", lone):
                raise InputError(
                    f"{dataset.folder}: the train split holds no {name}, and"
                    " every method learns from both kinds; add some to the"
                    " manifest"
                )
        first, second = (dataset.stores_of("train", lone) for lone in LONE)
        self._photographs = TrainingPatches(dataset, sampling, seed, "fundus")
        self.pair_ids = list(self._photographs.pair_ids)
        self._ffa, self._before_ffa = self._photographs, 0
        if first != second:  # Pairs alone are held once.
            self._ffa = TrainingPatches(dataset, sampling, seed, "ffa")
            self._before_ffa = len(self.pair_ids)
            self.pair_ids += self._ffa.pair_ids
        self.num_patches = min(
            self._photographs.num_patches, self._ffa.num_patches
        )

    def steps(self, batch_size: int) -> int:
        """Return the number of full batches in an epoch."""
        return self.num_patches // batch_size

    def epoch(
        self, epoch: int, batch_size: int, skip: int = 0
    ) -> tf.data.Dataset:
        """Return the batches of an epoch.

        Args:
            epoch: its number, from 0, less than 500,000.
            batch_size: patches in a batch; an incomplete last one is dropped.
            skip: batches left out at the start, to resume within an epoch.

        Returns:
            Dataset of `fundus` float32 [B, height, width, 3] and `ffa` float32
            [B, height, width, 1], in [-1, 1], of different patches, and `pair`
            int64 [2 B], the positions in `pair_ids` of the photographs, then
            of the FFA images.
        """
        fundus = self._photographs.epoch(epoch, batch_size, skip)
        ffa = self._ffa.epoch(epoch + _LATER, batch_size, skip)
        before = self._before_ffa

        def unpair(
            first: dict[str, Any], second: dict[str, Any]
        ) -> dict[str, Any]:
            return {
                "fundus": first["fundus"],
                "ffa": second["ffa"],
                "pair": tf.concat([first["pair"], second["pair"] + before], 0),
            }

        return tf.data.Dataset.zip(fundus, ffa).map(unpair)
